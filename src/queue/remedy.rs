//! What the user does about what went wrong with a file. What takes more than the record of it, the next transfer does:
//! it finds in the record what is wanted.

use std::path::{Path, PathBuf};

use super::book::Queue;
use super::change::Answer;
use super::terms::{Now, Refused};
use crate::job::{Cause, Clash, Event, Expected, JobFile, JobId, PartAt, Remedy};

impl Queue {
    /// Gives up what is there of a file, and fetches it from its start. It is there until a server answers with another.
    ///
    /// # Errors
    /// It is finished or not there; or the job is final.
    pub fn start_over(&mut self, id: JobId, file: usize, now: Now) -> Answer {
        self.unfinished(id, file)?;
        self.stop_runs(id, |running| running == file);
        self.log_change(id, format!("File {} is fetched from its start", file + 1), now);
        self.change(id, now, |job| job.files[file].start_over = true)?;
        self.try_again(id, file, now)
    }

    /// Saves what is unfinished of a job to another folder; folders below the one its files have in common stay. What
    /// was fetched is brought along by the next transfer.
    ///
    /// # Errors
    /// The job is final, whole, or not there.
    pub fn set_folder(&mut self, id: JobId, folder: &Path, now: Now) -> Answer {
        let files = self.all_unfinished(id)?;
        self.stop_runs(id, |running| files.contains(&running));
        self.log_change(id, format!("It goes to {}", folder.display()), now);
        self.change(id, now, |job| {
            let common = common_folder(job.files.iter().map(|file| file.folder.as_path()));
            for file in &files {
                move_to(&mut job.files[*file], &common, folder);
            }
        })?;
        files.into_iter().try_for_each(|file| self.go_on_by(id, file, Remedy::ChooseFolder, now))
    }

    /// Saves a file under another name.
    ///
    /// # Errors
    /// It is finished or not there; or the job is final.
    pub fn set_file_name(&mut self, id: JobId, file: usize, name: &str, now: Now) -> Answer {
        self.unfinished(id, file)?;
        self.stop_runs(id, |running| running == file);
        self.log_change(id, format!("File {} is called {name}", file + 1), now);
        self.change(id, now, |job| {
            let of = &mut job.files[file];
            of.asked_name = Some(name.to_owned());
            // Whether it is free is seen by the transfer.
            of.name = None;
        })?;
        self.go_on_by(id, file, Remedy::ChooseName, now)
    }

    /// What to do if the name of a file, or of any that is unfinished, is taken.
    ///
    /// # Errors
    /// It is finished or not there; or the job is final, or whole.
    pub fn set_clash(&mut self, id: JobId, file: Option<usize>, clash: Clash, now: Now) -> Answer {
        let mut files = self.all_unfinished(id)?;
        if let Some(file) = file {
            self.unfinished(id, file)?;
            files = vec![file];
        }
        files.retain(|file| self.job(id).is_some_and(|job| job.files[*file].clash != clash));
        self.stop_runs(id, |running| files.contains(&running));
        self.log_change(id, format!("If its name is taken: {}", clash.word()), now);
        self.change(id, now, |job| files.iter().for_each(|file| job.files[*file].clash = clash))?;
        files.into_iter().try_for_each(|file| self.go_on_by(id, file, Remedy::Overwrite, now))
    }

    /// What a file is compared with when it is whole.
    ///
    /// # Errors
    /// It is finished or not there; or the job is final.
    pub fn set_expected(&mut self, id: JobId, file: usize, expected: Option<Expected>, now: Now) -> Answer {
        self.unfinished(id, file)?;
        self.stop_runs(id, |running| running == file);
        let what = expected.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        self.log_change(id, format!("File {} is compared with {what}", file + 1), now);
        self.change(id, now, |job| job.files[file].expected = expected.map(Box::new))?;
        self.go_on_by(id, file, Remedy::ChangeChecksum, now)
    }

