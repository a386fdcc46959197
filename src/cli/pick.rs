//! Which job is meant: an id, the beginning of one, or a name.

use std::fmt::Write as _;

use super::exit::{Exit, Failure};
use super::print;
use crate::engine::{JobView, Snapshot};
use crate::job::JobId;

/// How many candidates are named when several could be meant.
const NAMED: usize = 8;

/// The one job that is meant.
pub(super) fn one<'a>(snapshot: &'a Snapshot, text: &str) -> Result<&'a JobView, Failure> {
    if let Ok(id) = text.parse::<JobId>()
        && let Some(view) = snapshot.job(id)
    {
        return Ok(view);
    }
    // What begins like an id may also be a name: what is done cannot always be undone, so nothing is guessed.
    let is_meant = |view: &JobView| {
        !text.is_empty() && (view.job.id.starts_with(text) || view.job.display_name() == text)
    };
    let mut meant = snapshot.jobs.iter().filter(|view| is_meant(view));
    match (meant.next(), meant.next()) {
        (Some(view), None) => Ok(view),
        (None, _) => Err(Failure::new(
            Exit::NoSuchJob,
            format!(
                "There is no download “{}”: its name may be mistyped, or it was removed. You can see all with \
                 “meanwhile list”.",
                print::clean(text)
            ),
        )),
        (Some(first), Some(second)) => {
            let mut sentence = format!("“{}” could be several downloads:", print::clean(text));
            let mut comma = "";
            for view in [first, second].into_iter().chain(meant.by_ref().take(NAMED - 2)) {
                // Writing to a String cannot fail.
                let _ = write!(sentence, "{comma} {} ({})", view.job.id.short(), print::name(view));
                comma = ",";
            }
            let more = meant.count();
            if more > 0 {
                let _ = write!(sentence, " and {more} more");
            }
            sentence.push_str(". You can write more of the id.");
            Err(Failure::new(Exit::NoSuchJob, sentence))
        }
    }
}

/// The jobs that are meant, each once, in the order they are named.
pub(super) fn all<'a>(snapshot: &'a Snapshot, texts: &[String]) -> Result<Vec<&'a JobView>, Failure> {
    let mut picked: Vec<&JobView> = Vec::with_capacity(texts.len());
    for text in texts {
        let view = one(snapshot, text)?;
        if !picked.iter().any(|other| other.job.id == view.job.id) {
            picked.push(view);
        }
    }
    Ok(picked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    fn list() -> Snapshot {
        let ids = [
            "aaaa1111-0000-4000-8000-000000000000",
            "aaaa2222-0000-4000-8000-000000000000",
            "bbbb3333-0000-4000-8000-000000000000",
        ];
        let names = ["one.iso", "two.iso", "two.iso"];
        samples::snapshot(ids.iter().zip(names).map(|(id, name)| samples::with_id(name, id)))
    }

    #[test]
    fn an_id_its_beginning_or_a_name_will_do() {
        let list = list();
        let table = [
            ("aaaa1111-0000-4000-8000-000000000000", 0),
            ("AAAA2222000040008000000000000000", 1),
            ("aaaa2", 1),
            ("b", 2),
            ("bbbb3333-00", 2),
            ("one.iso", 0),
        ];
        for (text, index) in table {
            assert_eq!(one(&list, text).map(|view| view.job.id), Ok(list.jobs[index].job.id), "{text}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        let list = list();
        for text in ["", "zzz", "one", "ONE.ISO", "aaaa1111-0000-4000-8000-00000000000f", "-", "é"] {
            let failure = one(&list, text).expect_err(text);
            assert_eq!(failure.exit(), Exit::NoSuchJob, "{text}");
        }
        for text in ["a", "aaaa", "two.iso"] {
            let Err(Failure::Said(Exit::NoSuchJob, sentence)) = one(&list, text) else { panic!("{text}") };
            assert!(sentence.contains("aaaa2222 (two.iso)"), "{sentence}");
        }
    }

    #[test]
    fn a_job_named_like_the_beginning_of_another_ones_id_is_ambiguous() {
        let mut list = list();
        let named = samples::with_id("bbbb", "cccc4444-0000-4000-8000-000000000000");
        list.jobs.push_back(named.into());
        assert!(one(&list, "bbbb").is_err());
    }

    #[test]
    fn many_candidates_are_not_all_named() {
        let list = samples::snapshot((0..20).map(|_| samples::view("http://a.org/same", samples::QUEUED)));
        let Err(Failure::Said(_, sentence)) = one(&list, "same") else { panic!("ambiguous") };
        assert!(sentence.contains(" and 12 more."), "{sentence}");
    }

    #[test]
    fn a_job_named_twice_is_meant_once() {
        let list = list();
        let texts = ["b", "one.iso", "bbbb"].map(String::from);
        let ids: Vec<_> = all(&list, &texts).expect("jobs").iter().map(|view| view.job.id).collect();
        assert_eq!(ids, [list.jobs[2].job.id, list.jobs[0].job.id]);
    }
}
