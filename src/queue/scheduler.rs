//! Whose turn it is (bits.md 1.5): a pure function of those who stand in line.

use std::collections::HashMap;

use url::{Host, Url};

use crate::job::{Job, JobId, Priority};

/// One job in line.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its files that are being fetched now.
    pub running: &'a [usize],
}

/// How much may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Background jobs.
    pub background_jobs: usize,
    /// Connections to one server; those of foreground jobs count, but are not held back.
    pub per_host: usize,
}

/// A job's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which job.
    pub job: JobId,
    /// Its files that are to be fetched now; at least one.
    pub files: Vec<usize>,
}

/// The jobs whose turn it is, out of a line in which the more urgent stand before the less urgent.
///
/// Foreground jobs all run, beside the others. Of the background ones as many run as are allowed: strictly by level, as
/// the line has foreground before high before normal before low. A job whose servers are all busy is passed over, so
/// that no slot stays idle while something could run. The line is read no further than needed.
#[must_use]
pub fn turns<'a>(line: impl IntoIterator<Item = Candidate<'a>>, limits: Limits) -> Vec<Turn> {
    let mut per_host = HashMap::<Server<'a>, usize>::new();
    let mut turns = Vec::new();
    let mut free = limits.background_jobs;
    for Candidate { job, running } in line {
        let is_foreground = job.priority == Priority::Foreground;
        if !is_foreground && free == 0 {
            break;
        }
        let mut files = Vec::new();
        // Those that run go on before others of the same job begin.
        let pending = (0..job.files.len()).filter(|file| !running.contains(file));
        for file in running.iter().copied().chain(pending) {
            if files.len() >= usize::from(job.files_at_once.max(1)) {
                break;
            }
            if !job.files.get(file).is_some_and(crate::job::JobFile::is_pending) {
                continue;
            }
            let at_server = per_host.entry(server(&job.files[file].url)).or_default();
            if is_foreground || *at_server < limits.per_host {
                *at_server += 1;
                files.push(file);
            }
        }
        if !files.is_empty() {
            free -= usize::from(!is_foreground);
            turns.push(Turn { job: job.id, files });
        }
    }
    turns
}

/// What counts as one server: a host and a port.
type Server<'a> = (Option<Host<&'a str>>, Option<u16>);

fn server(url: &Url) -> Server<'_> {
    (url.host(), url.port_or_known_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{NewFile, NewJob};
    use proptest::prelude::*;

    /// Jobs in the order of a line: (priority, hosts of the files, files at once, whether the first file runs).
    fn line() -> impl Strategy<Value = Vec<(Job, Vec<usize>)>> {
        let one = (0..4_usize, prop::collection::vec((0..3_u8, any::<bool>()), 1..5), 1..4_u8, any::<bool>());
        prop::collection::vec(one, 0..16).prop_map(|mut jobs| {
            jobs.sort_by_key(|job| job.0);
            let make = |(priority, files, files_at_once, runs): (usize, Vec<(u8, bool)>, u8, bool)| {
                let new = NewJob {
                    priority: Priority::ALL[priority],
                    files_at_once,
                    files: files
                        .iter()
                        .map(|(host, _)| NewFile { url: format!("http://h{host}/f"), ..NewFile::default() })
                        .collect(),
                    ..NewJob::default()
                };
                let (mut job, _) = new.into_job(JobId::random(), 0).expect("a job");
                for (file, (_, finished)) in job.files.iter_mut().zip(&files) {
                    file.finished = *finished;
                }
                let running = if runs && !job.files[0].finished { vec![0] } else { Vec::new() };
                (job, running)
            };
            jobs.into_iter().map(make).collect()
        })
    }

    fn decide(line: &[(Job, Vec<usize>)], limits: Limits) -> Vec<Turn> {
        turns(line.iter().map(|(job, running)| Candidate { job, running }), limits)
    }

    fn job<'a>(line: &'a [(Job, Vec<usize>)], turn: &Turn) -> &'a Job {
        line.iter().map(|(job, _)| job).find(|job| job.id == turn.job).expect("a job of the line")
    }

    proptest! {
        #[test]
        fn never_more_than_allowed(line in line(), background_jobs in 1_usize..5, per_host in 1_usize..4) {
            let turns = decide(&line, Limits { background_jobs, per_host });
            let mut hosts = HashMap::new();
            let mut background = 0;
            for turn in &turns {
                let job = job(&line, turn);
                let is_foreground = job.priority == Priority::Foreground;
                background += usize::from(!is_foreground);
                prop_assert!(!turn.files.is_empty() && turn.files.len() <= usize::from(job.files_at_once));
                for file in &turn.files {
                    prop_assert!(job.files[*file].is_pending());
                    let (all, of_background) = hosts.entry(server(&job.files[*file].url)).or_insert((0, false));
                    *all += 1;
                    *of_background |= !is_foreground;
                    // Only foreground jobs may exceed what a server is asked for, and then no other joins them.
                    prop_assert!(*all <= per_host || is_foreground || !*of_background);
                }
            }
            prop_assert!(background <= background_jobs);
        }

        #[test]
        fn no_slot_is_idle_while_something_could_run(line in line(), background_jobs in 1_usize..5, per_host in 1_usize..4) {
            let turns = decide(&line, Limits { background_jobs, per_host });
            let mut hosts = HashMap::<_, usize>::new();
            for turn in &turns {
                for file in &turn.files {
                    *hosts.entry(server(&job(&line, turn).files[*file].url)).or_default() += 1;
                }
            }
            let background = turns.iter().filter(|turn| job(&line, turn).priority != Priority::Foreground).count();
            for (waits, _) in line.iter().filter(|(job, _)| turns.iter().all(|turn| turn.job != job.id)) {
                let could = waits.files.iter().any(|file| {
                    file.is_pending()
                        && (waits.priority == Priority::Foreground
                            || hosts.get(&server(&file.url)).is_none_or(|busy| *busy < per_host))
                });
                prop_assert!(!could || (background == background_jobs && waits.priority != Priority::Foreground));
            }
        }

        #[test]
        fn nobody_runs_before_a_more_urgent_one_that_could(line in line(), background_jobs in 1_usize..5) {
            // With servers that take any number, the turns are the first of the line.
            let turns = decide(&line, Limits { background_jobs, per_host: usize::MAX });
            let can_run = |job: &&Job| job.files.iter().any(crate::job::JobFile::is_pending);
            let mut free = background_jobs;
            let mut expected = Vec::new();
            for job in line.iter().map(|(job, _)| job).filter(can_run) {
                if job.priority == Priority::Foreground {
                    expected.push(job.id);
                } else if free > 0 {
                    free -= 1;
                    expected.push(job.id);
                }
            }
            prop_assert_eq!(turns.into_iter().map(|turn| turn.job).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn what_runs_goes_on(line in line()) {
            let limits = Limits { background_jobs: usize::MAX, per_host: usize::MAX };
            let turns = decide(&line, limits);
            for (job, running) in &line {
                let turn = turns.iter().find(|turn| turn.job == job.id);
                prop_assert!(running.iter().all(|file| turn.is_some_and(|turn| turn.files.contains(file))));
            }
        }
    }
}
