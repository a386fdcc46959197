//! What becomes of a file whose name is taken.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What to do where a file of the wanted name is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clash {
    /// Both stay: the new one gets a number, `name (2).ext`.
    #[default]
    Number,
    /// The new one takes its place, once it is whole.
    Overwrite,
    /// It is the beginning of the new one, begun by another program: go on with it if it proves to be that, else
    /// as [`Clash::Number`].
    Resume,
    /// Stop and ask.
    Ask,
}

impl Clash {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Number, Self::Overwrite, Self::Resume, Self::Ask];

    /// The word for it in the settings and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Overwrite => "overwrite",
            Self::Resume => "resume",
            Self::Ask => "ask",
        }
    }
}

impl FromStr for Clash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|clash| clash.word().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| format!("“{text}” is none of number, overwrite, resume and ask"))
    }
}
