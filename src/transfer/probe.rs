//! Asking a server what it has, without fetching it.

use std::path::Path;

use reqwest::Client;
use serde::{Deserialize, Serialize};
use url::Url;

use super::finish::free_bytes;
use super::head::Head;
use super::http::{Access, Part, ask};
use super::name::wanted_name;
use super::part::blocking;
use super::resume::{Known, Verdict, verdict};
use crate::job::{Fault, JobFile};

/// What a server says of a file before it is fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The name it would get.
    pub name: String,
    /// Its size in bytes, if the server says it.
    pub total_bytes: Option<u64>,
    /// Whether a broken download can go on where it stopped.
    pub resumable: bool,
    /// The address it is really at, after redirects; without login.
    pub final_url: String,
    /// Bytes free in the folder it would go to.
    pub free_bytes: Option<u64>,
}

/// Asks for the file as a download would (GET with a range: many servers refuse HEAD or answer it wrongly) and
/// hangs up after the head of the answer.
///
/// # Errors
/// The fault a download would meet first.
pub async fn probe(client: &Client, file: &JobFile, access: &Access) -> Result<Probe, Fault> {
    let mut part = Part::FromStart;
    loop {
        let answer = ask(client, &file.url, access, &part).await?;
        let known = Known {
            total_bytes: None,
            there_bytes: 0,
            validator: &file.validator,
            is_elsewhere: false,
            has_checksum: false,
        };
        match verdict(&part, known, &Head::of(&answer)) {
            Verdict::FromStart { total_bytes, resumable, .. } => {
                return Ok(Probe {
                    name: wanted_name(file.asked_name.as_deref(), answer.headers(), answer.url()),
                    total_bytes,
                    resumable,
                    final_url: without_login(answer.url()).to_string(),
                    free_bytes: free_bytes_in(&file.folder).await,
                });
            }
            Verdict::AskWhole(_) if part != Part::Whole => part = Part::Whole,
            Verdict::Fault(fault) => return Err(fault),
            Verdict::AskWhole(why) => return Err(Fault::new(crate::job::FaultKind::Nonsense, why)),
            Verdict::Continue { .. } | Verdict::AlreadyWhole | Verdict::Another(_) => {
                return Err(Fault::new(crate::job::FaultKind::Nonsense, "it continues what was not begun"));
            }
        }
    }
}

async fn free_bytes_in(folder: &Path) -> Option<u64> {
    let owned = folder.to_owned();
    blocking(folder, move || free_bytes(&owned)).await.ok().flatten()
}

fn without_login(url: &Url) -> Url {
    let mut url = url.clone();
    // Neither can fail on an address that was just fetched from.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}
