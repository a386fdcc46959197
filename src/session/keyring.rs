//! The desktop's keyring, by the Secret Service API 0.2: where what no file may hold survives a restart.
//!
//! Only a keyring that is there and open is used: nobody is asked for its password because of a download. The secrets go
//! over the session bus as they are (`plain`): who can listen there can ask the keyring as well. Own calls over zbus, since
//! the crates for it bring a second zbus or ciphers we have no use for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::timeout;
use zbus::zvariant::{DynamicType, ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Message};

use super::SessionBus;

const NAME: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What stands for no object.
const NOTHING: &str = "/";

/// How long one answer may take. A keyring that takes longer waits for somebody, and does without us.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Why it cannot be used now.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("there is no keyring, or none that is open")]
    Closed,
    #[error("the keyring wants to ask the user")]
    Asks,
    #[error("the keyring does not answer")]
    Silent,
    #[error(transparent)]
    Bus(#[from] zbus::Error),
}

/// What is still to be done: for each thing its name for people and its secret, or that it is to be forgotten. The last
/// word counts, so this never holds more than there are things.
#[derive(Default)]
struct Wishes {
    open: BTreeMap<String, Option<(String, String)>>,
    is_closed: bool,
}

/// The way to it. Cheap to clone; nothing here waits.
#[derive(Clone)]
pub struct Keyring {
    bus: SessionBus,
    owner: String,
    wishes: Arc<Mutex<Wishes>>,
    news: Arc<Notify>,
}

impl Keyring {
    /// One for what belongs to `owner`; others see nothing of it.
    #[must_use]
    pub fn new(bus: SessionBus, owner: impl Into<String>) -> Self {
        Self { bus, owner: owner.into(), wishes: Arc::default(), news: Arc::default() }
    }

    /// Has a secret kept for a thing, in place of an earlier one; `label` is what people see of it.
    pub fn keep(&self, thing: impl Into<String>, label: impl Into<String>, secret: impl Into<String>) {
        self.wish(thing.into(), Some((label.into(), secret.into())));
    }

    /// Has what is kept for a thing forgotten, if there is something.
    pub fn forget(&self, thing: impl Into<String>) {
        self.wish(thing.into(), None);
    }

    fn wish(&self, thing: String, what: Option<(String, String)>) {
        self.with_wishes(|wishes| wishes.open.insert(thing, what));
        self.news.notify_one();
    }

    /// No more is to be kept: [`Keyring::serve`] ends once it has done what there is.
    pub fn close(&self) {
        self.with_wishes(|wishes| wishes.is_closed = true);
        self.news.notify_one();
    }

    fn with_wishes<T>(&self, does: impl FnOnce(&mut Wishes) -> T) -> T {
        does(&mut self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Carries out the wishes, one after the other, until [`Keyring::close`]. Without any it has no connection and no
    /// timer. What cannot be done is not done: then a secret lives as long as the program.
    pub async fn serve(self) {
        loop {
            let (open, is_closed) =
                self.with_wishes(|wishes| (std::mem::take(&mut wishes.open), wishes.is_closed));
            if !open.is_empty()
                && let Err(trouble) = self.carry_out(open).await
            {
                tracing::info!(%trouble, "secrets stay in memory only");
            }
            if is_closed {
                return;
            }
            self.news.notified().await;
        }
    }

    async fn carry_out(&self, wishes: BTreeMap<String, Option<(String, String)>>) -> Result<(), Trouble> {
        let service = Service::open(&self.bus).await?;
        for (thing, wish) in wishes {
            match wish {
                Some((label, secret)) => {
                    service.keep(&self.attributes(Some(&thing)), &label, &secret).await?;
                }
                None => service.forget(&self.attributes(Some(&thing))).await?,
            }
        }
        Ok(())
    }

    /// All that is kept, by thing; `None` where there is no open keyring, which may come to be one.
    pub async fn recall(&self) -> Option<HashMap<String, String>> {
        let recall = async { Service::open(&self.bus).await?.recall(&self.attributes(None)).await };
        match timeout(ANSWER_WITHIN, recall).await.unwrap_or(Err(Trouble::Silent)) {
            Ok(known) => Some(known),
            Err(trouble) => {
                tracing::info!(%trouble, "the keyring was asked in vain");
                None
            }
        }
    }

    fn attributes<'a>(&'a self, thing: Option<&'a str>) -> HashMap<&'a str, &'a str> {
        let common = [("application", "meanwhile"), (OWNER, self.owner.as_str())];
        common.into_iter().chain(thing.map(|thing| (THING, thing))).collect()
    }
}

const OWNER: &str = "folder";
const THING: &str = "download";

/// An open keyring.
struct Service {
    connection: Connection,
    collection: OwnedObjectPath,
    session: OwnedObjectPath,
}

impl Service {
    /// Finds the usual collection and opens a session; neither asks anybody anything.
    async fn open(bus: &SessionBus) -> Result<Self, Trouble> {
        let connection = timeout(ANSWER_WITHIN, bus.connect()).await.map_err(|_| Trouble::Silent)??;
        let reply = call(&connection, PATH, SERVICE, "ReadAlias", &"default").await?;
        let collection: OwnedObjectPath = reply.body().deserialize()?;
        if collection.as_str() == NOTHING {
            return Err(Trouble::Closed);
        }
        let locked =
            call(&connection, collection.as_str(), PROPERTIES, "Get", &(COLLECTION, "Locked")).await?;
        let locked: OwnedValue = locked.body().deserialize()?;
        if bool::try_from(locked).unwrap_or(true) {
            return Err(Trouble::Closed);
        }
        let reply = call(&connection, PATH, SERVICE, "OpenSession", &("plain", Value::from(""))).await?;
        let (_, session): (OwnedValue, OwnedObjectPath) = reply.body().deserialize()?;
        Ok(Self { connection, collection, session })
    }

