//! Where the engine is: in another process that runs already, or in this one. Commands are written once,
//! against this.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::exit::{Exit, Failure};
use super::print;
use crate::engine::{Command, Engine, Handle, JobView, Places, Reply, Run, Snapshot};
use crate::instance::{self, Claim, Client, ClientError, Follow, FollowEnd, Instance, News, Server, Shown};
use crate::job::JobId;

/// How many views of a followed job may wait to be looked at.
const VIEWS_WAITING: usize = 16;

/// Four snapshots a second: after this time, what a command changed is to be seen.
const UNTIL_TRUE: Duration = Duration::from_secs(1);

/// How often an instance may end just when it is asked.
pub(super) const TRIES: u32 = 5;

/// The way to the engine.
pub(super) enum Port {
    /// It is in this process.
    Local(Box<Local>),
    /// It is in another one.
    Remote(Client),
}

/// An engine of our own. When dropped, the socket closes first, then the engine stops with everything on
/// disk, and the claim goes last.
pub(super) struct Local {
    handle: Handle,
    server: Option<Server>,
    engine: Option<Engine>,
    claim: Option<Claim>,
}

impl Local {
    /// Starts an engine on the claimed folder, and says what it has to say about what it found there.
    pub(super) fn start(claim: Claim, places: &Places, run: Run) -> Result<Self, Failure> {
        let engine = Engine::start(places, run)?;
        let local = Self { handle: engine.handle(), server: None, engine: Some(engine), claim: Some(claim) };
        for notice in &*local.handle.snapshot().notices {
            print::note(print::clean(notice));
        }
        Ok(local)
    }

    /// Lets other processes hand over what they want done.
    pub(super) fn serve(
        &mut self,
        on_show: impl Fn() -> Shown + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        if let Some(claim) = self.claim.take() {
            self.server = Some(instance::serve(claim, self.handle.clone(), on_show)?);
        }
        Ok(())
    }

    /// The front ends' end of its border.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// An engine that is only a border.
    #[cfg(test)]
    pub(super) fn fake(handle: Handle) -> Box<Self> {
        Box::new(Self { handle, server: None, engine: None, claim: None })
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.claim = server.close();
        }
        if let Some(engine) = self.engine.take() {
            engine.stop();
        }
        drop(self.claim.take());
    }
}

impl Port {
    /// Finds the running instance, or starts an engine here.
    pub(super) fn open(places: &Places, run: Run) -> Result<Self, Failure> {
        Ok(match instance::claim_or_connect(places)? {
            Instance::Other(client) => Self::Remote(client),
            Instance::Mine(claim) => Self::Local(Box::new(Local::start(claim, places, run)?)),
        })
    }

    /// Asks something that changes nothing: once more where the engine ended between being found and being asked.
    pub(super) async fn ask(
        places: &Places,
        mut question: impl AsyncFnMut(&Self) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let mut tries_left = TRIES;
        loop {
            let port = Self::open(places, Run::Nothing)?;
            match question(&port).await {
                Err(Failure::Gone(_)) if tries_left > 0 => tries_left -= 1,
                done => return done,
            }
        }
    }

    /// Whether the engine is in this process.
    pub(super) const fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// Has a command carried out.
    pub(super) async fn request(&self, command: Command) -> Result<Reply, Failure> {
        match self {
            Self::Local(local) => Ok(local.handle.request(command).await?),
            Self::Remote(client) => {
                let client = client.clone();
                off_thread(move || client.request(command)).await
            }
        }
    }

    /// How things stand.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, Failure> {
        match self {
            Self::Local(local) => Ok(local.handle.snapshot()),
            Self::Remote(client) => {
                let client = client.clone();
                off_thread(move || client.jobs().map(Arc::new)).await
            }
        }
    }

    /// How things stand, where that costs nothing.
    pub(super) fn snapshot_at_hand(&self) -> Option<Arc<Snapshot>> {
        match self {
            Self::Local(local) => Some(local.handle.snapshot()),
            Self::Remote(_) => None,
        }
    }

    /// Follows a job that was just added or changed; `before` is how it stood before that, if known.
    pub(super) fn watch(&self, id: JobId, before: Option<Arc<JobView>>) -> Result<Watch, Failure> {
        let source = match self {
            Self::Local(local) => Source::Local(Box::new(Follow::new(local.handle.clone(), vec![id]))),
            Self::Remote(client) => Source::Remote(follow_remote(client.clone(), id)?),
        };
        Ok(Watch { source, before, is_first: true })
    }
}

