//! The talk with the desktop's notification server, by the Desktop Notifications Specification 1.2.

use std::collections::{HashMap, VecDeque};
use std::io;

use futures_util::StreamExt as _;
use zbus::message::{Message, Type};
use zbus::names::OwnedUniqueName;
use zbus::zvariant::{DynamicType, Value};
use zbus::{Connection, MatchRule, MessageStream};

use super::notice::{Action, Key, Notice, Offers};
use crate::session::SessionBus;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// The name of our own entry among the desktop's programs.
const APP: &str = "meanwhile";

/// So many notifications are remembered. A server that never tells of their end would make it ever more.
const REMEMBERED: usize = 256;

/// Why a notification was not shown: a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// There is no session bus.
    #[error(
        "Desktop notifications cannot be shown: there is no desktop session to show them ({0}). Downloads are none the \
         worse for it; you can start Meanwhile from your desktop to have them."
    )]
    NoBus(String),
    /// Nobody on the bus shows notifications.
    #[error(
        "Desktop notifications cannot be shown: nothing on this desktop shows any. You can install a notification \
         service, for example dunst or mako."
    )]
    NoServer,
    /// The server did not show it.
    #[error(
        "A desktop notification was not shown: the desktop says “{0}”. You can look at its settings for notifications."
    )]
    Refused(String),
}

/// Shows notifications and hears what the user does with them. Until the first one it has no connection; after that it
/// has one, which is silent unless something is done with a notification. A server that comes late, ends or is replaced
/// is found with the next notification.
#[derive(Debug)]
pub struct Notifier {
    bus: SessionBus,
    server: Option<Server>,
    /// What was chosen while something was being shown.
    chosen: VecDeque<Action>,
}

/// A server as it is since it has been found. Its numbers and abilities are those of this process and no other, so it is
/// talked to by its unique name: what takes its place later never gets them by mistake.
#[derive(Debug)]
struct Server {
    connection: Connection,
    name: OwnedUniqueName,
    abilities: Abilities,
    signals: MessageStream,
    shown: VecDeque<Shown>,
}

/// What a server can do, of what makes a difference to us.
#[derive(Clone, Copy, Debug)]
struct Abilities {
    actions: bool,
    body: bool,
    markup: bool,
}

/// A notification that is shown, or waits in the desktop's list.
#[derive(Debug)]
struct Shown {
    id: u32,
    key: Key,
    offers: Offers,
    token: Option<String>,
}

impl Notifier {
    /// One that has done nothing yet.
    #[must_use]
    pub const fn new(bus: SessionBus) -> Self {
        Self { bus, server: None, chosen: VecDeque::new() }
    }

    /// Shows a notification, in place of the earlier one with its key and of those it names.
    ///
    /// # Errors
    /// Why not. The next one may well be shown: everything is tried again.
    pub async fn show(&mut self, notice: &Notice) -> Result<(), NotifyError> {
        if let Some(server) = &mut self.server {
            match server.show(notice, &mut self.chosen).await {
                Err(error) if is_gone(&error) => self.server = None,
                shown => return shown.map_err(|error| refused(&error)),
            }
        }
        let connection = self.bus.connect().await.map_err(|error| NotifyError::NoBus(words(&error)))?;
        let mut server = Server::find(connection).await.map_err(|error| refused(&error))?;
        let shown = server.show(notice, &mut self.chosen).await;
        self.server = Some(server);
        shown.map_err(|error| refused(&error))
    }

    /// Takes back the notification with this key, if there is one.
    pub async fn withdraw(&mut self, key: Key) {
        if let Some(server) = &mut self.server {
            server.close(&[key], None, &mut self.chosen).await;
        }
    }

    /// Waits for the user to choose something. May be dropped and called again without missing anything.
    pub async fn next_action(&mut self) -> Action {
        loop {
            if let Some(action) = self.chosen.pop_front() {
                return action;
            }
            let Some(server) = &mut self.server else { return std::future::pending().await };
            match server.signals.next().await {
                Some(Ok(signal)) => self.chosen.extend(server.hear(&signal)),
                // The bus is gone, and with it everything that was shown.
                Some(Err(_)) | None => self.server = None,
            }
        }
    }
}

impl Server {
    /// Finds the server; the bus starts it if it knows how.
    async fn find(connection: Connection) -> zbus::Result<Self> {
        let reply = connection.call_method(Some(NAME), PATH, Some(NAME), "GetCapabilities", &()).await?;
        let name: OwnedUniqueName =
            reply.header().sender().ok_or(zbus::Error::MissingField)?.to_owned().into();
        let said: Vec<String> = reply.body().deserialize()?;
        let has = |word: &str| said.iter().any(|said| said == word);
        let abilities = Abilities { actions: has("actions"), body: has("body"), markup: has("body-markup") };
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(name.clone())?
            .path(PATH)?
            .interface(NAME)?
            .build();
        let signals = MessageStream::for_match_rule(rule, &connection, None).await?;
        Ok(Self { connection, name, abilities, signals, shown: VecDeque::new() })
    }