    async fn call<A: Serialize + DynamicType>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        with: &A,
    ) -> Result<Message, Trouble> {
        call(&self.connection, path, interface, method, with).await
    }

    async fn keep(&self, attributes: &HashMap<&str, &str>, label: &str, secret: &str) -> Result<(), Trouble> {
        let properties: HashMap<&str, Value<'_>> = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from(label)),
            ("org.freedesktop.Secret.Item.Attributes", Value::from(attributes.clone())),
        ]);
        let none: &[u8] = &[];
        let secret = (&self.session, none, secret.as_bytes(), "text/plain; charset=utf8");
        let reply = self
            .call(self.collection.as_str(), COLLECTION, "CreateItem", &(properties, secret, true))
            .await?;
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = reply.body().deserialize()?;
        self.dismiss(&prompt).await
    }

    async fn forget(&self, attributes: &HashMap<&str, &str>) -> Result<(), Trouble> {
        for item in self.search(attributes).await? {
            let reply = self.call(item.as_str(), ITEM, "Delete", &()).await?;
            let prompt: OwnedObjectPath = reply.body().deserialize()?;
            self.dismiss(&prompt).await?;
        }
        Ok(())
    }

    async fn recall(&self, attributes: &HashMap<&str, &str>) -> Result<HashMap<String, String>, Trouble> {
        let mut known = HashMap::new();
        for item in self.search(attributes).await? {
            let found = self.call(item.as_str(), PROPERTIES, "Get", &(ITEM, "Attributes")).await?;
            let found: OwnedValue = found.body().deserialize()?;
            let Ok(mut found) = HashMap::<String, String>::try_from(found) else { continue };
            let reply = self.call(item.as_str(), ITEM, "GetSecret", &(&self.session,)).await?;
            let body = reply.body();
            let ((_, _, secret, _),): ((ObjectPath<'_>, Vec<u8>, Vec<u8>, &str),) = body.deserialize()?;
            if let (Some(thing), Ok(secret)) = (found.remove(THING), String::from_utf8(secret)) {
                known.insert(thing, secret);
            }
        }
        Ok(known)
    }

    /// The items with all of these attributes that need no unlocking.
    async fn search(&self, attributes: &HashMap<&str, &str>) -> Result<Vec<OwnedObjectPath>, Trouble> {
        let reply = self.call(PATH, SERVICE, "SearchItems", &(attributes,)).await?;
        let (unlocked, _): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = reply.body().deserialize()?;
        Ok(unlocked)
    }

    /// What would only be done after asking the user is not done.
    async fn dismiss(&self, prompt: &OwnedObjectPath) -> Result<(), Trouble> {
        if prompt.as_str() == NOTHING {
            return Ok(());
        }
        self.call(prompt.as_str(), PROMPT, "Dismiss", &()).await?;
        Err(Trouble::Asks)
    }
}

async fn call<A: Serialize + DynamicType>(
    connection: &Connection,
    path: &str,
    interface: &str,
    method: &str,
    with: &A,
) -> Result<Message, Trouble> {
    let called = connection.call_method(Some(NAME), path, Some(interface), method, with);
    Ok(timeout(ANSWER_WITHIN, called).await.map_err(|_| Trouble::Silent)??)
}
