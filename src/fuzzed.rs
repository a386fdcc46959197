//! The parsers of what comes from outside, as the fuzz targets call them: any bytes go in, and what must hold of
//! whatever comes out is asserted. Only there in their builds (`scripts/fuzz.sh`), and for nobody else.

use std::path::Component;

use crate::job::{
    Brackets, ListEntry, address, is_metalink, metalink_as_list, read_list, read_metalink, sum_in_list,
};

pub use crate::transfer::fuzzed::*;

/// A list of checksums; behind a zero byte the name of the file, and behind another the list's own.
pub fn checksum_list(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\0');
    let mut next = || parts.next().unwrap_or_default();
    let (list, name, list_name) = (next(), next(), next());
    if let Ok(sum) = sum_in_list(list, &[name], list_name) {
        assert!(list.to_ascii_lowercase().contains(&sum.digits()));
    }
}

/// A Metalink file.
pub fn metalink(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(list) = read_metalink(&text) else { return };
    assert!(is_metalink(&text));
    for ListEntry { addresses, folder, file_name, .. } in &list.entries {
        assert!(!addresses.is_empty() && addresses.iter().all(|text| address(text).is_ok()));
        assert!(file_name.iter().all(|name| !name.contains('/') && !name.starts_with('.')), "{file_name:?}");
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        assert!(folder.iter().all(|folder| folder.components().all(is_plain)), "{folder:?}");
    }
    let shown = metalink_as_list(&text).map(|text| read_list(&text, Brackets::Patterns).entries);
    let plain = |entries: Vec<ListEntry>| {
        entries.into_iter().map(|entry| ListEntry { line: 0, ..entry }).collect::<Vec<_>>()
    };
    assert_eq!(shown.map(plain), Ok(plain(list.entries)));
}