    async fn show(&mut self, notice: &Notice, chosen: &mut VecDeque<Action>) -> zbus::Result<()> {
        let takes_its_place =
            |shown: &Shown| shown.key == notice.key || notice.instead_of.contains(&shown.key);
        let replaced = self.shown.iter().find(|shown| takes_its_place(shown)).map_or(0, |shown| shown.id);
        let (mut title, mut body) = (plain(&notice.title), plain(&notice.body));
        if !self.abilities.body {
            title = format!("{title}: {}", body.lines().next().unwrap_or_default());
            body.clear();
        }
        if self.abilities.markup {
            body = escaped(&body);
        }
        let actions = if self.abilities.actions { notice.offers.actions() } else { &[] };
        let hints: HashMap<&str, Value<'_>> =
            HashMap::from([("desktop-entry", APP.into()), ("category", notice.offers.category().into())]);
        // The server decides how long it stays.
        let expires = -1_i32;
        let arguments = ("Meanwhile", replaced, APP, title, body, actions, hints, expires);
        let reply = self.call("Notify", &arguments, chosen).await?;
        let id: u32 = reply.body().deserialize()?;
        let others: Vec<Key> = notice.instead_of.iter().copied().chain([notice.key]).collect();
        self.close(&others, Some(replaced), chosen).await;
        self.shown.retain(|shown| shown.id != replaced && shown.id != id);
        if self.shown.len() >= REMEMBERED {
            self.shown.pop_front();
        }
        self.shown.push_back(Shown { id, key: notice.key, offers: notice.offers.clone(), token: None });
        Ok(())
    }

    /// Closes what has one of these keys, but not the one with this number.
    async fn close(&mut self, keys: &[Key], but: Option<u32>, chosen: &mut VecDeque<Action>) {
        let goes = |shown: &Shown| keys.contains(&shown.key) && Some(shown.id) != but;
        let ids: Vec<u32> = self.shown.iter().filter(|shown| goes(shown)).map(|shown| shown.id).collect();
        self.shown.retain(|shown| !ids.contains(&shown.id));
        for id in ids {
            // It may be gone already, or the whole server; that comes to the same.
            let _ = self.call("CloseNotification", &(id,), chosen).await;
        }
    }

    /// Calls a method and hears signals while it waits: a connection whose signals nobody takes stands still.
    async fn call<A>(
        &mut self,
        method: &str,
        arguments: &A,
        chosen: &mut VecDeque<Action>,
    ) -> zbus::Result<Message>
    where
        A: serde::Serialize + DynamicType,
    {
        let connection = self.connection.clone();
        let name = self.name.clone();
        let answer = connection.call_method(Some(&name), PATH, Some(NAME), method, arguments);
        let mut answer = std::pin::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                Some(Ok(signal)) = self.signals.next() => chosen.extend(self.hear(&signal)),
            }
        }
    }

    /// What a signal means to us: that something was chosen, or nothing to tell.
    fn hear(&mut self, signal: &Message) -> Option<Action> {
        let (header, body) = (signal.header(), signal.body());
        let member = header.member()?.as_str();
        if member == "NotificationClosed" {
            let (id, _reason) = body.deserialize::<(u32, u32)>().ok()?;
            self.shown.retain(|shown| shown.id != id);
            return None;
        }
        let (id, text) = body.deserialize::<(u32, String)>().ok()?;
        // It is also told of the notifications of others.
        let shown = self.shown.iter_mut().find(|shown| shown.id == id)?;
        match member {
            // It comes before the action it is for.
            "ActivationToken" => {
                shown.token = Some(text);
                None
            }
            "ActionInvoked" => {
                let what = shown.offers.what(&text)?;
                Some(Action { what, activation_token: shown.token.take() })
            }
            _ => None,
        }
    }
}

/// Without the control characters, which D-Bus or the desktop may not take; lines remain.
fn plain(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// With everything harmless that a server which reads markup would take for it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Whether the server, or the bus itself, is not there any more.
fn is_gone(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::MethodError(name, ..) => matches!(
            name.as_str(),
            "org.freedesktop.DBus.Error.ServiceUnknown"
                | "org.freedesktop.DBus.Error.NameHasNoOwner"
                | "org.freedesktop.DBus.Error.NoReply"
                | "org.freedesktop.DBus.Error.Disconnected"
        ),
        zbus::Error::InputOutput(error) => error.kind() != io::ErrorKind::TimedOut,
        _ => false,
    }
}

fn refused(error: &zbus::Error) -> NotifyError {
    match error {
        zbus::Error::MethodError(name, ..)
            if name.as_str() == "org.freedesktop.DBus.Error.ServiceUnknown"
                || name.as_str() == "org.freedesktop.DBus.Error.NameHasNoOwner"
                || name.as_str().starts_with("org.freedesktop.DBus.Error.Spawn.") =>
        {
            NotifyError::NoServer
        }
        error => NotifyError::Refused(words(error)),
    }
}

/// What an error says, without its name.
fn words(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(_, Some(words), _) => words.clone(),
        zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _) => error.to_string(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_taken_for_markup() {
        let table = [
            ("plain", "plain"),
            ("a & b", "a &amp; b"),
            ("<b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"),
            ("&amp;", "&amp;amp;"),
            ("\"quoted\" and 'so'", "\"quoted\" and 'so'"),
        ];
        for (text, wanted) in table {
            assert_eq!(escaped(text), wanted);
        }
        assert_eq!(plain("a\0b\u{1b}[1mc\td\ne\u{9b}"), "ab[1mcd\ne");
    }
}
