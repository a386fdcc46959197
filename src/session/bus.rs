//! The desktop's own bus, on which its services are.

use std::time::Duration;

use zbus::Connection;
use zbus::connection::Builder;

/// How long an answer may take; the reference library's own limit. A service may have to be started first.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// Which session bus is meant. Naming one opens no connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionBus {
    /// The user's: `DBUS_SESSION_BUS_ADDRESS`, else the socket `bus` in `XDG_RUNTIME_DIR`.
    #[default]
    OfTheUser,
    /// The one at this address, as the D-Bus specification writes it.
    At(String),
}

impl SessionBus {
    /// Opens a connection of its own. Needs a tokio runtime.
    pub(super) async fn connect(&self) -> zbus::Result<Connection> {
        let builder = match self {
            Self::OfTheUser => Builder::session()?,
            Self::At(address) => Builder::address(address.as_str())?,
        };
        builder.method_timeout(ANSWER_WITHIN).build().await
    }
}
