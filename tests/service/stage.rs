//! A running program and its socket.

use std::process::Command as Program_;
use std::sync::Arc;

use meanwhile::engine::{Change, Command, JobView, Places, Reply, Snapshot};
use meanwhile::instance::{Client, connect};
use meanwhile::job::{Event, JobId, JobState, LogEntry, NewJob, Why};

use crate::support::nginx::Nginx;
use crate::support::program::{Home, Program};
use crate::support::{OVERLAP, SOON, until};

/// A program that downloads without a window, with folders of its own.
pub(crate) struct Service {
    pub(crate) home: Home,
    run: Option<Program>,
}

impl Service {
    /// Starts it with these settings, by their names and as one types them.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let mut service = Self { home: Home::new(), run: None };
        service.start_again();
        for (key, value) in settings {
            service.set(key, value);
        }
        service
    }

    /// Starts it once more on the same folders.
    pub(crate) fn start_again(&mut self) {
        let command = self.home.command(["run"]);
        self.start_as(command);
    }

    /// The same, started in another way.
    pub(crate) fn start_as(&mut self, mut command: Program_) {
        assert!(self.run.is_none(), "it runs already");
        let program = Program::start(&mut command);
        program.line("Meanwhile is running");
        self.run = Some(program);
    }

    /// One that is not running yet.
    pub(crate) fn at_rest() -> Self {
        Self { home: Home::new(), run: None }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.run.take().expect("a running program").kill();
    }

    /// Ends it as Ctrl+C would; everything it said.
    pub(crate) fn stop(&mut self) -> String {
        self.run.take().expect("a running program").interrupt().calm().all()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.run.as_ref().expect("a running program").id()
    }

    pub(crate) fn client(&self) -> Client {
        connect(&Places::under(&self.home.state())).expect("its socket")
    }

    #[track_caller]
    pub(crate) fn ask(&self, command: Command) -> Reply {
        match self.client().request(command) {
            Ok(reply) => reply,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    pub(crate) fn set(&self, key: &str, value: &str) {
        self.ask(Command::Set(key.into(), value.into()));
    }

    #[track_caller]
    pub(crate) fn change(&self, id: JobId, change: Change) {
        self.ask(Command::Change(vec![id], change));
    }

    /// Queues a job into the folder for downloads.
    #[track_caller]
    pub(crate) fn add(&self, new: NewJob) -> JobId {
        let new = NewJob { folder: self.home.files(), asked_by: "a test".into(), ..new };
        match self.ask(Command::Add(vec![new])) {
            Reply::Added(ids) => ids[0],
            other => panic!("not added: {other:?}"),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.client().jobs().expect("how things stand")
    }

    #[track_caller]
    pub(crate) fn view(&self, id: JobId) -> Arc<JobView> {
        Arc::clone(self.snapshot().job(id).expect("the job"))
    }

    /// Waits until a job is like that.
    #[track_caller]
    pub(crate) fn wait(&self, id: JobId, what: &str, is_so: impl Fn(&JobView) -> bool) -> Arc<JobView> {
        let mut last = None;
        let end = std::time::Instant::now() + SOON;
        while std::time::Instant::now() < end {
            let view = self.view(id);
            if is_so(&view) {
                return view;
            }
            last = Some(view);
            crate::support::nap(std::time::Duration::from_millis(10));
        }
        panic!("the job did not get “{what}”: {last:#?}");
    }

    #[track_caller]
    pub(crate) fn wait_finished(&self, id: JobId) -> Arc<JobView> {
        self.wait(id, "finished", |view| view.job.state == JobState::Acknowledged)
    }

    /// Waits until so many bytes of a job have arrived.
    #[track_caller]
    pub(crate) fn wait_bytes(&self, id: JobId, bytes: u64) -> Arc<JobView> {
        self.wait(id, "bytes", |view| view.done_bytes >= bytes)
    }

    /// The log of one job or of all.
    #[track_caller]
    pub(crate) fn log(&self, id: Option<JobId>) -> Vec<LogEntry> {
        match self.ask(Command::Log(id, 1000)) {
            Reply::Log(entries) => entries,
            other => panic!("no log: {other:?}"),
        }
    }

    /// Waits until an event is in the log of a job or of all.
    #[track_caller]
    pub(crate) fn wait_log(&self, id: Option<JobId>, number: u32) -> Event {
        until(&format!("event {number} in the log"), SOON, || {
            self.log(id).into_iter().map(|entry| entry.event).find(|event| event.number() == number)
        })
    }

    /// How a job's transfers began and stopped: where each began, where it stopped, and whether it was whole then.
    pub(crate) fn course(&self, id: JobId) -> Vec<Step> {
        let steps = self.log(Some(id)).into_iter().filter_map(|entry| match entry.event {
            Event::Started { done_bytes, .. } => Some(Step::Began(done_bytes)),
            Event::Stopped { done_bytes, finished: true, .. } => Some(Step::Whole(done_bytes)),
            Event::Stopped { done_bytes, .. } => Some(Step::Stopped(done_bytes)),
            _ => None,
        });
        steps.collect()
    }
}

/// One line of a job's course, with the bytes that were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Event 59.
    Began(u64),
    /// Event 60, for the next turn's sake.
    Stopped(u64),
    /// Event 60, at the end.
    Whole(u64),
}

/// What of a job a server was asked for is what its log says: no byte twice, none left out.
#[track_caller]
pub(crate) fn nothing_was_fetched_twice(nginx: &Nginx, target: &str, course: &[Step]) {
    let began: Vec<u64> =
        course.iter().filter_map(|step| if let Step::Began(at) = step { Some(*at) } else { None }).collect();
    let stopped: Vec<u64> = course
        .iter()
        .filter_map(|step| if let Step::Stopped(at) = step { Some(*at) } else { None })
        .collect();
    assert_eq!(began[0], 0, "{course:?}");
    assert_eq!(began[1..], stopped[..], "each turn begins where the one before stopped: {course:?}");
    let asked = until("all requests are logged", SOON, || {
        let log: Vec<u64> = nginx
            .log()
            .iter()
            .filter(|request| request.target.trim_start_matches('/').split('?').next() == Some(target))
            .map(crate::support::nginx::Logged::first_byte)
            // What is compared is not counted.
            .map(|first| if first > 0 { first + OVERLAP as u64 } else { 0 })
            .collect();
        Some(log).filter(|log| log.len() >= began.len())
    });
    assert_eq!(asked, began, "what the server was asked for");
}

/// Whether a job waits for the timetable.
pub(crate) fn waits_for_timetable(view: &JobView) -> bool {
    matches!(&view.job.state, JobState::Waiting(waiting) if waiting.why == Why::Timetable)
}
