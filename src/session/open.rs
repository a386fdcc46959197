//! Hands files over to the desktop: to be opened, or to be shown where they are.
//!
//! The window needs this as well as whoever answers a notification; it reaches it over the engine's border.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use url::Url;

use super::SessionBus;

/// Why something could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there any more.
    #[error("{} is not there any more: it was moved or deleted.", .0.display())]
    Gone(PathBuf),
    /// The desktop does not know how.
    #[error(
        "{} could not be opened: the desktop knows no program for it. You can open it from your file manager.",
        .0.display()
    )]
    NoProgram(PathBuf),
    /// What knows the desktop's programs is not there.
    #[error(
        "{} could not be opened: xdg-open did not start ({error}). You can install the package xdg-utils.",
        .path.display()
    )]
    NoOpener {
        /// What was to be opened.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Opens a file or folder with the desktop's own program for it, and waits until that has been found. `token` is what
/// the desktop gave with the click, so that the program may come to the front. Needs a tokio runtime.
///
/// # Errors
/// A sentence for the user.
pub async fn open(path: &Path, token: Option<&str>) -> Result<(), OpenError> {
    open_with(OsStr::new("xdg-open"), path, token).await
}

/// Shows files in the desktop's file manager, selected (`org.freedesktop.FileManager1`); where there is none of that
/// kind, or no file any more, opens the folder of the first. Needs a tokio runtime.
///
/// # Errors
/// A sentence for the user.
pub async fn show_in_folder(
    bus: &SessionBus,
    files: &[PathBuf],
    token: Option<&str>,
) -> Result<(), OpenError> {
    show_with(OsStr::new("xdg-open"), bus, files, token).await
}

async fn show_with(
    opener: &OsStr,
    bus: &SessionBus,
    files: &[PathBuf],
    token: Option<&str>,
) -> Result<(), OpenError> {
    let mut there = Vec::new();
    for file in files {
        if is_there(file).await {
            there.push(file);
        }
    }
    if !there.is_empty() {
        // A file that is shown by an address is one with an absolute path; others have none.
        let addresses: Vec<String> =
            there.iter().filter_map(|file| Url::from_file_path(file).ok()).map(String::from).collect();
        if show_items(bus, &addresses, token).await.is_ok() {
            return Ok(());
        }
    }
    let first = there.first().copied().or(files.first());
    match first.and_then(|file| file.parent()) {
        Some(folder) => open_with(opener, folder, token).await,
        None => Ok(()),
    }
}

/// The file manager's own way; fails where there is none that knows it, and the caller has another.
async fn show_items(bus: &SessionBus, addresses: &[String], token: Option<&str>) -> zbus::Result<()> {
    const NAME: &str = "org.freedesktop.FileManager1";
    let connection = bus.connect().await?;
    let arguments = (addresses, token.unwrap_or_default());
    connection
        .call_method(Some(NAME), "/org/freedesktop/FileManager1", Some(NAME), "ShowItems", &arguments)
        .await?;
    Ok(())
}

async fn open_with(opener: &OsStr, path: &Path, token: Option<&str>) -> Result<(), OpenError> {
    if !is_there(path).await {
        return Err(OpenError::Gone(path.into()));
    }
    let mut command = Command::new(opener);
    // Without a shell; and what ends us from a terminal should not end the viewer.
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    // What is in our own variables is nobody else's business.
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"MEANWHILE_") {
            command.env_remove(name);
        }
    }
    if let Some(token) = token {
        command.env("XDG_ACTIVATION_TOKEN", token).env("DESKTOP_STARTUP_ID", token);
    }
    match command.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(OpenError::NoProgram(path.into())),
        Err(error) => Err(OpenError::NoOpener { path: path.into(), error }),
    }
}

/// Asked in another thread: the disk may be far away.
async fn is_there(path: &Path) -> bool {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || path.exists()).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command as StdCommand;

    /// Stands for xdg-open: writes down what it got, and ends with what is in the file `code`.
    fn opener(folder: &Path) -> PathBuf {
        let opener = folder.join("opener");
        let script = format!(
            "#!/bin/sh\nprintf '%s|' \"$@\" \"$XDG_ACTIVATION_TOKEN\" > '{0}/got'\nread code < '{0}/code'; exit $code\n",
            folder.display()
        );
        // Written by another process, so that no other test has it open for writing while it is run.
        let write = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\" && echo 0 > \"$3/code\"";
        let mut shell = StdCommand::new("/bin/sh");
        shell.args(["-c", write, "sh", &script]).arg(&opener).arg(folder);
        assert!(shell.status().expect("a shell").success());
        opener
    }

    fn nobody() -> SessionBus {
        SessionBus::At("unix:path=/nonexistent/bus".into())
    }

    #[tokio::test]
    async fn a_file_is_handed_over_with_the_token_of_the_click() {
        let folder = tempfile::tempdir().expect("a folder");
        let opener = opener(folder.path());
        let got = || std::fs::read_to_string(folder.path().join("got")).expect("what it got");
        let file = folder.path().join("$(touch x) a;b.iso");
        std::fs::File::create(&file).expect("a file");
        open_with(opener.as_os_str(), &file, Some("t1")).await.expect("opened");
        assert_eq!(got(), format!("{}|t1|", file.display()));

        // No file manager: the folder itself.
        show_with(opener.as_os_str(), &nobody(), std::slice::from_ref(&file), Some("t2"))
            .await
            .expect("shown");
        assert_eq!(got(), format!("{}|t2|", folder.path().display()));
        let gone = [folder.path().join("gone")];
        show_with(opener.as_os_str(), &nobody(), &gone, Some("t3")).await.expect("shown");
        assert_eq!(got(), format!("{}|t3|", folder.path().display()));
        show_with(opener.as_os_str(), &nobody(), &[], None).await.expect("nothing to do");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let opener = opener(folder.path());
        let gone = open_with(opener.as_os_str(), Path::new("/nonexistent/file"), None).await;
        assert!(gone.expect_err("it is gone").to_string().contains("not there any more"));
        let none = open_with(OsStr::new("/nonexistent/opener"), folder.path(), None).await;
        assert!(none.expect_err("no opener").to_string().contains("xdg-utils"));
        let say = StdCommand::new("/bin/sh").args(["-c", "echo 3 > \"$0/code\""]).arg(folder.path()).status();
        assert!(say.expect("a shell").success());
        let failed = open_with(opener.as_os_str(), folder.path(), None).await;
        assert!(failed.expect_err("code 3").to_string().contains("no program for it"));
    }
}
