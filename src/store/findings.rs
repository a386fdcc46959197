//! What was found on disk and what was done about it: as data, and in sentences.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What reading, repairing or resetting the list found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The files there are, the one in force first.
    pub files: Vec<FileFinding>,
    /// How many downloads are on the list now.
    pub jobs: usize,
    /// How many of them come from an older copy than the damaged one, and are held.
    pub rescued: usize,
    /// The number of the generation that was written anew, if one was.
    pub written: Option<u64>,
    /// Whether the list and the log were put aside as a whole.
    pub reset: bool,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFinding {
    /// Where it is, or was.
    #[serde(with = "crate::job::path")]
    pub path: PathBuf,
    /// In which condition.
    pub condition: Condition,
    /// Of the format; `None` where nothing tells.
    pub version: Option<u32>,
    /// Counts up with every new copy of the list; `None` where nothing tells.
    pub generation: Option<u64>,
    /// Downloads in it.
    pub jobs: usize,
    /// Changes in it since it was begun.
    pub changes: usize,
    /// Records in it that are not what was written.
    pub damaged_lines: usize,
    /// Bytes at its end that a crash cut short; they were never acknowledged, and are cut off.
    pub torn_bytes: usize,
    /// Where it is kept now, if it was set aside.
    pub set_aside: Option<PathBuf>,
}

/// In which condition a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Whole and in force.
    Current,
    /// The copy before it.
    Older,
    /// Some of it is damaged.
    Damaged,
    /// Not one of ours, or nothing of it can be read.
    Foreign,
    /// There is nothing in it.
    Empty,
    /// The list that ought to be in it is not.
    Gone,
    /// It was put aside undamaged.
    PutAside,
}

impl FileFinding {
    /// A file of which no more is known.
    pub(super) fn new(path: &Path, condition: Condition) -> Self {
        Self {
            path: path.to_owned(),
            condition,
            version: None,
            generation: None,
            jobs: 0,
            changes: 0,
            damaged_lines: 0,
            torn_bytes: 0,
            set_aside: None,
        }
    }

    /// What there is to say about it.
    fn sentences(&self) -> Vec<String> {
        let path = self.path.display();
        let number = self.generation.map_or_else(String::new, |number| format!(" (number {number})"));
        let mut sentences = vec![match self.condition {
            Condition::Current => format!(
                "{path} is whole{number}: {} and {}.",
                count(self.jobs, "download"),
                count(self.changes, "change")
            ),
            Condition::Older => format!("{path} is the copy before it{number}."),
            Condition::Damaged if self.damaged_lines == 0 => {
                format!("{path} is cut short{number}: {} can be read.", count(self.jobs, "download"))
            }
            Condition::Damaged => format!(
                "{path} is damaged{number}: {} cannot be read, {} can.",
                count(self.damaged_lines, "record"),
                count(self.jobs, "download")
            ),
            Condition::Foreign => format!("Nothing in {path} is one of Meanwhile's records."),
            Condition::Empty => format!("{path} is empty."),
            Condition::Gone => format!("The list that was in {path} is gone."),
            Condition::PutAside => format!("{path} is put aside."),
        }];
        if self.torn_bytes > 0 {
            sentences.push(format!(
                "The last {} of {path} were cut short by a crash before they counted, and are cut off.",
                count(self.torn_bytes, "byte")
            ));
        }
        if self.version.is_some_and(|version| version < super::record::VERSION) {
            sentences.push(format!("{path} was written by an earlier Meanwhile."));
        }
        if let Some(aside) = &self.set_aside {
            sentences.push(format!("What was in it is kept as {}.", aside.display()));
        }
        sentences
    }

    fn is_bad(&self) -> bool {
        matches!(self.condition, Condition::Damaged | Condition::Foreign | Condition::Gone)
    }
}

impl Findings {
    /// Whether nothing was wrong and nothing was done.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        !self.reset
            && self.written.is_none()
            && self
                .files
                .iter()
                .all(|file| !file.is_bad() && file.set_aside.is_none() && file.torn_bytes == 0)
    }

    /// Everything that was found and done, for whoever asked.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self.files.iter().flat_map(FileFinding::sentences).collect();
        if self.reset {
            sentences.push("The list and the log are empty now; the settings are as they were.".into());
            return sentences;
        }
        if self.files.is_empty() {
            sentences.push("There is no list yet.".into());
        }
        sentences.extend(self.of_the_jobs());
        if self.is_intact() {
            sentences.push("Nothing is damaged; nothing was changed.".into());
        } else if let Some(number) = self.written {
            sentences.push(format!(
                "The list was written anew as number {number} with {}.",
                count(self.jobs, "download")
            ));
        }
        sentences
    }

    /// What the user should read at a start: only what was damaged, and what became of it.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let bad: Vec<String> =
            self.files.iter().filter(|file| file.is_bad()).flat_map(FileFinding::sentences).collect();
        if bad.is_empty() {
            return Vec::new();
        }
        // One notice: it is one thing that happened.
        vec![bad.into_iter().chain(self.of_the_jobs()).collect::<Vec<_>>().join(" ")]
    }

    fn of_the_jobs(&self) -> Vec<String> {
        let is_current = |file: &FileFinding| file.condition == Condition::Current;
        match self.rescued {
            0 if self.written.is_none() && self.files.first().is_some_and(is_current) => {
                let any_bad = self.files.iter().any(FileFinding::is_bad);
                any_bad.then(|| "Nothing is missing from the list.".to_owned()).into_iter().collect()
            }
            0 => Vec::new(),
            1 => vec![
                "1 download comes from an older copy of the list and is held: you can resume it if you want it."
                    .into(),
            ],
            rescued => vec![format!(
                "{rescued} downloads come from an older copy of the list and are held: you can resume those you want."
            )],
        }
    }
}

fn count(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}
