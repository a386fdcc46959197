//! Metalink files: lists of downloads with mirrors and checksums. Metalink 4 (RFC 5854), and Metalink 3, which many
//! sites still serve. Pure.
//!
//! Taken from each `file` are its name, the strongest of the hashes of the whole, and its http and https addresses in
//! the order of their `priority` (`preference` in Metalink 3). Not taken are:
//!
//! - `size` and `pieces`: whatever is wrong with a file, the hash of the whole finds it;
//! - `metaurl` and addresses of other kinds: torrents, ftp, rsync;
//! - `location`: where this machine stands is not known, only which language it speaks;
//! - `signature`, and `origin`, where a newer Metalink file is to be had: nobody asked for it.
//!
//! A Metalink file is a stranger's, unlike a list the user has written: its names stay within the download folder
//! (RFC 5854 section 4.1.2.1) and are made as safe as those servers give. The text is read from its start to its end, and nothing in it is
//! expanded but characters: time and memory are at most proportional to its length, whatever it holds. A document
//! type is refused.

use std::fmt::Write as _;
use std::path::PathBuf;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::place::Place;
use super::{Complaint, List, ListEntry, MOST_COMPLAINTS, in_words};
use crate::job::new::address;
use crate::job::pattern::{MOST_ADDRESSES, MOST_BYTES, grouped};
use crate::job::{Checksum, Hash, safe_name};

/// The most addresses one file keeps. Each is written down with the job, and so many are never tried.
const MOST_MIRRORS: usize = 50;

/// Why a text cannot be read as a Metalink file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetalinkError {
    /// It is something else.
    #[error("it is no Metalink file")]
    NotMetalink,
    /// It declares a document type, as no Metalink file does.
    #[error("it declares a document type, and no Metalink file does")]
    DocumentType,
    /// It is no XML, or only the beginning of it.
    #[error("it is damaged or incomplete in line {0}")]
    Damaged(usize),
}

