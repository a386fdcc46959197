//! Where Meanwhile keeps its files.

use std::path::{Path, PathBuf};

/// The folders of one user's Meanwhile. They need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Holds the queue, the lock and the log.
    pub state: PathBuf,
    /// Holds `settings.ron`, which is for people.
    pub settings: PathBuf,
    /// Holds the local socket; gone after a restart of the computer.
    pub runtime: PathBuf,
    /// Where the desktop looks for what to start at sign-in; `None` where everything is kept under a folder that was
    /// named: that is nobody's usual one.
    pub autostart: Option<PathBuf>,
}

/// Why there is no place to keep anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "There is no place to keep the downloads' state: this user has no home folder. \
     You can name a folder with --state-dir DIR."
)]
pub struct NoHome;

impl Places {
    /// Everything under one folder, as `--state-dir` and `MEANWHILE_STATE_DIR` ask for.
    #[must_use]
    pub fn under(folder: &Path) -> Self {
        Self {
            state: folder.to_owned(),
            settings: folder.to_owned(),
            runtime: folder.to_owned(),
            autostart: None,
        }
    }

    /// The folders of the XDG base directory specification.
    ///
    /// # Errors
    /// [`NoHome`] where the user has none.
    pub fn of_this_user() -> Result<Self, NoHome> {
        let dirs = directories::ProjectDirs::from("", "", "meanwhile").ok_or(NoHome)?;
        let state = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned();
        Ok(Self {
            settings: dirs.config_dir().to_owned(),
            runtime: dirs.runtime_dir().map_or_else(|| state.clone(), Path::to_owned),
            autostart: directories::BaseDirs::new().map(|dirs| dirs.config_dir().join("autostart")),
            state,
        })
    }
}

/// The file with logins for ftp and the like: the one `NETRC` names, else the usual one.
pub(super) fn netrc() -> Option<PathBuf> {
    let named = std::env::var_os("NETRC").filter(|name| !name.is_empty());
    named.map(PathBuf::from).or_else(|| Some(directories::BaseDirs::new()?.home_dir().join(".netrc")))
}

/// The desktop's folder for downloads, else the home folder, else the current one.
pub(super) fn usual_download_folder() -> PathBuf {
    let user = directories::UserDirs::new();
    let downloads = user.as_ref().and_then(|user| user.download_dir().map(Path::to_owned));
    downloads
        .or_else(|| user.map(|user| user.home_dir().join("Downloads")))
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default()
}
