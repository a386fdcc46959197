//! `get`: fetch one address and wait for it.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::args::Get;
use super::background::Background;
use super::course::{Course, Ending, Turn};
use super::exit::{Exit, Failure};
use super::json::{self, Event};
use super::new::{self, Target};
use super::port::{Port, TRIES, Watch};
use super::print::{self, Out};
use super::progress::Progress;
use crate::engine::{Change, Command, EndSignal, JobView, Places, Reply, Run};
use crate::instance::{News, Shown, wait_for_other};
use crate::job::{
    JobFile, JobId, ListEntry, NewJob, Priority, Waiting, bytes_in_words, duration_in_words, rate_in_words,
};

/// Fetches what is asked for, here or in the running instance. When that one ends before the job does, the
/// work is taken over.
pub(super) async fn get(
    places: &Places,
    get: Get,
    background: &Background,
    out: &mut Out<'_>,
) -> Result<Exit, Failure> {
    let Get { url, how, priority } = get;
    let Target { folder, file_name } = Target::of(&how)?;
    let folder = folder.map_or_else(|| new::absolute(Path::new(".")), Ok)?;
    let entry = ListEntry::of(url);
    let priority = priority.unwrap_or(Priority::Foreground);
    let mut jobs = new::jobs(vec![entry], &how, file_name.as_deref(), priority, false)?;
    let Some(mut job) = jobs.pop() else { return Ok(Exit::Done) };
    new::put_into(&mut job, &folder);

    let mut signals = super::listen()?;
    let mut stop = pin!(signals.next());
    let began = Instant::now();
    let mut tries_left = TRIES;
    let mut arrived_bytes = 0;
    let mut taken_over = None;
    loop {
        let open = {
            let places = places.clone();
            tokio::task::spawn_blocking(move || open(&places))
        };
        let (port, room) = tokio::select! {
            // Its panic was reported by its own hook.
            opened = open => opened.unwrap_or(Err(Failure::Quiet(Exit::Instance)))?,
            _ = &mut stop => return Ok(Exit::Interrupted),
        };
        let mut wait = match Wait::begin(&port, &job, taken_over, began, out.is_json()).await {
            // It ended between being found and being asked. To fetch twice is the same as once.
            Err(Failure::Gone(_)) if tries_left > 0 => {
                tries_left -= 1;
                continue;
            }
            wait => wait?,
        };
        wait.arrived_before = arrived_bytes;
        match wait.run(&mut stop, &room, out).await {
            Ok(Some(exit)) => {
                drop(wait);
                // Others may have been added meanwhile; they are not this command's to end.
                if port.snapshot_at_hand().is_some_and(|snapshot| snapshot.busy) {
                    background.take_over(port)?;
                }
                return Ok(exit);
            }
            Ok(None) => {
                arrived_bytes = wait.arrived_bytes();
                taken_over = Some(wait.id);
                drop(wait);
                let was_local = port.is_local();
                drop(port);
                if was_local {
                    print::note("The window takes over; the download goes on there.");
                    let places = places.clone();
                    // Where nobody comes after all, the download goes on here.
                    let _ = tokio::task::spawn_blocking(move || wait_for_other(&places)).await;
                } else {
                    print::note("The Meanwhile that was running has ended; the download goes on here.");
                }
            }
            // Nobody reads the events any more: as with a signal, nothing goes on unseen.
            Err(Failure::Quiet(_)) => {
                wait.hold().await;
                return Err(Failure::Quiet(Exit::Interrupted));
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// The engine, and what is rung when the window wants to take its place.
fn open(places: &Places) -> Result<(Port, Arc<Notify>), Failure> {
    let mut port = Port::open(places, Run::Asked)?;
    let room = Arc::new(Notify::new());
    if let Port::Local(local) = &mut port {
        let asked = Arc::clone(&room);
        local.serve(move || {
            asked.notify_one();
            Shown::MakesRoom
        })?;
    }
    Ok((port, room))
}

/// One wait for one job.
struct Wait<'a> {
    port: &'a Port,
    id: JobId,
    watch: Watch,
    course: Course,
    progress: Progress,
    began: Instant,
    /// Bytes that arrived in another instance, before this wait.
    arrived_before: u64,
    last: Option<Arc<JobView>>,
}

impl<'a> Wait<'a> {
    /// Asks for the job and begins to watch it. One that is taken over from an instance that has ended may have ended
    /// with it: to ask for that again would fetch it twice.
    async fn begin(
        port: &'a Port,
        job: &NewJob,
        taken_over: Option<JobId>,
        began: Instant,
        is_json: bool,
    ) -> Result<Self, Failure> {
        let before = port.snapshot_at_hand();
        let has_ended = |id: &JobId| {
            let view = before.as_ref().and_then(|snapshot| snapshot.job(*id));
            view.is_some_and(|view| view.job.state.is_final())
        };
        if let Some(id) = taken_over.filter(has_ended) {
            return Self::watch(port, id, Course::new(None), None, began, is_json);
        }
        let id = match port.request(Command::Fetch(job.clone())).await? {
            Reply::Added(ids) if let [id] = ids[..] => id,
            _ => return Err(Failure::new(Exit::Instance, "Meanwhile gave an answer that makes no sense.")),
        };
        let old = before.as_ref().and_then(|snapshot| snapshot.job(id).cloned());
        let course = match (&before, &old) {
            (None, _) => Course::new(None),
            (Some(_), old) => Course::new(Some(old.as_ref().map_or(0, |view| view.done_bytes))),
        };
        Self::watch(port, id, course, old, began, is_json)
    }

    fn watch(
        port: &'a Port,
        id: JobId,
        course: Course,
        before: Option<Arc<JobView>>,
        began: Instant,
        is_json: bool,
    ) -> Result<Self, Failure> {
        Ok(Self {
            port,
            id,
            watch: port.watch(id, before)?,
            course,
            progress: Progress::new(is_json),
            began,
            arrived_before: 0,
            last: None,
        })
    }

    /// Waits until the job ends or a signal comes; `None` when the instance that has the job ends or makes room.
    async fn run(
        &mut self,
        stop: &mut (impl Future<Output = EndSignal> + Unpin),
        room: &Notify,
        out: &mut Out<'_>,
    ) -> Result<Option<Exit>, Failure> {
        if out.is_json() {
            out.json(&Event::Added { id: self.id })?;
            out.flush()?;
        }
        loop {
            let news = tokio::select! {
                news = self.watch.next() => news?,
                _ = &mut *stop => return self.interrupted(out).await.map(Some),
                () = room.notified() => {
                    self.progress.clear();
                    return Ok(None);
                }
            };
            let view = match news {
                News::Job(view) => view,
                News::Gone(_) => return self.end(Ending::Removed, out).await.map(Some),
                News::Stopped if self.port.is_local() => {
                    self.progress.clear();
                    return Err(Failure::new(
                        Exit::Failed,
                        "Meanwhile made a mistake and had to stop; what was fetched is kept. You can get it again.",
                    ));
                }
                News::Stopped => {
                    self.progress.clear();
                    return Ok(None);
                }
            };
            let turn = self.course.turn(&view);
            self.progress.show(&view, Instant::now(), out)?;
            self.last = Some(view);
            match turn {
                Turn::GoesOn => {}
                Turn::Waits(waiting) => self.say_waiting(&waiting, out)?,
                Turn::IsHeld => {
                    let sentence = format!(
                        "Somebody paused it. You can go on with “meanwhile resume {}”.",
                        self.id.short()
                    );
                    self.progress.say(&sentence, || Event::Paused { id: self.id }, out)?;
                }
                Turn::Ends(ending) => return self.end(ending, out).await.map(Some),
            }
        }
    }

    fn say_waiting(&self, waiting: &Waiting, out: &mut Out<'_>) -> Result<(), Failure> {
        let next = waiting.until_unix_secs.map_or_else(String::new, |until| {
            format!("; next try in {}", duration_in_words(until.saturating_sub(print::now_unix_secs())))
        });
        let sentence = format!("Waiting: {}{next}.", waiting.what());
        let event = || Event::Waiting {
            id: self.id,
            why: waiting.why.word(),
            fault: waiting.fault().map(Into::into),
            next_try_unix_secs: waiting.until_unix_secs,
        };
        self.progress.say(&sentence, event, out)
    }

    async fn end(&self, ending: Ending, out: &mut Out<'_>) -> Result<Exit, Failure> {
        self.progress.clear();
        if let Ending::GivenUp(_) = ending {
            self.hold().await;
        }
        let gone = |word| Failure::new(Exit::Failed, format!("Somebody {word} it before it was finished."));
        if out.is_json() {
            out.json(&self.event(&ending))?;
            out.flush()?;
        }
        match ending {
            Ending::Saved => {
                if !out.is_json() {
                    print::note(self.saved());
                }
                Ok(Exit::Done)
            }
            Ending::Failed(fault) => Err(Failure::new(Exit::Failed, fault.to_string())),
            Ending::GivenUp(fault) => Err(Failure::new(
                Exit::Failed,
                format!(
                    "{fault}\nEverything fetched is kept; “meanwhile get” with the same address goes on."
                ),
            )),
            Ending::Cancelled => Err(gone("cancelled")),
            Ending::Completed => Err(gone("completed")),
            Ending::Removed => Err(gone("removed")),
        }
    }

    fn event(&self, ending: &Ending) -> Event {
        let job = self.last.as_ref().map(|view| Box::new(json::Job::from(&**view)));
        match (ending, job) {
            (Ending::Saved, Some(job)) => {
                let (bytes, secs) = (self.arrived_bytes(), self.began.elapsed().as_secs_f64());
                let average_bps = average_bps(bytes, secs);
                Event::Finished { job, arrived_bytes: Some(bytes), secs: Some(secs), average_bps }
            }
            (Ending::Failed(_) | Ending::GivenUp(_), Some(job)) => Event::Failed { job },
            _ => Event::Ended { id: self.id },
        }
    }

    /// Bytes that arrived since `get` began, wherever.
    fn arrived_bytes(&self) -> u64 {
        self.arrived_before + self.course.arrived_bytes()
    }

    /// The last words of a download that went well.
    fn saved(&self) -> String {
        let Some(view) = &self.last else { return "Saved.".into() };
        let path = view.job.files.first().and_then(JobFile::path);
        let path = path.map_or_else(|| print::name(view), |path| print::clean(&path.to_string_lossy()));
        let secs = self.began.elapsed().as_secs_f64();
        let time = if secs < 10.0 { format!("{secs:.1} s") } else { duration_in_words(secs as u64) };
        let average = average_bps(self.arrived_bytes(), secs)
            .map_or_else(String::new, |bps| format!(", {} on average", rate_in_words(bps)));
        format!("Saved {path} ({} in {time}{average}).", bytes_in_words(view.done_bytes))
    }

    /// A signal: an engine of our own stops with everything kept; another instance goes on.
    async fn interrupted(&self, out: &mut Out<'_>) -> Result<Exit, Failure> {
        self.progress.clear();
        let sentence = if self.port.is_local() {
            self.hold().await;
            "Stopped; what was fetched is kept. “meanwhile get URL” goes on where it stopped.".to_owned()
        } else {
            format!(
                "The download goes on in the Meanwhile that is running. You can hold it with “meanwhile pause {}”.",
                self.id.short()
            )
        };
        self.progress.say(&sentence, || Event::Stopped { id: self.id }, out)?;
        Ok(Exit::Interrupted)
    }

    /// Holds the job, so that it does not go on by itself behind the user's back. It may have ended just
    /// now, which is as good.
    async fn hold(&self) {
        let held = self.port.request(Command::Change(vec![self.id], Change::Suspend)).await;
        if let Err(failure) = held {
            tracing::debug!(?failure, "it could not be held");
        }
    }
}

/// Bytes per second, where anything arrived at all.
fn average_bps(bytes: u64, secs: f64) -> Option<u64> {
    (bytes > 0 && secs > 0.0).then(|| (bytes as f64 / secs) as u64)
}

#[cfg(test)]
mod tests;
