//! File names, as far as they are only text.

/// Stem and extension with its dot. `.tar.gz` and the like count as one.
pub(crate) fn split_extension(name: &str) -> (&str, &str) {
    let Some(dot) = name.rfind('.').filter(|dot| *dot > 0) else { return (name, "") };
    let dot = match name[..dot].rfind('.') {
        Some(before) if before > 0 && &name[before..dot] == ".tar" => before,
        _ => dot,
    };
    name.split_at(dot)
}
