//! Lists of downloads as text: what people keep in files, paste, and bring along from other programs. Pure.
//!
//! Each line says by its form what it is; the forms may be mixed:
//!
//! | line | means |
//! |---|---|
//! | `ADDRESS` | a download; several on one line with blanks between them are several |
//! | `ADDRESS PATH` | bitsadmin's file sets: the address, and where it is saved; the path may be quoted |
//! | `ADDRESS` tab `ADDRESS` … | aria2's input files: one download and its mirrors |
//! | `NAME=VALUE` | aria2's: an option for the downloads of the line above; indented or not |
//! | `# …` | a comment |
//!
//! Options are `out`, `dir`, `checksum`, `header`, `referer`, `user-agent`, `max-download-limit` and
//! `pause`. Relative paths are relative to the download folder and stay within it; an absolute path says
//! folder and name. [Patterns](super::expand) in addresses are expanded; where one of several results has a
//! name, they are numbered before its extension with as many digits as the last one needs (`out=a.iso`
//! becomes `a-01.iso`, `a-02.iso`…), so that they sort. Mirrors of a pattern are patterns of as many.
//!
//! What is not understood is left out and complained about, and the rest of the list is read all the same.
//! No complaint repeats an address: there may be a login in it.

mod metalink;
mod place;

use std::path::PathBuf;

use super::new::{address, check_header, check_name};
use super::pattern::{Brackets, MOST_ADDRESSES, MOST_BYTES, grouped};
use super::{Checksum, Fault, FaultKind, NewHeader, Rate};
pub use metalink::{MetalinkError, is_metalink, metalink_as_list, read_metalink};
use place::{Place, numbered, unquoted};

/// The most complaints that are kept one by one: whoever reads a picture as a list need not be told of each
/// of its lines.
const MOST_COMPLAINTS: usize = 100;

/// The longest name of an option; what is longer is none.
const MOST_OPTION_BYTES: usize = 40;

/// What was read from a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The downloads in their order, at most [`MOST_ADDRESSES`].
    pub entries: Vec<ListEntry>,
    /// What was left out, in the order of the lines.
    pub complaints: Vec<Complaint>,
}

/// One download of a list; out of [`read_list`] it has been checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListEntry {
    /// Its line, from 1; 0 outside of lists.
    pub line: usize,
    /// Its address, and behind it those of its mirrors.
    pub addresses: Vec<String>,
    /// The folder it goes to, where the list names one; a relative one is within the download folder.
    pub folder: Option<PathBuf>,
    /// Its file name, where the list names one.
    pub file_name: Option<String>,
    /// The sum it must have.
    pub checksum: Option<Checksum>,
    /// Its request headers.
    pub headers: Vec<NewHeader>,
    /// The most it may use.
    pub limit: Option<Rate>,
    /// Whether it starts out held.
    pub paused: bool,
}

/// Something in a list that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, and what became of it.
    pub sentence: String,
}

/// Reads a list of downloads.
#[must_use]
pub fn read_list(text: &str, brackets: Brackets) -> List {
    let mut reader = Reader {
        brackets,
        list: List::default(),
        block: None,
        room_bytes: MOST_BYTES,
        is_full: false,
        unsaid: None,
    };
    for (index, text) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (line, text) = (index + 1, text.trim());
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = list_option(text) {
            reader.option(line, name, value);
        } else {
            reader.end_block();
            if !reader.is_full {
                reader.addresses(line, text);
            }
        }
        if reader.is_full {
            break;
        }
    }
    reader.end()
}

/// A line of addresses with the options below it.
struct Block {
    line: usize,
    /// The addresses of each file; none where the line was not understood.
    files: Vec<Vec<String>>,
    /// What the options say of each of them.
    each: ListEntry,
    /// A line, and the path it names; `dir` ends with a slash.
    dir: Option<(usize, String)>,
    out: Option<(usize, String)>,
}

struct Reader {
    brackets: Brackets,
    list: List,
    block: Option<Block>,
    /// The bytes all entries together may still take.
    room_bytes: usize,
    is_full: bool,
    /// The first line of those whose complaints are not kept, and the number of these.
    unsaid: Option<(usize, usize)>,
}