/// A blocking talk with another instance, while this thread keeps an eye on signals.
async fn off_thread<T: Send + 'static>(
    talk: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, Failure> {
    match spawn_blocking(talk).await {
        Ok(result) => Ok(result?),
        // Its panic was reported by its own hook.
        Err(_) => Err(Failure::Quiet(Exit::Instance)),
    }
}

/// A job as it changes.
pub(super) struct Watch {
    source: Source,
    before: Option<Arc<JobView>>,
    is_first: bool,
}

enum Source {
    Local(Box<Follow>),
    Remote(mpsc::Receiver<Result<News, ClientError>>),
}

impl Watch {
    /// How the job stands at first, then each of its changes; ends with [`News::Gone`] or
    /// [`News::Stopped`].
    pub(super) async fn next(&mut self) -> Result<News, Failure> {
        let news = self.source.next().await?;
        if !std::mem::take(&mut self.is_first) {
            return Ok(news);
        }
        let News::Job(view) = &news else { return Ok(news) };
        // Snapshots come a moment after the answer. A finished or cancelled job is never taken up again,
        // and one that is on its way will go on telling; but a job at rest may be seen here as it was
        // before it was taken up.
        let is_at_rest = !view.job.state.is_final() && !view.job.state.goes_on_by_itself();
        let may_be_old = match &self.before {
            Some(before) => before.job.state == view.job.state,
            None => matches!(self.source, Source::Remote(_)),
        };
        if is_at_rest && may_be_old {
            timeout(UNTIL_TRUE, self.source.next()).await.unwrap_or(Ok(news))
        } else {
            Ok(news)
        }
    }
}

impl Source {
    async fn next(&mut self) -> Result<News, Failure> {
        match self {
            Self::Local(follow) => Ok(follow.next().await.unwrap_or(News::Stopped)),
            Self::Remote(news) => Ok(news.recv().await.unwrap_or(Ok(News::Stopped))?),
        }
    }
}

/// Follows from a thread of its own, which ends with the process if nothing happens before.
fn follow_remote(client: Client, id: JobId) -> Result<mpsc::Receiver<Result<News, ClientError>>, Failure> {
    let (to, from) = mpsc::channel(VIEWS_WAITING);
    let follow = move || {
        let end =
            client.follow(vec![id], |view| match to.blocking_send(Ok(News::Job(Arc::new(view.clone())))) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
        let last = match end {
            Ok(FollowEnd::Gone) => Ok(News::Gone(id)),
            // Killed or ended, perhaps just before it was asked: either way it is not there any more.
            Ok(FollowEnd::Stopped | FollowEnd::Enough)
            | Err(ClientError::Ended(_) | ClientError::NotThere(_)) => Ok(News::Stopped),
            Err(error) => Err(error),
        };
        // Whoever followed may have left.
        let _ = to.blocking_send(last);
    };
    match std::thread::Builder::new().name("follow".into()).spawn(follow) {
        Ok(_) => Ok(from),
        Err(error) => Err(super::no_thread(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_is_asked_again_where_the_engine_ended_before_it_answered() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::under(folder.path());
        for (ends, is_answered) in [(0, true), (TRIES, true), (TRIES + 1, false)] {
            let mut asked = 0;
            let done = Port::ask(&places, async |_| {
                asked += 1;
                if asked > ends { Ok(Exit::Done) } else { Err(Failure::Gone(String::new())) }
            });
            assert_eq!(done.await.is_ok(), is_answered, "it ends {ends} times");
        }
    }
}
