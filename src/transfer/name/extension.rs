//! The extension a file should have by its media type.

/// The extension, with its dot, of what a Content-Type header says; `None` for types that say nothing of the file:
/// unknown ones, `application/octet-stream`, and `text/plain`, which servers say of whatever has no extension
/// (`README`, `SHA256SUMS`).
pub(super) fn of_type(content_type: &[u8]) -> Option<&'static str> {
    let essence = content_type.split(|byte| matches!(byte, b';' | b',')).next()?.trim_ascii();
    let known = TYPES.iter().find(|(name, _)| essence.eq_ignore_ascii_case(name.as_bytes()));
    known.map(|(_, extension)| *extension)
}

/// The usual types, those of the registry of IANA and the names that are older. Kept by hand: the lists there are
/// have several extensions for a type, and the first by the alphabet is seldom the one people expect.
const TYPES: [(&str, &str); 84] = [
    ("application/epub+zip", ".epub"),
    ("application/gzip", ".gz"),
    ("application/java-archive", ".jar"),
    ("application/javascript", ".js"),
    ("application/json", ".json"),
    ("application/metalink4+xml", ".meta4"),
    ("application/msword", ".doc"),
    ("application/pdf", ".pdf"),
    ("application/postscript", ".ps"),
    ("application/rtf", ".rtf"),
    ("application/vnd.android.package-archive", ".apk"),
    ("application/vnd.debian.binary-package", ".deb"),
    ("application/vnd.ms-excel", ".xls"),
    ("application/vnd.ms-powerpoint", ".ppt"),
    ("application/vnd.oasis.opendocument.presentation", ".odp"),
    ("application/vnd.oasis.opendocument.spreadsheet", ".ods"),
    ("application/vnd.oasis.opendocument.text", ".odt"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
    ("application/vnd.rar", ".rar"),
    ("application/wasm", ".wasm"),
    ("application/x-7z-compressed", ".7z"),
    ("application/x-apple-diskimage", ".dmg"),
    ("application/x-bittorrent", ".torrent"),
    ("application/x-bzip2", ".bz2"),
    ("application/x-cd-image", ".iso"),
    ("application/x-debian-package", ".deb"),
    ("application/x-gzip", ".gz"),
    ("application/x-iso9660-image", ".iso"),
    ("application/x-msi", ".msi"),
    ("application/x-rar-compressed", ".rar"),
    ("application/x-rpm", ".rpm"),
    ("application/x-sh", ".sh"),
    ("application/x-tar", ".tar"),
    ("application/x-xz", ".xz"),
    ("application/x-zip-compressed", ".zip"),
    ("application/xhtml+xml", ".xhtml"),
    ("application/xml", ".xml"),
    ("application/zip", ".zip"),
    ("application/zstd", ".zst"),
    ("audio/aac", ".aac"),
    ("audio/flac", ".flac"),
    ("audio/mp4", ".m4a"),
    ("audio/mpeg", ".mp3"),
    ("audio/ogg", ".ogg"),
    ("audio/opus", ".opus"),
    ("audio/wav", ".wav"),
    ("audio/webm", ".weba"),
    ("audio/x-flac", ".flac"),
    ("audio/x-wav", ".wav"),
    ("font/woff2", ".woff2"),
    ("image/avif", ".avif"),
    ("image/bmp", ".bmp"),
    ("image/gif", ".gif"),
    ("image/heic", ".heic"),
    ("image/jpeg", ".jpg"),
    ("image/jxl", ".jxl"),
    ("image/png", ".png"),
    ("image/svg+xml", ".svg"),
    ("image/tiff", ".tiff"),
    ("image/vnd.microsoft.icon", ".ico"),
    ("image/webp", ".webp"),
    ("image/x-icon", ".ico"),
    ("text/calendar", ".ics"),
    ("text/css", ".css"),
    ("text/csv", ".csv"),
    ("text/html", ".html"),
    ("text/javascript", ".js"),
    ("text/markdown", ".md"),
    ("text/rtf", ".rtf"),
    ("text/vcard", ".vcf"),
    ("text/xml", ".xml"),
    ("video/3gpp", ".3gp"),
    ("video/mp2t", ".ts"),
    ("video/mp4", ".mp4"),
    ("video/mpeg", ".mpg"),
    ("video/ogg", ".ogv"),
    ("video/quicktime", ".mov"),
    ("video/webm", ".webm"),
    ("video/x-flv", ".flv"),
    ("video/x-matroska", ".mkv"),
    ("video/x-ms-wmv", ".wmv"),
    ("video/x-msvideo", ".avi"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_one_extension() {
        for (header, extension) in [
            ("text/html", Some(".html")),
            ("Text/HTML; charset=utf-8", Some(".html")),
            (" application/zip ", Some(".zip")),
            // Two headers that a proxy made one of.
            ("image/png, image/png", Some(".png")),
            ("application/octet-stream", None),
            ("text/plain", None),
            ("text/htmlx", None),
            ("text", None),
            ("", None),
        ] {
            assert_eq!(of_type(header.as_bytes()), extension, "{header}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_plain() {
        assert!(TYPES.is_sorted_by(|(one, _), (next, _)| one < next));
        for (name, extension) in TYPES {
            assert!(name.contains('/') && name.bytes().all(|byte| !byte.is_ascii_uppercase()), "{name}");
            let letters = extension.strip_prefix('.').unwrap();
            assert!(letters.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{name}");
        }
    }
}
