//! From the words of `add` and `get` to what the engine is asked for.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::How;
use super::exit::{Exit, Failure};
use crate::job::{
    Brackets, JobId, List, ListEntry, MOST_ADDRESSES, NewFile, NewHeader, NewJob, Priority, is_metalink,
    read_list, read_metalink,
};

/// The largest list: the most downloads with long addresses. A disk image is not read to its end.
const MOST_LIST_BYTES: u64 = 64 << 20;

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

/// The downloads addresses on the command line stand for.
pub(super) fn entries(urls: Vec<String>, brackets: Brackets) -> Result<Vec<ListEntry>, Failure> {
    let mut entries = Vec::with_capacity(urls.len());
    for url in urls {
        let expanded = brackets.expand(&url).map_err(|error| Failure::usage(error.to_string()))?;
        check_number(entries.len() + expanded.len())?;
        entries.extend(expanded.into_iter().map(ListEntry::of));
    }
    Ok(entries)
}

/// No more than can be added at once.
pub(super) fn check_number(number: usize) -> Result<(), Failure> {
    if number > MOST_ADDRESSES {
        return Err(Failure::usage(format!(
            "These are {number} downloads, and at most {MOST_ADDRESSES} can be added at once. You can add them \
             in parts."
        )));
    }
    Ok(())
}

/// What is asked for, one for each entry, with folders still to come ([`put_into`]). All of it is checked
/// here, so that a mistake in the last address does not leave the others queued. What an entry says of itself
/// goes before what the command line says of all.
pub(super) fn jobs(
    entries: Vec<ListEntry>,
    how: &How,
    file_name: Option<&str>,
    priority: Priority,
    paused: bool,
) -> Result<Vec<NewJob>, Failure> {
    let (more_headers, access) = how.access.read()?;
    let mut headers = how.headers.iter().map(|text| header(text)).collect::<Result<Vec<_>, _>>()?;
    headers.extend(more_headers);
    let asked_by = format!("meanwhile (process {})", std::process::id());
    entries
        .into_iter()
        .map(|entry| {
            let headers = entry.headers_with(&headers);
            let mut addresses = entry.addresses.into_iter();
            let url = addresses.next().unwrap_or_default();
            let mirrors = addresses.chain(how.mirrors.iter().cloned()).collect();
            let file = NewFile {
                url,
                folder: entry.folder.unwrap_or_default(),
                file_name: entry.file_name.or_else(|| file_name.map(str::to_owned)),
                expected: entry.checksum.map(|sum| sum.to_string()).or_else(|| how.expected()),
                mirrors,
                clash: how.if_exists.unwrap_or_default(),
            };
            let job = NewJob {
                files: vec![file],
                name: how.name.clone(),
                priority,
                limit: entry.limit.or(how.limit),
                connections: how.connections,
                headers,
                access: access.clone(),
                paused: paused || entry.paused,
                finish: how.finish.clone(),
                asked_by: asked_by.clone(),
                ..NewJob::default()
            };
            job.clone().into_job(JobId::random(), 0)?;
            Ok(job)
        })
        .collect()
}

/// One download of the files of all.
pub(super) fn together(jobs: Vec<NewJob>, at_once: u8) -> Result<NewJob, Failure> {
    let mut jobs = jobs.into_iter();
    let mut all = jobs.next().unwrap_or_default();
    for job in jobs {
        // Headers may be secrets of one server, and are not sent to the others.
        if (&job.headers, job.limit, job.paused) != (&all.headers, all.limit, all.paused) {
            return Err(Failure::usage(
                "The list asks for other headers, caps or pauses for some files than for others, and one download \
                 has the same for all of its files. You can add them without --together.",
            ));
        }
        all.files.extend(job.files);
    }
    all.files_at_once = at_once;
    all.clone().into_job(JobId::random(), 0)?;
    Ok(all)
}

/// The files of all, to be added to a download that is there already.
pub(super) fn files_of(jobs: Vec<NewJob>) -> Result<Vec<NewFile>, Failure> {
    if jobs.iter().any(|job| !job.headers.is_empty() || job.limit.is_some() || job.paused) {
        return Err(Failure::usage(
            "The list asks for headers, caps or pauses of its own, and files are fetched as the download they belong \
             to. You can add them without --job.",
        ));
    }
    Ok(jobs.into_iter().flat_map(|job| job.files).collect())
}