impl Reader {
    fn complain(&mut self, line: usize, sentence: impl Into<String>) {
        if self.list.complaints.len() < MOST_COMPLAINTS {
            self.list.complaints.push(Complaint { line, sentence: sentence.into() });
        } else {
            self.unsaid.get_or_insert((line, 0)).1 += 1;
        }
    }

    /// Takes in a line that begins with an address, or should.
    fn addresses(&mut self, line: usize, text: &str) {
        let fields: Vec<&str> = text.split('\t').map(str::trim).filter(|field| !field.is_empty()).collect();
        let (files, path): (Vec<Vec<&str>>, _) = match text.split_once(char::is_whitespace) {
            None => (vec![vec![text]], None),
            Some(_) if fields.len() > 1 && fields[1..].iter().all(|field| is_like_address(field)) => {
                (vec![fields], None)
            }
            Some((_, rest)) if rest.split_whitespace().all(is_like_address) => {
                (text.split_whitespace().map(|word| vec![word]).collect(), None)
            }
            Some((first, rest)) => (vec![vec![first]], Some(rest.trim())),
        };
        let mut block = Block { line, files: Vec::new(), each: ListEntry::default(), dir: None, out: None };
        match path.map(unquoted) {
            None => {}
            Some(Some(path)) => block.out = Some((line, path.to_owned())),
            Some(None) => {
                self.complain(line, "The quote before the path has no other end. The path was left out.");
            }
        }
        for mirrors in files {
            let files = self.expanded(line, &mirrors);
            let bytes = files.iter().flatten().map(String::len).sum::<usize>();
            if self.list.entries.len() + block.files.len() + files.len() > MOST_ADDRESSES {
                self.stop(line, &format!("more than {} downloads", grouped(MOST_ADDRESSES as u128)));
                break;
            }
            if !self.take_room(line, bytes) {
                break;
            }
            block.files.extend(files);
        }
        self.block = Some(block);
    }

    /// The files an address and its mirrors stand for, each with its addresses.
    fn expanded(&mut self, line: usize, mirrors: &[&str]) -> Vec<Vec<String>> {
        let mut files: Vec<Vec<String>> = Vec::new();
        for text in mirrors {
            let all = match self.brackets.expand(text) {
                Ok(all) => all,
                Err(error) => {
                    self.complain(line, error.to_string());
                    continue;
                }
            };
            if let Some(fault) = all.iter().find_map(|text| address(text).err()) {
                self.complain(line, in_words(fault));
            } else if files.is_empty() {
                files = all.into_iter().map(|address| vec![address]).collect();
            } else if files.len() == all.len() {
                files.iter_mut().zip(all).for_each(|(file, address)| file.push(address));
            } else {
                self.complain(
                    line,
                    format!(
                        "A mirror stands for {} addresses where the first one stands for {}. It was left out.",
                        all.len(),
                        files.len()
                    ),
                );
            }
        }
        files
    }

    /// Takes in an option of the block above it.
    fn option(&mut self, line: usize, name: &str, value: &str) {
        let Some(mut block) = self.block.take() else {
            self.complain(line, format!("“{name}” is an option, and there is no address above it."));
            return;
        };
        // With the address of a line its options are left out; that has been said.
        if !block.files.is_empty()
            && let Err(sentence) = block.take_in(line, name, value)
        {
            self.complain(line, sentence);
        }
        self.block = Some(block);
    }

    /// Makes entries of the block that was read last.
    fn end_block(&mut self) {
        let Some(Block { line, files, each, dir, out }) = self.block.take() else { return };
        if files.is_empty() {
            return;
        }
        let mut place = Place::default();
        // What stands in the one is relative to the other.
        for (line, path) in dir.into_iter().chain(out) {
            if let Err(sentence) = place.go(&path) {
                self.complain(line, sentence);
            }
        }
        let Place { folder, name } = place;
        let bytes = each.headers.iter().map(|header| header.name.len() + header.value.len()).sum::<usize>()
            + folder.as_ref().map_or(0, |folder| folder.as_os_str().len());
        if !self.take_room(line, bytes.saturating_mul(files.len())) {
            return;
        }
        let count = files.len();
        let name_of = |number: usize| {
            let name = name.as_deref()?;
            Some(if count == 1 { name.to_owned() } else { numbered(name, number, count) })
        };
        let is_long = name_of(count).is_some_and(|name| check_name(&name).is_err());
        if is_long {
            self.complain(line, in_words(Fault::new(FaultKind::BadName, "")));
        }
        self.list.entries.extend(files.into_iter().enumerate().map(|(index, addresses)| ListEntry {
            line,
            addresses,
            folder: folder.clone(),
            file_name: if is_long { None } else { name_of(index + 1) },
            ..each.clone()
        }));
    }

