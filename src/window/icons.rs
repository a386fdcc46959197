//! The icons: code points of `assets/fonts/Phosphor.ttf`, a subset of Phosphor, and which file gets which.

pub(super) const ACCEPT: char = '\u{e182}';
pub(super) const ADD: char = '\u{e3d4}';
pub(super) const APP: char = '\u{e390}';
pub(super) const ARCHIVE: char = '\u{eb2a}';
pub(super) const AUDIO: char = '\u{e340}';
pub(super) const CANCEL: char = '\u{e4f8}';
pub(super) const CHECK: char = '\u{e184}';
pub(super) const CLOCK: char = '\u{e19a}';
pub(super) const CLOSE: char = '\u{e4f6}';
pub(super) const COPY: char = '\u{e1ca}';
pub(super) const DISC: char = '\u{e564}';
pub(super) const DOCUMENT: char = '\u{e23a}';
pub(super) const DOWN: char = '\u{e03e}';
pub(super) const FILE: char = '\u{e230}';
pub(super) const FILES: char = '\u{e24a}';
pub(super) const FOLDER: char = '\u{e256}';
pub(super) const FOLD_CLOSED: char = '\u{e13a}';
pub(super) const FOLD_OPEN: char = '\u{e136}';
pub(super) const IMAGE: char = '\u{e2ca}';
pub(super) const INFO: char = '\u{e2ce}';
pub(super) const INTO_TRAY: char = '\u{e010}';
pub(super) const LEAVE_OUT: char = '\u{e3de}';
pub(super) const LINK: char = '\u{e2e2}';
pub(super) const MOVE: char = '\u{e140}';
pub(super) const OPEN: char = '\u{e5de}';
pub(super) const PASTE: char = '\u{e198}';
pub(super) const PAUSE: char = '\u{e39e}';
pub(super) const PRIORITY: char = '\u{e244}';
pub(super) const REMOVE: char = '\u{e4a6}';
pub(super) const RESUME: char = '\u{e3d0}';
pub(super) const RETRY: char = '\u{e036}';
pub(super) const SEARCH: char = '\u{e30c}';
pub(super) const SETTINGS: char = '\u{e272}';
pub(super) const SORTED_DOWN: char = '\u{e136}';
pub(super) const SORTED_UP: char = '\u{e13c}';
pub(super) const TO_BOTTOM: char = '\u{e136}';
pub(super) const TO_TOP: char = '\u{e13c}';
pub(super) const TIMETABLE: char = '\u{e7b4}';
pub(super) const UP: char = '\u{e08e}';
pub(super) const VIDEO: char = '\u{e792}';
pub(super) const WARNING: char = '\u{e4e0}';

/// Which endings belong to which icon; whatever is not here is a plain file.
const BY_ENDING: [(char, &[&str]); 7] = [
    (ARCHIVE, &["zip", "gz", "xz", "zst", "bz2", "7z", "rar", "tar", "tgz", "txz", "lz4", "lz", "br"]),
    (DISC, &["iso", "img", "qcow2", "vmdk", "vdi", "dmg", "squashfs", "raw"]),
    (VIDEO, &["mp4", "mkv", "webm", "mov", "avi", "m4v", "ogv", "mpg", "mpeg", "flv", "wmv", "ts"]),
    (AUDIO, &["mp3", "flac", "ogg", "opus", "m4a", "wav", "aac", "wma", "mka"]),
    (IMAGE, &["png", "jpg", "jpeg", "gif", "webp", "svg", "avif", "heic", "tif", "tiff", "bmp", "ico"]),
    (
        DOCUMENT,
        &["pdf", "txt", "md", "doc", "docx", "odt", "ods", "odp", "xls", "xlsx", "ppt", "pptx", "epub"],
    ),
    (APP, &["deb", "rpm", "appimage", "exe", "msi", "apk", "flatpak", "snap", "jar", "run", "pkg"]),
];

/// The icon for a file of that name.
pub(super) fn for_name(name: &str) -> char {
    let Some((_, ending)) = name.rsplit_once('.') else { return FILE };
    let is_it = |known: &&str| ending.eq_ignore_ascii_case(known);
    BY_ENDING.iter().find(|(_, endings)| endings.iter().any(is_it)).map_or(FILE, |(icon, _)| *icon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_get_the_icon_of_their_ending() {
        let table = [
            ("a.iso", DISC),
            ("a.tar.ZST", ARCHIVE),
            ("lecture 07.mp4", VIDEO),
            ("README", FILE),
            ("", FILE),
            ("写真.zip", ARCHIVE),
            ("a.b", FILE),
        ];
        for (name, icon) in table {
            assert_eq!(for_name(name), icon, "{name}");
        }
    }
}
