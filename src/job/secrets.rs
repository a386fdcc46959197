//! What a job's requests need and no file may hold.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Fault, FaultKind, NewCookie, NewHeader};

/// User and password.
pub type Login = (String, String);

/// What a job's requests need and no file may hold: it lives in memory, and in a keyring where there is one.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// Secret headers with their values.
    pub headers: Vec<NewHeader>,
    /// Users and passwords, each for one server: its scheme, host and port.
    pub logins: Vec<(String, Login)>,
    /// Cookies the user brought along.
    pub cookies: Vec<NewCookie>,
    /// User and password for the job's own proxy.
    pub proxy_login: Option<Login>,
}

impl Secrets {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.headers.is_empty()
            && self.logins.is_empty()
            && self.cookies.is_empty()
            && self.proxy_login.is_none()
    }

    /// All of them as text, for a keyring and nothing else.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Neither its maps nor its numbers are such that this could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`Secrets::to_text`] made a text of.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Takes in the login of one file's address. A job has one login for each server.
    ///
    /// # Errors
    /// A second, different one for the same server.
    pub fn take_login(&mut self, url: &Url, login: Option<Login>) -> Result<(), Fault> {
        let Some(login) = login else { return Ok(()) };
        let origin = url.origin().ascii_serialization();
        match self.logins.iter().find(|(server, _)| *server == origin) {
            Some((_, known)) if *known != login => {
                let detail = "one download can have one login for a server; add the others by themselves";
                Err(Fault::new(FaultKind::BadAddress, detail))
            }
            Some(_) => Ok(()),
            None => {
                self.logins.push((origin, login));
                Ok(())
            }
        }
    }
}

impl std::fmt::Debug for Secrets {
    /// Says only that there is something: this may end up in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_empty() { "Secrets(none)" } else { "Secrets(…)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_from_a_keyring_and_out_of_an_older_one() {
        let mut secrets = Secrets {
            headers: vec![NewHeader { name: "Cookie".into(), value: "s=\"1\"".into() }],
            proxy_login: Some(("p".into(), String::new())),
            ..Secrets::default()
        };
        let url = Url::parse("http://a.org:81/f").unwrap();
        secrets.take_login(&url, Some(("me".into(), "hunter2".into()))).unwrap();
        assert_eq!(Secrets::of_text(&secrets.to_text()), Some(secrets.clone()));
        assert_eq!(Secrets::of_text("{}"), Some(Secrets::default()));
        assert_eq!(Secrets::of_text("nonsense"), None);
        assert!(secrets.take_login(&url, Some(("you".into(), "x".into()))).is_err(), "one for a server");
        assert_eq!(format!("{secrets:?}"), "Secrets(…)");
    }
}