/// Settles where the files go: `folder` is what relative folders are relative to.
pub(super) fn put_into(job: &mut NewJob, folder: &Path) {
    folder.clone_into(&mut job.folder);
    for file in job.files.iter_mut().filter(|file| file.folder != Path::new("")) {
        file.folder = folder.join(&file.folder);
    }
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

/// Whether a word is the name of a Metalink file rather than an address: one on a server is a download like any
/// other.
pub(super) fn is_metalink_name(word: &str) -> bool {
    let ending = word.rsplit_once('.').map_or("", |(_, ending)| ending);
    !word.contains("://") && ["meta4", "metalink"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The list in a file, of whichever kind, or in standard input where it is called `-`.
pub(super) fn list_in(file: &Path, brackets: Brackets) -> Result<List, Failure> {
    let from: io::Result<Box<dyn Read>> = if file == Path::new("-") {
        Ok(Box::new(io::stdin().lock()))
    } else {
        std::fs::File::open(file).map(|file| Box::new(file) as Box<dyn Read>)
    };
    let mut bytes = Vec::new();
    let read = from.and_then(|from| from.take(MOST_LIST_BYTES + 1).read_to_end(&mut bytes));
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format!("The addresses in {} cannot be read: {why}. You can check the file.", file.display()),
        )
    };
    if read.map_err(|error| failed(&error))? as u64 > MOST_LIST_BYTES {
        return Err(failed(&"it is too large to be a list"));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not a text file"))?;
    if is_metalink(&text) || file.to_str().is_some_and(is_metalink_name) {
        return read_metalink(&text).map_err(|error| failed(&error));
    }
    Ok(read_list(&text, brackets))
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

    fn new(urls: &[&str], how: &How) -> Result<Vec<NewJob>, Failure> {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        jobs(entries(urls, Brackets::Patterns)?, how, Some("n"), Priority::Low, false)
    }

    fn listed(text: &str, how: &How) -> Vec<NewJob> {
        let list = read_list(text, Brackets::Patterns);
        assert_eq!(list.complaints, []);
        jobs(list.entries, how, None, Priority::Low, false).expect("jobs")
    }

    #[test]
    fn a_header_without_a_colon_is_not_repeated() {
        let how = How { headers: vec!["Cookie hunter2".into()], ..How::default() };
        let failure = new(&["http://a.org/"], &how);
        let Err(Failure::Said(Exit::Usage, sentence)) = failure else { panic!("{failure:?}") };
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }

    #[test]
    fn metalink_files_are_known_by_their_names() {
        for name in ["f.meta4", "/srv/f.iso.META4", "f.metalink", "-.metalink", "a b/f.Metalink"] {
            assert!(is_metalink_name(name), "{name}");
        }
        for other in ["http://a.org/f.meta4", "-", "", "f.meta4/", "meta4/f", "f.meta4?x", "f.iso"] {
            assert!(!is_metalink_name(other), "{other}");
        }
    }

    #[test]
    fn one_bad_address_spoils_all() {
        let how = How { headers: vec!["Referer: http://b.org:80/".into()], ..How::default() };
        for bad in ["nonsense", "http://a.org/[1-", "http://a.org/[1-99999]{a,b}"] {
            let failure = new(&["http://a.org/1", bad], &how).expect_err("a mistake");
            assert_eq!(failure.exit(), Exit::Usage);
        }
        let jobs = new(&["http://a.org/1", "http://a.org/{2,3}"], &how).expect("jobs");
        assert_eq!(jobs.len(), 3);
        assert_eq!(jobs[2].files[0].url, "http://a.org/3");
        assert_eq!(jobs[2].files[0].file_name.as_deref(), Some("n"));
        assert_eq!(jobs[2].headers[0].value, "http://b.org:80/");
    }

    #[test]
    fn many_patterns_are_too_many() {
        let failure = new(&["http://a.org/[1-60000]", "http://b.org/[1-60000]"], &How::default());
        let Err(Failure::Said(Exit::Usage, sentence)) = failure else { panic!("{failure:?}") };
        assert!(sentence.contains("120000"), "{sentence}");
    }

    #[test]
    fn what_a_list_says_goes_before_the_command_line() {
        let how = How {
            headers: vec!["X-One: all".into(), "X-Two: all".into()],
            limit: "1M".parse().ok(),
            ..How::default()
        };
        let text = "http://a.org/1\n header=x-one: own\n max-download-limit=2M\n out=sub/f\n pause=true\n\
                    http://a.org/2 /srv/g\nhttp://a.org/3\n";
        let mut jobs = listed(text, &how);
        for job in &mut jobs {
            put_into(job, Path::new("/d"));
        }
        let values = |job: &NewJob| job.headers.iter().map(|header| header.value.clone()).collect::<Vec<_>>();
        assert_eq!(values(&jobs[0]), ["all", "own"]);
        assert_eq!(values(&jobs[1]), ["all", "all"]);
        assert_eq!([jobs[0].limit, jobs[1].limit], ["2M", "1M"].map(|rate| rate.parse().ok()));
        assert_eq!([jobs[0].paused, jobs[1].paused], [true, false]);
        let places = jobs.into_iter().map(|job| {
            let (job, _) = job.into_job(JobId::random(), 0).expect("a job");
            job.files[0].folder.join(job.files[0].asked_name.clone().unwrap_or_default())
        });
        assert_eq!(places.collect::<Vec<_>>(), ["/d/sub/f", "/srv/g", "/d/"].map(PathBuf::from));
    }

    #[test]
    fn files_can_be_one_download() {
        let how = How { headers: vec!["Cookie: a".into()], name: Some("set".into()), ..How::default() };
        let all = together(listed("http://a.org/[1-3]\nhttp://b.org/4 sub/f", &how), 2).expect("a job");
        let (job, _) = all.into_job(JobId::random(), 0).expect("a job");
        assert_eq!(job.files.len(), 4);
        assert_eq!(job.files[3].url.as_str(), "http://b.org/4");
        assert_eq!((job.files_at_once, job.name.as_deref()), (2, Some("set")));
        for different in ["header=Cookie: b", "max-download-limit=1M", "pause=true"] {
            let jobs = listed(&format!("http://a.org/1\nhttp://b.org/2\n {different}"), &how);
            assert_eq!(together(jobs, 1).expect_err(different).exit(), Exit::Usage, "{different}");
        }
        let two_logins = listed("http://me:x@a.org/1\nhttp://you:y@a.org/2", &How::default());
        assert_eq!(together(two_logins, 1).expect_err("two logins").exit(), Exit::Usage);
    }
}
