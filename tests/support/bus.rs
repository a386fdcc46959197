//! A D-Bus of the test's own, and services on it that are played by python-dbusmock.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::StreamExt as _;
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::time::timeout;
use zbus::fdo::DBusProxy;
use zbus::message::Type;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, MatchRule, MessageStream};

use super::{SOON, tool, write};

/// What dbusmock is asked and told through.
const MOCK: &str = "org.freedesktop.DBus.Mock";

/// A running dbus-daemon. It is both the session's and the system's bus for who is started on it, and knows no service
/// that it could start.
pub(crate) struct Bus {
    process: Child,
    address: String,
    _own: TempDir,
}

/// A service that is played.
pub(crate) struct Mock {
    process: Child,
    connection: Connection,
    name: String,
    path: String,
}

/// The calls a service gets, as they come.
pub(crate) struct Calls(MessageStream);

impl Bus {
    pub(crate) fn start() -> Self {
        let own = tempfile::tempdir().expect("a folder");
        let config = own.path().join("bus.conf");
        write(&config, config_in(own.path()).as_bytes());
        let mut process = tool("dbus-daemon", "dbus")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon to start");
        let out = process.stdout.take().expect("its output");
        let mut bus = Self { process, address: String::new(), _own: own };
        // It says its address once it listens there.
        BufReader::new(out).read_line(&mut bus.address).expect("an address");
        bus.address.truncate(bus.address.trim_end().len());
        assert!(bus.address.starts_with("unix:"), "dbus-daemon did not start: {}", bus.address);
        bus
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A connection of the test's own.
    pub(crate) async fn connect(&self) -> Connection {
        let builder = zbus::connection::Builder::address(self.address()).expect("an address");
        builder.method_timeout(SOON).build().await.expect("a connection")
    }

    /// How many connections there are, this one and the bus itself included.
    pub(crate) async fn connections(&self) -> usize {
        let connection = self.connect().await;
        let names = DBusProxy::new(&connection).await.expect("the bus").list_names().await.expect("names");
        names.iter().filter(|name| name.starts_with(':')).count()
    }

    /// Puts a program on this bus.
    pub(crate) fn put<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).env("DBUS_SYSTEM_BUS_ADDRESS", &self.address)
    }

    /// A service made of one of dbusmock's templates, which takes this name and has its main object there.
    pub(crate) async fn template(&self, template: &str, name: &str, path: &str, parameters: &Json) -> Mock {
        let mut command = dbusmock();
        command.args(["--template", template, "--parameters", &parameters.to_string()]);
        self.play(command, name, path).await
    }

    /// A service with one object, which has only the methods the test gives it.
    pub(crate) async fn service(&self, name: &str, path: &str, interface: &str) -> Mock {
        let mut command = dbusmock();
        command.args([name, path, interface]);
        self.play(command, name, path).await
    }

    /// Starts it and waits until its name has an owner.
    async fn play(&self, mut command: Command, name: &str, path: &str) -> Mock {
        let connection = self.connect().await;
        let bus = DBusProxy::new(&connection).await.expect("the bus");
        let mut owners = bus.receive_name_owner_changed_with_args(&[(0, name)]).await.expect("its signals");
        self.put(&mut command).stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().expect("python to start");
        let mock = Mock { process, connection, name: name.into(), path: path.into() };
        timeout(SOON, owners.next()).await.expect("the service in time").expect("its name");
        mock
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended; then there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Mock {
    /// Gives its object a method; `code` is Python, sees `args` and sets `ret`.
    pub(crate) async fn method(&self, interface: &str, name: &str, takes: &str, gives: &str, code: &str) {
        self.ask("AddMethod", &(interface, name, takes, gives, code)).await;
    }

    /// What the calls of that method were given, oldest first.
    pub(crate) async fn calls(&self, method: &str) -> Vec<Vec<OwnedValue>> {
        let reply = self.ask("GetMethodCalls", &(method,)).await;
        let calls: Vec<(u64, Vec<OwnedValue>)> = reply.body().deserialize().expect("calls");
        calls.into_iter().map(|(_, given)| given).collect()
    }

    /// The calls it gets from now on.
    pub(crate) async fn listen(&self) -> Calls {
        let rule = MatchRule::builder().msg_type(Type::Signal).interface(MOCK).expect("a name");
        let rule =
            rule.member("MethodCalled").expect("a name").path(self.path.as_str()).expect("a path").build();
        Calls(MessageStream::for_match_rule(rule, &self.connection, Some(1024)).await.expect("signals"))
    }

    /// Has it send a signal.
    pub(crate) async fn emit(&self, interface: &str, name: &str, signature: &str, with: &[Value<'_>]) {
        self.ask("EmitSignal", &(interface, name, signature, with)).await;
    }

    /// Ends it and waits until the bus knows.
    pub(crate) async fn end(mut self) {
        let bus = DBusProxy::new(&self.connection).await.expect("the bus");
        let mut owners =
            bus.receive_name_owner_changed_with_args(&[(0, &self.name)]).await.expect("its signals");
        self.process.kill().expect("it was running");
        timeout(SOON, owners.next()).await.expect("its end in time").expect("its name");
    }

    async fn ask<A: serde::Serialize + zbus::zvariant::DynamicType>(
        &self,
        what: &str,
        with: &A,
    ) -> zbus::Message {
        let (name, path) = (self.name.as_str(), self.path.as_str());
        self.connection
            .call_method(Some(name), path, Some(MOCK), what, with)
            .await
            .expect("an answer of dbusmock")
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // It may have ended; then there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Calls {
    /// What the next call of that method is given; those of others are passed over.
    pub(crate) async fn next(&mut self, method: &str) -> Vec<OwnedValue> {
        loop {
            let signal = timeout(SOON, self.0.next()).await;
            let Ok(Some(Ok(signal))) = signal else { panic!("no call of {method} in time: {signal:?}") };
            let (name, given): (String, Vec<OwnedValue>) = signal.body().deserialize().expect("a call");
            if name == method {
                return given;
            }
        }
    }
}

/// The Python that has dbusmock: the system's own, or the user's.
fn dbusmock() -> Command {
    let has_it = |python: &&'static str| {
        let mut command = Command::new(python);
        command
            .args(["-c", "import dbusmock"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    match ["/usr/bin/python3", "python3"].into_iter().find(has_it) {
        Some(python) => {
            let mut command = Command::new(python);
            command.args(["-m", "dbusmock"]);
            command
        }
        None => panic!("This test needs dbusmock. You can install it with: apt-get install python3-dbusmock"),
    }
}

fn config_in(folder: &Path) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        folder.display()
    )
}
