//! From the words of `add` and `get` to what the engine is asked for.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::How;
use super::exit::{Exit, Failure};
use crate::job::{JobId, NewFile, NewHeader, NewJob, Priority};

/// Where a download goes: the folder, if one is named, and the file name, if one is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) folder: Option<PathBuf>,
    pub(super) file_name: Option<String>,
}

impl Target {
    /// Reads `--to` and `--out`. `--out` is a path like any other on a command line: relative to `--to` or
    /// else to the current folder.
    pub(super) fn of(how: &How) -> Result<Self, Failure> {
        let Some(out) = &how.out else {
            return Ok(Self { folder: how.to.as_deref().map(absolute).transpose()?, file_name: None });
        };
        let bytes = out.as_os_str().as_encoded_bytes();
        let name = if bytes.ends_with(b"/") || bytes.ends_with(b"/.") { None } else { out.file_name() };
        let Some(name) = name else {
            return Err(Failure::usage(format!(
                "--out names a file, and “{}” is a folder. You can name a folder with --to.",
                out.display()
            )));
        };
        let Some(name) = name.to_str() else {
            return Err(Failure::usage(format!(
                "The file name “{}” is not valid UTF-8. You can choose another one.",
                name.display()
            )));
        };
        let folder = how.to.as_deref().unwrap_or(Path::new(".")).join(out.parent().unwrap_or(Path::new("")));
        Ok(Self { folder: Some(absolute(&folder)?), file_name: Some(name.to_owned()) })
    }
}

/// The same path from the root, whether or not it is there.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::usage(format!(
            "The folder “{}” cannot be found: {error}. You can name one with --to, starting with /.",
            path.display()
        ))
    })
}

/// What is asked for, one for each address. All of it is checked here, so that a mistake in the last
/// address does not leave the others queued.
pub(super) fn jobs(
    urls: Vec<String>,
    how: &How,
    folder: &Path,
    file_name: Option<&str>,
    priority: Priority,
) -> Result<Vec<NewJob>, Failure> {
    let headers = how.headers.iter().map(|text| header(text)).collect::<Result<Vec<_>, _>>()?;
    urls.into_iter()
        .map(|url| {
            let file = NewFile {
                url,
                file_name: file_name.map(str::to_owned),
                sha256: how.sha256.clone(),
                ..NewFile::default()
            };
            let job = NewJob {
                files: vec![file],
                folder: folder.to_owned(),
                name: how.name.clone(),
                priority,
                limit: how.limit,
                headers: headers.clone(),
                asked_by: format!("meanwhile (process {})", std::process::id()),
                ..NewJob::default()
            };
            job.clone().into_job(JobId::random(), 0)?;
            Ok(job)
        })
        .collect()
}

fn header(text: &str) -> Result<NewHeader, Failure> {
    // The text may be a secret, and is not repeated.
    let Some((name, value)) = text.split_once(':') else {
        return Err(Failure::usage(
            "A request header has no colon. You can write it as --header 'Name: value'.",
        ));
    };
    Ok(NewHeader { name: name.trim().to_owned(), value: value.trim().to_owned() })
}

/// The addresses in a file, or in standard input where it is called `-`.
pub(super) fn addresses_in(file: &Path) -> Result<Vec<String>, Failure> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format!("The addresses in {} cannot be read: {why}. You can check the file.", file.display()),
        )
    };
    read.map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not a text file"))?;
    Ok(addresses(&text))
}

fn addresses(text: &str) -> Vec<String> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(to: Option<&str>, out: Option<&str>) -> Result<Target, Failure> {
        Target::of(&How { to: to.map(Into::into), out: out.map(Into::into), ..How::default() })
    }

    #[test]
    fn folders_and_names_are_told_apart() {
        let here = std::env::current_dir().expect("a folder");
        let here = |rest: &str| if rest.is_empty() { here.clone() } else { here.join(rest) };
        let table = [
            (None, None, None, None),
            (Some("/d"), None, Some("/d".into()), None),
            (Some("d"), None, Some(here("d")), None),
            (Some("."), None, Some(here("")), None),
            (None, Some("x.iso"), Some(here("")), Some("x.iso")),
            (None, Some("./x.iso"), Some(here("")), Some("x.iso")),
            (None, Some("d/x.iso"), Some(here("d")), Some("x.iso")),
            (None, Some("/d/x.iso"), Some("/d".into()), Some("x.iso")),
            (Some("/d"), Some("x.iso"), Some("/d".into()), Some("x.iso")),
            (Some("/d"), Some("e/x.iso"), Some("/d/e".into()), Some("x.iso")),
            (Some("/d"), Some("/e/x.iso"), Some("/e".into()), Some("x.iso")),
            (None, Some("/x.iso"), Some("/".into()), Some("x.iso")),
        ];
        for (to, out, folder, name) in table {
            let wanted = Target { folder, file_name: name.map(String::from) };
            assert_eq!(target(to, out), Ok(wanted), "{to:?} {out:?}");
        }
        for folder in ["d/", "/", ".", "..", "d/..", "d/.", ""] {
            let failure = target(None, Some(folder)).expect_err(folder);
            assert_eq!(failure.exit(), Exit::Usage, "{folder}");
        }
    }

    #[test]
    fn a_header_without_a_colon_is_not_repeated() {
        let how = How { headers: vec!["Cookie hunter2".into()], ..How::default() };
        let failure = jobs(vec!["http://a.org/".into()], &how, Path::new("/"), None, Priority::Normal);
        let Err(Failure::Said(Exit::Usage, sentence)) = failure else { panic!("{failure:?}") };
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }

    #[test]
    fn one_bad_address_spoils_all() {
        let new = |urls: &[&str]| {
            let urls = urls.iter().map(|url| (*url).to_owned()).collect();
            let how = How { headers: vec!["Referer: http://b.org:80/".into()], ..How::default() };
            jobs(urls, &how, Path::new("/d"), Some("n"), Priority::Low)
        };
        let failure = new(&["http://a.org/1", "nonsense"]).expect_err("a mistake");
        assert_eq!(failure.exit(), Exit::Usage);
        let jobs = new(&["http://a.org/1", "http://a.org/2"]).expect("jobs");
        assert_eq!(jobs.len(), 2);
        assert_eq!(jobs[1].files[0].url, "http://a.org/2");
        assert_eq!(jobs[1].folder, Path::new("/d"));
        assert_eq!(jobs[1].headers[0].value, "http://b.org:80/");
    }

    #[test]
    fn addresses_are_read_one_per_line() {
        let text = "\u{feff}http://a.org/1\r\n\n  # a comment\n\thttp://a.org/2#part \n";
        assert_eq!(addresses(text), ["http://a.org/1", "http://a.org/2#part"]);
    }
}
