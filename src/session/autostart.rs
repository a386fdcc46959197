//! The desktop's list of what to start at sign-in: an entry in `~/.config/autostart` (the XDG autostart
//! specification), there exactly while it is wanted.

use std::fs;
use std::io;
use std::path::Path;

/// The entry's file.
const FILE: &str = "meanwhile.desktop";

/// Puts the entry into `folder` so that `program` goes on with the downloads at the next sign-in. Blocks.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn set_autostart(folder: &Path, program: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let entry = format!(
        "[Desktop Entry]\nType=Application\nName=Meanwhile\nComment=Goes on with the downloads\nIcon=meanwhile\n\
         Exec={} run --in-background\nNoDisplay=true\nX-GNOME-Autostart-Delay=20\n",
        quoted(&program.to_string_lossy())
    );
    let path = folder.join(FILE);
    if fs::read_to_string(&path).is_ok_and(|present| present == entry) {
        return Ok(());
    }
    write(&path, &entry)
}

/// Takes the entry out of `folder`, if it is there. Blocks.
///
/// # Errors
/// The file cannot be removed.
pub fn clear_autostart(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    fs::File::create(path)?.write_all(text.as_bytes())
}

/// A word as the desktop entry specification has it quoted; a percent sign would begin a field code.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for letter in word.chars() {
        match letter {
            // Once for the string, once for the quotes.
            '"' | '`' | '$' | '\\' => {
                text.push_str("\\\\");
                text.push(letter);
            }
            '%' => text.push_str("%%"),
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_comes_and_goes() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("config/autostart");
        clear_autostart(&folder).expect("nothing there is as good");
        for _ in 0..2 {
            set_autostart(&folder, Path::new("/opt/a b/100%/meanwhile")).expect("written");
        }
        let text = fs::read_to_string(folder.join(FILE)).expect("the entry");
        assert!(text.contains("\nExec=\"/opt/a b/100%%/meanwhile\" run --in-background\n"), "{text}");
        clear_autostart(&folder).expect("removed");
        assert!(!folder.join(FILE).exists());
    }
}