/// Whether a text is meant to be a Metalink file, whole or not.
#[must_use]
pub fn is_metalink(text: &str) -> bool {
    let mut reader = reader_of(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(root)) => return root.local_name().as_ref() == b"metalink",
            Ok(Event::Text(text)) if !text.iter().all(u8::is_ascii_whitespace) => return false,
            Ok(Event::Eof) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// Reads a Metalink file. What of it cannot be downloaded is left out and complained about, as in any list.
///
/// # Errors
/// [`MetalinkError`], where not even its end can be found.
pub fn read_metalink(xml: &str) -> Result<List, MetalinkError> {
    let mut document = Document::new(xml);
    document.read()?;
    Ok(document.list)
}

/// A Metalink file as a list that [`read_list`](super::read_list) reads, for whoever wants to see what is in it;
/// complaints become comments.
///
/// # Errors
/// As [`read_metalink`].
pub fn metalink_as_list(xml: &str) -> Result<String, MetalinkError> {
    let List { entries, complaints } = read_metalink(xml)?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    for Complaint { line, sentence } in complaints {
        let _ = writeln!(text, "# Line {line} of the Metalink file: {sentence}");
    }
    for ListEntry { addresses, folder, file_name, checksum, .. } in entries {
        let addresses: Vec<String> = addresses.iter().map(|address| without_patterns(address)).collect();
        let _ = writeln!(text, "{}", addresses.join("\t"));
        if let Some(folder) = folder {
            // It is no home.
            let here = if folder.starts_with("~") { "./" } else { "" };
            let _ = writeln!(text, " dir={here}{}", folder.display());
        }
        if let Some(name) = file_name {
            let _ = writeln!(text, " out={name}");
        }
        if let Some(sum) = checksum {
            let _ = writeln!(text, " checksum={}={}", sum.hash().word(), sum.digits());
        }
    }
    Ok(text)
}

/// An address with its brackets marked as no pattern.
fn without_patterns(address: &str) -> String {
    let mut text = String::with_capacity(address.len());
    for c in address.chars() {
        if matches!(c, '[' | ']' | '{' | '}') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn reader_of(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    reader
}

/// Where the reader stands; what is not known is passed over with all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Document,
    Metalink,
    File,
    /// Metalink 3's: what is in a `metalink` or a `file` there has one more element around it.
    Files,
    Verification,
    Resources,
}

/// What is to be done with an element.
enum Element {
    Enter(Within),
    Hash,
    Url,
    PassOver,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Three,
    Four,
}

/// A `file` that is being read.
#[derive(Default)]
struct FileElement {
    line: usize,
    name: Option<String>,
    sums: Vec<Checksum>,
    /// Whether it has hashes none of which is known.
    has_unknown_sums: bool,
    /// Its addresses with their places in line.
    addresses: Vec<(u32, String)>,
}

struct Document<'x> {
    xml: &'x str,
    reader: Reader<&'x [u8]>,
    version: Version,
    /// What all names begin with: `m:` where the root is `m:metalink`.
    prefix: Vec<u8>,
    within: Vec<Within>,
    file: FileElement,
    list: List,
    /// The bytes all entries together may still take.
    room_bytes: usize,
    /// Up to where lines have been counted, and how many there are before.
    counted: (usize, usize),
}

impl<'x> Document<'x> {
    fn new(xml: &'x str) -> Self {
        let xml = xml.trim_start_matches('\u{feff}');
        Self {
            xml,
            reader: reader_of(xml),
            version: Version::Four,
            prefix: Vec::new(),
            within: Vec::new(),
            file: FileElement::default(),
            list: List::default(),
            room_bytes: MOST_BYTES,
            counted: (0, 1),
        }
    }

    fn read(&mut self) -> Result<(), MetalinkError> {
        let mut begun = false;
        loop {
            match self.next()? {
                Event::Start(element) if self.within.is_empty() => {
                    if begun {
                        return Err(self.damaged());
                    }
                    begun = true;
                    self.root(&element)?;
                    self.within.push(Within::Metalink);
                }
                Event::Start(element) => match self.kind_of(&element) {
                    Element::Enter(inner) => {
                        if inner == Within::File {
                            let name = self.attribute(&element, b"name")?;
                            self.file = FileElement { line: self.line(), name, ..FileElement::default() };
                        }
                        self.within.push(inner);
                    }
                    Element::Hash => self.hash(&element)?,
                    Element::Url => self.url(&element)?,
                    Element::PassOver => {
                        self.reader.read_to_end(element.name()).map_err(|_| self.damaged())?;
                    }
                },
                Event::End(_) => {
                    let has_room = self.within.pop() != Some(Within::File) || self.end_file();
                    if !has_room {
                        return Ok(());
                    }
                }
                Event::Text(text) if self.within.is_empty() && !text.iter().all(u8::is_ascii_whitespace) => {
                    return Err(if begun { self.damaged() } else { MetalinkError::NotMetalink });
                }
                Event::Eof if !begun => return Err(MetalinkError::NotMetalink),
                Event::Eof if self.within.is_empty() => return Ok(()),
                Event::Eof => return Err(self.damaged()),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<Event<'x>, MetalinkError> {
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(MetalinkError::DocumentType),
            Ok(event) => Ok(event),
            Err(_) => Err(self.damaged()),
        }
    }

    /// Takes in the element around all.
    fn root(&mut self, root: &BytesStart<'_>) -> Result<(), MetalinkError> {
        let name = root.name();
        let prefix = name.prefix().map_or(&b""[..], |prefix| prefix.into_inner());
        let declaration = if prefix.is_empty() { b"xmlns".to_vec() } else { [b"xmlns:", prefix].concat() };
        let namespace = self.attribute(root, &declaration)?;
        let version = self.attribute(root, b"version")?;
        self.version = match namespace.as_deref() {
            Some("urn:ietf:params:xml:ns:metalink") => Version::Four,
            Some("http://www.metalinker.org/") => Version::Three,
            None if version.is_some_and(|version| version.starts_with('3')) => Version::Three,
            _ => return Err(MetalinkError::NotMetalink),
        };
        self.prefix = if prefix.is_empty() { Vec::new() } else { [prefix, b":"].concat() };
        if root.local_name().as_ref() == b"metalink" { Ok(()) } else { Err(MetalinkError::NotMetalink) }
    }

    fn kind_of(&self, element: &BytesStart<'_>) -> Element {
        let name = element.name();
        // What has another prefix is an extension.
        let Some(local) = name.as_ref().strip_prefix(self.prefix.as_slice()) else {
            return Element::PassOver;
        };
        let within = self.within.last().copied().unwrap_or(Within::Document);
        match (self.version, within, local) {
            (Version::Four, Within::Metalink, b"file") | (Version::Three, Within::Files, b"file") => {
                Element::Enter(Within::File)
            }
            (Version::Four, Within::File, b"hash") | (_, Within::Verification, b"hash") => Element::Hash,
            (Version::Four, Within::File, b"url") | (_, Within::Resources, b"url") => Element::Url,
            (Version::Three, Within::Metalink, b"files") => Element::Enter(Within::Files),
            (Version::Three, Within::File, b"verification") => Element::Enter(Within::Verification),
            (Version::Three, Within::File, b"resources") => Element::Enter(Within::Resources),
            _ => Element::PassOver,
        }
    }

    /// Takes in a hash of the whole file.
    fn hash(&mut self, element: &BytesStart<'_>) -> Result<(), MetalinkError> {
        let sort = self.attribute(element, b"type")?;
        let digits = self.text()?;
        match sort.as_deref().and_then(Hash::named) {
            None => self.file.has_unknown_sums = true,
            Some(hash) => match Checksum::from_digits(hash, &digits) {
                Ok(sum) => self.file.sums.push(sum),
                Err(fault) => self.complain(self.file.line, in_words(fault)),
            },
        }
        Ok(())
    }

    /// Takes in an address, if it is one that can be downloaded from.
    fn url(&mut self, element: &BytesStart<'_>) -> Result<(), MetalinkError> {
        let (key, kind) = match self.version {
            Version::Four => (b"priority".as_slice(), None),
            Version::Three => (b"preference".as_slice(), self.attribute(element, b"type")?),
        };
        let number = self.attribute(element, key)?.and_then(|text| text.trim().parse::<u32>().ok());
        let text = self.text()?;
        // A torrent is fetched by http too, and is not the file.
        if kind.is_some_and(|kind| !matches!(kind.as_str(), "http" | "https")) {
            return Ok(());
        }
        let place = match self.version {
            // RFC 5854 section 4.2.16: the lower the better.
            Version::Four => number.unwrap_or(u32::MAX),
            // The higher the better.
            Version::Three => u32::MAX - number.unwrap_or(0),
        };
        // A login that came in a file is not the user's to give.
        if let Ok((url, None)) = address(&text) {
            self.file.addresses.push((place, url.into()));
        }
        Ok(())
    }

    /// Makes an entry of the file that was read. Says whether there is room for more.
    fn end_file(&mut self) -> bool {
        let FileElement { line, name, sums, has_unknown_sums, mut addresses } =
            std::mem::take(&mut self.file);
        addresses.sort_by_key(|(place, _)| *place);
        let mut kept: Vec<String> = Vec::new();
        for (_, address) in addresses {
            if kept.len() == MOST_MIRRORS {
                break;
            }
            if !kept.contains(&address) {
                kept.push(address);
            }
        }
        if kept.is_empty() {
            self.complain(line, "This file has no address that can be downloaded. It was left out.");
            return true;
        }
        let Place { folder, name } = self.place(line, &name.unwrap_or_default());
        let checksum = strongest(&sums);
        if checksum.is_none() && !sums.is_empty() {
            self.complain(line, "This file has two different checksums of the same kind. It is not checked.");
        } else if checksum.is_none() && has_unknown_sums {
            self.complain(line, "The checksums of this file are of no known kind. It is not checked.");
        }
        let bytes = kept.iter().map(String::len).sum::<usize>()
            + folder.as_ref().map_or(0, |folder| folder.as_os_str().len());
        let room = self.room_bytes.checked_sub(bytes);
        if room.is_none() || self.list.entries.len() == MOST_ADDRESSES {
            let most = grouped(MOST_ADDRESSES as u128);
            self.complain(
                line,
                format!("This is more than {most} downloads or more text than can be held. From this line on all was left out."),
            );
            return false;
        }
        self.room_bytes = room.unwrap_or_default();
        self.list.entries.push(ListEntry {
            line,
            addresses: kept,
            folder,
            file_name: name,
            checksum,
            ..ListEntry::default()
        });
        true
    }

    /// Where a file of that name goes: within the download folder, and under names as they may come from a stranger.
    fn place(&mut self, line: usize, name: &str) -> Place {
        let path = if name.starts_with('/') {
            self.complain(line, "The folder is not within the download folder. It was left out.");
            name.rsplit('/').next().unwrap_or_default()
        } else {
            name
        };
        let mut place = Place::default();
        if let Err(sentence) = place.go(path) {
            self.complain(line, sentence);
        }
        let Place { folder, name } = place;
        let parts = folder.iter().flat_map(|folder| folder.iter());
        let folder: PathBuf = parts.filter_map(|part| safe_name(part.to_str()?)).collect();
        Place {
            folder: Some(folder).filter(|folder| folder.as_os_str() != ""),
            name: name.and_then(|name| safe_name(&name)),
        }
    }

    /// The value of an attribute.
    fn attribute(&mut self, element: &BytesStart<'_>, name: &[u8]) -> Result<Option<String>, MetalinkError> {
        // Whether one is there twice is not looked for: that would take long where there are many.
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| self.damaged())?;
            if attribute.key.as_ref() == name {
                let value =
                    attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| self.damaged())?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    }

    /// The text in the element that has just begun, without blanks around it and without what is in elements within.
    fn text(&mut self) -> Result<String, MetalinkError> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Event::Text(piece) => text.push_str(&piece.decode().map_err(|_| self.damaged())?),
                Event::CData(piece) => text.push_str(&piece.decode().map_err(|_| self.damaged())?),
                Event::GeneralRef(reference) => {
                    let c = match reference.resolve_char_ref().map_err(|_| self.damaged())? {
                        Some(c) => c,
                        None => predefined(&reference).ok_or_else(|| self.damaged())?,
                    };
                    text.push(c);
                }
                Event::Start(inner) => {
                    self.reader.read_to_end(inner.name()).map_err(|_| self.damaged())?;
                }
                Event::End(_) => return Ok(text.trim().to_owned()),
                Event::Eof => return Err(self.damaged()),
                _ => {}
            }
        }
    }

    /// The line the reader stands in, from 1.
    fn line(&mut self) -> usize {
        let (before, lines) = self.counted;
        let here = (self.reader.buffer_position() as usize).min(self.xml.len());
        let more = self.xml.as_bytes().get(before..here).unwrap_or_default();
        self.counted = (here, lines + more.split(|byte| *byte == b'\n').skip(1).count());
        self.counted.1
    }

    fn damaged(&mut self) -> MetalinkError {
        MetalinkError::Damaged(self.line())
    }

    fn complain(&mut self, line: usize, sentence: impl Into<String>) {
        // Whoever made the file has made the same mistake with each; so many show it.
        if self.list.complaints.len() < MOST_COMPLAINTS {
            self.list.complaints.push(Complaint { line, sentence: sentence.into() });
        }
    }
}

/// The entities that are there without being declared (XML 1.0 section 4.6).
fn predefined(name: &[u8]) -> Option<char> {
    Some(match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => return None,
    })
}

/// The strongest of the sums; none where there are two of that sort.
fn strongest(sums: &[Checksum]) -> Option<Checksum> {
    let hash = sums.iter().map(Checksum::hash).max()?;
    let mut strongest = sums.iter().filter(|sum| sum.hash() == hash);
    let first = strongest.next()?;
    strongest.all(|sum| sum == first).then(|| first.clone())
}

#[cfg(test)]
mod tests;