    /// How many connections each file of a job may use.
    ///
    /// # Errors
    /// It is not there.
    pub fn set_connections(&mut self, id: JobId, connections: u8, now: Now) -> Answer {
        let connections = connections.max(1);
        self.change(id, now, |job| job.connections = connections)?;
        self.log_change(id, format!("Connections for each file: {connections}"), now);
        Ok(())
    }

    /// Tries a file again if that is what it was stopped by; else it goes on as it was.
    fn go_on_by(&mut self, id: JobId, file: usize, remedy: Remedy, now: Now) -> Answer {
        let fault = self.known(id)?.files[file].fault();
        if fault.is_some_and(|fault| fault.remedies().contains(&remedy)) {
            return self.try_again(id, file, now);
        }
        self.settle(id, now);
        self.turns_due = true;
        Ok(())
    }

    /// The files of a job that are yet to be fetched, those that were left out included; at least one.
    fn all_unfinished(&self, id: JobId) -> Result<Vec<usize>, Refused> {
        let files: Vec<usize> =
            (0..self.known(id)?.files.len()).filter(|file| self.unfinished(id, *file).is_ok()).collect();
        if files.is_empty() { Err(Refused::WrongState) } else { Ok(files) }
    }

    fn log_change(&mut self, id: JobId, what: String, now: Now) {
        self.log(id, Cause::User, Event::Changed { what }, now);
    }
}

/// The deepest folder that has all of these in it.
fn common_folder<'a>(mut folders: impl Iterator<Item = &'a Path>) -> PathBuf {
    let first = folders.next().unwrap_or(Path::new(""));
    folders.fold(first.to_owned(), |common, folder| {
        let shared = common.ancestors().find(|above| folder.starts_with(above));
        shared.map(Path::to_owned).unwrap_or_default()
    })
}