    /// Takes some of the memory there is for the whole list, if there is still so much.
    fn take_room(&mut self, line: usize, bytes: usize) -> bool {
        if let Some(room) = self.room_bytes.checked_sub(bytes) {
            self.room_bytes = room;
            return true;
        }
        self.stop(line, "more text than can be held");
        false
    }

    fn stop(&mut self, line: usize, what: &str) {
        if !self.is_full {
            self.is_full = true;
            self.complain(
                line,
                format!(
                    "This list has {what}. What follows from this line on was left out; you can add it later."
                ),
            );
        }
    }

    fn end(mut self) -> List {
        self.end_block();
        let mut list = self.list;
        // A path is looked at after the options below it.
        list.complaints.sort_by_key(|complaint| complaint.line);
        if let Some((line, more)) = self.unsaid {
            let sentence = match more {
                1 => "One more thing from here on was not understood.".to_owned(),
                _ => format!("{} more things from here on were not understood.", grouped(more as u128)),
            };
            list.complaints.push(Complaint { line, sentence });
        }
        list
    }
}

impl Block {
    /// Takes in an option, or says why not.
    fn take_in(&mut self, line: usize, name: &str, value: &str) -> Result<(), String> {
        let each = &mut self.each;
        match name {
            "out" => self.out = Some((line, value.to_owned())),
            "dir" => self.dir = Some((line, format!("{value}/"))).filter(|_| !value.is_empty()),
            "pause" => each.paused = value == "true",
            "checksum" => match value.split_once('=') {
                Some(_) if self.files.len() > 1 => {
                    return Err("One checksum cannot be that of several files. They are not checked.".into());
                }
                Some(_) => each.checksum = Some(value.parse().map_err(in_words)?),
                None => {
                    return Err("A checksum is written as sha-256=DIGITS. The file is not checked.".into());
                }
            },
            "max-download-limit" if value == "0" => each.limit = None,
            "max-download-limit" => {
                each.limit = Some(value.parse().map_err(|error| format!("{error}. It was left out."))?);
            }
            "header" => {
                let (name, value) =
                    value.split_once(':').ok_or_else(|| in_words(Fault::new(FaultKind::BadHeader, "")))?;
                each.add_header(name, value)?;
            }
            "referer" => each.add_header("Referer", value)?,
            "user-agent" => each.add_header("User-Agent", value)?,
            _ => return Err(format!("“{name}” is not known and was left out.")),
        }
        Ok(())
    }
}

impl ListEntry {
    /// A download of one address with nothing else to say about it; unchecked, and of no line.
    #[must_use]
    pub fn of(address: String) -> Self {
        Self { addresses: vec![address], ..Self::default() }
    }

    /// Its request headers together with those that are for all; its own go before those of the same name.
    #[must_use]
    pub fn headers_with(&self, all: &[NewHeader]) -> Vec<NewHeader> {
        let is_own = |name: &str| self.headers.iter().any(|own| own.name.eq_ignore_ascii_case(name));
        all.iter().filter(|header| !is_own(&header.name)).chain(&self.headers).cloned().collect()
    }

    fn add_header(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (name, value) = (name.trim(), value.trim());
        check_header(name, value).map_err(in_words)?;
        self.headers.push(NewHeader { name: name.to_owned(), value: value.to_owned() });
        Ok(())
    }
}

/// The words of a fault without its particulars: those repeat what the user wrote.
fn in_words(fault: Fault) -> String {
    Fault::new(fault.kind, "").to_string()
}

/// The name and the value of a line that is an option. No address has this form.
#[must_use]
pub fn list_option(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = !name.is_empty() && name.len() <= MOST_OPTION_BYTES && name.chars().all(is_name);
    fits.then(|| (name, value.trim()))
}

/// Whether a text is meant to be an address, of whatever kind: a path has no scheme.
fn is_like_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-{,}".contains(c))
    })
}

#[cfg(test)]
mod tests;
