"""A keyring of the Secret Service API, as a template of python-dbusmock: one collection, open or locked."""

import functools

import dbus
from dbusmock import mockobject

BUS_NAME = "org.freedesktop.secrets"
MAIN_OBJ = "/org/freedesktop/secrets"
MAIN_IFACE = "org.freedesktop.Secret.Service"
SYSTEM_BUS = False

COLLECTION = MAIN_OBJ + "/collection/login"
SESSION = MAIN_OBJ + "/session/1"
ITEM = "org.freedesktop.Secret.Item"
ATTRIBUTES = ITEM + ".Attributes"
TEST = "org.example.Test"


def load(mock, parameters):
    """One collection, which is the usual one."""
    mock.items = {}
    mock.count = 0
    for does in (create, delete, secret):
        setattr(mock, "item_" + does.__name__, functools.partial(does, mock))
    code = "ret = objects['%s'].item_create(*args)" % MAIN_OBJ
    locked = {"Locked": dbus.Boolean(parameters.get("locked", False))}
    mock.AddObject(
        COLLECTION,
        "org.freedesktop.Secret.Collection",
        locked,
        [("CreateItem", "a{sv}(oayays)b", "oo", code)],
    )


def create(mock, properties, given, replace):
    """An item, in place of one with the same attributes."""
    attributes = dict(properties[ATTRIBUTES])
    session, _, value, _ = given
    assert session == SESSION
    for path, (known, _) in mock.items.items():
        if replace and known == attributes:
            mock.items[path] = (attributes, bytes(value))
            return path, "/"
    mock.count += 1
    path = "%s/%d" % (COLLECTION, mock.count)
    mock.items[path] = (attributes, bytes(value))
    of = "objects['%s']" % MAIN_OBJ
    mock.AddObject(
        path,
        ITEM,
        {"Attributes": dbus.Dictionary(attributes, signature="ss")},
        [
            ("Delete", "", "o", "ret = %s.item_delete(self.path)" % of),
            ("GetSecret", "o", "(oayays)", "ret = %s.item_secret(self.path, args[0])" % of),
        ],
    )
    return path, "/"


def delete(mock, path):
    """Takes an item away."""
    del mock.items[path]
    return "/"


def secret(mock, path, session):
    """What an item holds."""
    value = dbus.ByteArray(mock.items[path][1])
    return dbus.Struct((dbus.ObjectPath(session), dbus.ByteArray(b""), value, "text/plain"), signature="oayays")


@dbus.service.method(MAIN_IFACE, in_signature="s", out_signature="o")
def ReadAlias(self, name):
    return COLLECTION if name == "default" else "/"


@dbus.service.method(MAIN_IFACE, in_signature="sv", out_signature="vo")
def OpenSession(self, algorithm, _given):
    assert algorithm == "plain"
    return dbus.String("", variant_level=1), SESSION


@dbus.service.method(MAIN_IFACE, in_signature="a{ss}", out_signature="aoao")
def SearchItems(self, attributes):
    wanted = set(attributes.items())
    found = [path for path, (known, _) in self.items.items() if wanted <= set(known.items())]
    return dbus.Array(found, signature="o"), dbus.Array([], signature="o")


@dbus.service.method(TEST, in_signature="", out_signature="a{ss}")
def Stored(self):
    """What is kept, by download."""
    kept = {known["download"]: value.decode() for known, value in self.items.values()}
    return dbus.Dictionary(kept, signature="ss")


assert mockobject