/// Gives a file its place in another folder, and remembers where its unfinished data is.
fn move_to(file: &mut JobFile, common: &Path, folder: &Path) {
    let below = file.folder.strip_prefix(common).unwrap_or(Path::new(""));
    // Joining nothing would end the path with a slash.
    let folder = if below == Path::new("") { folder.to_owned() } else { folder.join(below) };
    if folder == file.folder {
        return;
    }
    if let Some(part) = file.part_path() {
        file.moved_from = file.moved_from.iter().cloned().chain([PartAt(part)]).collect();
    }
    file.part = None;
    file.folder = folder;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{
        Extents, Fault, FaultKind, Job, JobState, LogEntry, NewFile, NewJob, Trouble, Waiting, Why,
    };
    use crate::queue::{Effect, End, Rules, Run};

    const NOW: Now = Now { monotonic: std::time::Duration::ZERO, unix_secs: 1_000_000 };

    /// A queue with one job of two files in two folders, both half there, that runs as `make` has it.
    fn queue(make: impl FnOnce(&mut Job)) -> (Queue, JobId) {
        let file = |folder: &str| NewFile {
            url: format!("http://a.org{folder}"),
            folder: folder.into(),
            ..NewFile::default()
        };
        let new = NewJob { files: vec![file("/srv/a"), file("/srv/a/b")], ..NewJob::default() };
        let (mut job, _) = new.into_job(JobId::random(), 0).expect("a job");
        for of in &mut job.files {
            of.name = Some("f".into());
            of.part = Some("f.part".into());
            of.synced = Extents::from_start(5);
        }
        make(&mut job);
        let id = job.id;
        let mut queue = Queue::new(vec![job.into()], Run::All, Rules::default(), NOW);
        queue.tick(NOW);
        (queue, id)
    }

    fn failed(kind: FaultKind) -> Trouble {
        Trouble::Failed(Fault::new(kind, ""))
    }

    fn file(queue: &Queue, id: JobId, index: usize) -> &JobFile {
        &queue.job(id).expect("the job").files[index]
    }

    fn logged(queue: &mut Queue) -> Vec<String> {
        let words = |effect| match effect {
            Effect::Log(LogEntry { event: Event::Changed { what }, .. }) => Some(what),
            _ => None,
        };
        queue.take_effects().into_iter().filter_map(words).collect()
    }

    #[test]
    fn starting_over_stops_what_runs_and_is_left_to_the_next_transfer() {
        let (mut queue, id) = queue(|_| {});
        assert_eq!(queue.running(id), [0]);
        let _ = queue.take_effects();
        queue.start_over(id, 0, NOW).expect("done");
        assert!(queue.take_effects().contains(&Effect::Stop(id, 0)));
        // What the old one has still to say is of the old try, and kept until the new one has something better.
        queue.synced(id, 0, Extents::from_start(7), NOW);
        queue.ended(id, 0, End::Stopped, None, NOW);
        queue.tick(NOW);
        assert!(queue.take_effects().contains(&Effect::Start(id, 0)));
        let mut planned = file(&queue, id, 0).clone();
        assert_eq!((planned.start_over, planned.synced_bytes(), planned.attempt), (true, 7, 0));
        planned.forget_progress();
        assert!(queue.plan(id, 0, planned));
        assert_eq!((file(&queue, id, 0).start_over, file(&queue, id, 0).synced_bytes()), (false, 0));
    }

    #[test]
    fn starting_over_is_a_way_out_of_a_failure() {
        let (mut queue, id) = queue(|job| {
            job.files[0].trouble = Some(failed(FaultKind::AnotherFile));
            job.files[1].finished = true;
            job.state = JobState::Error(Fault::new(FaultKind::AnotherFile, ""));
        });
        queue.start_over(id, 0, NOW).expect("done");
        assert_eq!(queue.job(id).expect("a job").state, JobState::Queued);
        assert_eq!(logged(&mut queue), ["File 1 is fetched from its start"]);
        assert_eq!(queue.start_over(id, 1, NOW), Err(Refused::NoSuchFile), "it is finished");
        assert_eq!(queue.start_over(id, 2, NOW), Err(Refused::NoSuchFile));
        queue.cancel(id, NOW).expect("cancelled");
        assert_eq!(queue.start_over(id, 0, NOW), Err(Refused::WrongState));
    }

    #[test]
    fn another_folder_takes_all_along_and_ends_the_waiting_for_it() {
        let (mut queue, id) = queue(|job| {
            let why = Why::Folder(Fault::new(FaultKind::NoFolder, ""));
            let waiting = Waiting { why, until_unix_secs: Some(NOW.unix_secs + 60) };
            job.files[0].trouble = Some(Trouble::Waiting(waiting.clone()));
            job.files[1].trouble = Some(failed(FaultKind::Status(404)));
            job.state = JobState::Waiting(waiting);
        });
        queue.set_folder(id, Path::new("/new"), NOW).expect("done");
        assert_eq!(queue.job(id).expect("a job").state, JobState::Queued);
        let [first, second] = [0, 1].map(|index| file(&queue, id, index).clone());
        assert_eq!(
            (first.folder.as_path(), second.folder.as_path()),
            (Path::new("/new"), Path::new("/new/b"))
        );
        assert_eq!((&first.part, first.synced_bytes()), (&None, 5));
        assert_eq!(*first.moved_from, [PartAt("/srv/a/f.part".into())]);
        assert_eq!(*second.moved_from, [PartAt("/srv/a/b/f.part".into())]);
        assert_eq!(first.trouble, None);
        assert_eq!(second.trouble, Some(failed(FaultKind::Status(404))), "a folder does not help it");
        // Back again: both places may have it.
        queue.set_folder(id, Path::new("/srv/a"), NOW).expect("done");
        assert_eq!(*file(&queue, id, 0).moved_from, [PartAt("/srv/a/f.part".into())]);
        // Given up, it is deleted wherever it is.
        let _ = queue.take_effects();
        queue.cancel(id, NOW).expect("cancelled");
        let deleted = queue.take_effects().into_iter().find_map(|effect| match effect {
            Effect::Delete(_, parts) => Some(parts),
            _ => None,
        });
        let parts: Vec<PathBuf> = vec!["/srv/a/f.part".into(), "/srv/a/b/f.part".into()];
        assert_eq!(deleted, Some(parts.clone()));
        queue.cleaned(id, &parts);
        assert!(file(&queue, id, 0).moved_from.is_empty());
        assert_eq!(queue.set_folder(id, Path::new("/x"), NOW), Err(Refused::WrongState));
    }

    #[test]
    fn what_becomes_whole_meanwhile_is_where_it_was_put() {
        let (mut queue, id) = queue(|_| {});
        let old = file(&queue, id, 0).clone();
        queue.set_folder(id, Path::new("/new"), NOW).expect("done");
        queue.ended(id, 0, End::Finished(Box::new(JobFile { finished: true, ..old })), None, NOW);
        assert_eq!(file(&queue, id, 0).path(), Some("/srv/a/f".into()));
        assert!(file(&queue, id, 0).moved_from.is_empty());
    }

    #[test]
    fn a_taken_name_is_answered() {
        let taken = |job: &mut Job| {
            for of in &mut job.files {
                of.clash = Clash::Ask;
                of.trouble = Some(failed(FaultKind::NameTaken));
                (of.name, of.part) = (None, None);
            }
            job.state = JobState::Error(Fault::new(FaultKind::NameTaken, ""));
        };
        let (mut one, id) = queue(taken);
        one.set_file_name(id, 1, "g", NOW).expect("done");
        assert_eq!(file(&one, id, 1).display_name(), "g");
        assert_eq!(
            (&file(&one, id, 1).trouble, &file(&one, id, 0).trouble),
            (&None, &Some(failed(FaultKind::NameTaken)))
        );
        assert_eq!(one.job(id).expect("a job").state, JobState::Queued);
        one.set_clash(id, Some(0), Clash::Overwrite, NOW).expect("done");
        assert_eq!((file(&one, id, 0).clash, file(&one, id, 1).clash), (Clash::Overwrite, Clash::Ask));
        let (mut all, id) = queue(taken);
        all.set_clash(id, None, Clash::Number, NOW).expect("done");
        for index in [0, 1] {
            assert_eq!((file(&all, id, index).clash, &file(&all, id, index).trouble), (Clash::Number, &None));
        }
    }

    #[test]
    fn another_checksum_is_compared_anew() {
        let (mut queue, id) = queue(|job| {
            job.files[0].trouble = Some(failed(FaultKind::NotListed));
            job.files[1].trouble = Some(failed(FaultKind::Status(404)));
            job.state = JobState::Error(Fault::new(FaultKind::NotListed, ""));
        });
        queue.set_expected(id, 1, None, NOW).expect("done");
        assert!(matches!(queue.job(id).expect("a job").state, JobState::Error(_)), "that was not it");
        let sum: Expected = "00".repeat(32).parse().expect("a sum");
        queue.set_expected(id, 0, Some(sum.clone()), NOW).expect("done");
        assert_eq!(file(&queue, id, 0).expected.as_deref(), Some(&sum));
        assert_eq!(queue.job(id).expect("a job").state, JobState::Queued);
    }

    #[test]
    fn what_is_held_stays_held() {
        let (mut queue, id) = queue(|job| {
            job.state = JobState::Suspended;
            job.wanted = crate::job::Wanted::Suspend;
        });
        queue.start_over(id, 0, NOW).expect("done");
        queue.set_folder(id, Path::new("/new"), NOW).expect("done");
        queue.set_connections(id, 0, NOW).expect("done");
        assert_eq!(queue.job(id).expect("a job").state, JobState::Suspended);
        assert_eq!(queue.job(id).expect("a job").connections, 1);
    }
}
