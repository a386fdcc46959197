//! Paths on their way through JSON and RON: as text, which is what they nearly always are, and as the list
//! of their bytes where they are no UTF-8. serde's own form refuses those, and a folder a person may have
//! must not make a whole list unreadable.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;

pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => serializer.collect_seq(path.as_os_str().as_bytes()),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    deserializer.deserialize_any(TextOrBytes)
}

struct TextOrBytes;

impl<'de> Visitor<'de> for TextOrBytes {
    type Value = PathBuf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, as text or as its bytes")
    }

    fn visit_str<E>(self, text: &str) -> Result<PathBuf, E> {
        Ok(PathBuf::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<PathBuf, A::Error> {
        let mut path = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            path.push(byte);
        }
        Ok(OsString::from_vec(path).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::NewJob;

    #[test]
    fn any_path_survives_json_and_ron() {
        for bytes in [b"/home/me/\xe4".to_vec(), "/home/ä \"x\"".into(), b"\xff".to_vec(), Vec::new()] {
            let folder = PathBuf::from(OsString::from_vec(bytes));
            let job = NewJob { folder, ..NewJob::default() };
            let json = serde_json::to_string(&job).expect("JSON");
            assert_eq!(serde_json::from_str::<NewJob>(&json).expect("the job"), job);
            let ron = ron::to_string(&job).expect("RON");
            assert_eq!(ron::from_str::<NewJob>(&ron).expect("the job"), job);
        }
    }

    #[test]
    fn a_plain_path_is_plain_text() {
        let job = NewJob { folder: "/tmp".into(), ..NewJob::default() };
        let json = serde_json::to_value(&job).expect("JSON");
        assert_eq!(json["folder"], "/tmp");
    }
}
