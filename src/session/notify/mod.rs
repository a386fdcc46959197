//! Notifications of the desktop: that a job has finished or failed, and what the user wants done then.
//!
//! | what | where |
//! |---|---|
//! | what a notification says and offers | `notice` |
//! | many at once become one | `gather` |
//! | the talk with the desktop | `server` |
//!
//! [`serve`] is all of it as one task: it shows, opens files and folders itself, and tells what only the engine can do.
//! Without anything to show it has no connection and no timer.

mod gather;
mod notice;
mod server;

pub use notice::{Action, Ended, Key, Notice, Offers, Outcome, What};
pub use server::{Notifier, NotifyError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{SessionBus, open, show_in_folder};
use crate::job::JobId;
use gather::Gather;

/// What [`serve`] is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Tell the user of this.
    Tell(Ended),
    /// What was told of this job is no longer so: it was removed, or is under way again.
    Withdraw(JobId),
}

/// What [`serve`] has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The user wants these jobs tried again.
    Retry(Vec<JobId>),
    /// What was to be told of this job has been, or could not be; whether the user can see it.
    Told(JobId, bool),
    /// Something did not work: a sentence. What keeps notifications from being shown is said once.
    Trouble(String),
}

/// Carries out wishes until nobody can have any more, or nobody hears the news.
pub async fn serve(bus: SessionBus, mut wishes: mpsc::Receiver<Wish>, news: mpsc::Sender<News>) {
    let mut desk = Desk {
        notifier: Notifier::new(bus.clone()),
        finished: Gather::default(),
        failed: Gather::default(),
        said: None,
        is_shown: false,
    };
    // Programs that are being looked for. Their end is waited for only to hear whether they started.
    let mut errands = JoinSet::new();
    loop {
        let due = [desk.finished.due(), desk.failed.due()].into_iter().flatten().min();
        let trouble = tokio::select! {
            wish = wishes.recv() => match wish {
                Some(wish) => {
                    let of = match &wish {
                        Wish::Tell(ended) => Some(ended.job),
                        Wish::Withdraw(_) => None,
                    };
                    let trouble = desk.grant(wish).await;
                    if let Some(job) = of
                        && news.send(News::Told(job, desk.is_shown)).await.is_err()
                    {
                        return;
                    }
                    trouble
                }
                None => return,
            },
            () = sleep_until(due.map_or_else(Instant::now, Instant::from_std)), if due.is_some() => desk.tell().await,
            action = desk.notifier.next_action() => match action.what {
                What::Retry(jobs) => {
                    if news.send(News::Retry(jobs)).await.is_err() {
                        return;
                    }
                    None
                }
                What::Open(file) => {
                    errands.spawn(async move { open(&file, action.activation_token.as_deref()).await });
                    None
                }
                What::ShowInFolder(files) => {
                    let bus = bus.clone();
                    errands.spawn(async move {
                        show_in_folder(&bus, &files, action.activation_token.as_deref()).await
                    });
                    None
                }
            },
            Some(done) = errands.join_next() => match done {
                Ok(Err(error)) => Some(error.to_string()),
                // Opened; or it panicked, which its own hook has reported.
                Ok(Ok(())) | Err(_) => None,
            },
        };
        if let Some(trouble) = trouble
            && news.send(News::Trouble(trouble)).await.is_err()
        {
            return;
        }
    }
}

struct Desk {
    notifier: Notifier,
    finished: Gather,
    failed: Gather,
    /// What kept a notification from being shown, as it was last said.
    said: Option<NotifyError>,
    /// Whether the last one was shown.
    is_shown: bool,
}

impl Desk {
    async fn grant(&mut self, wish: Wish) -> Option<String> {
        match wish {
            Wish::Tell(ended) => {
                let now = Instant::now().into_std();
                let gather = match ended.outcome {
                    Outcome::Finished { .. } => &mut self.finished,
                    Outcome::Failed { .. } => &mut self.failed,
                };
                let notices = [gather.tell(now), gather.add(ended, now)];
                self.show(notices).await
            }
            Wish::Withdraw(job) => {
                self.notifier.withdraw(Key::Job(job)).await;
                None
            }
        }
    }

    async fn tell(&mut self) -> Option<String> {
        let now = Instant::now().into_std();
        let notices = [self.finished.tell(now), self.failed.tell(now)];
        self.show(notices).await
    }

    /// Shows what there is; what went wrong is told once.
    async fn show(&mut self, notices: [Option<Notice>; 2]) -> Option<String> {
        let mut trouble = None;
        for notice in notices.into_iter().flatten() {
            let error = self.notifier.show(&notice).await.err();
            if let Some(error) = &error
                && self.said.as_ref() != Some(error)
            {
                trouble = Some(error.to_string());
            }
            self.is_shown = error.is_none();
            // The same trouble after a time without it is not said again either.
            self.said = error.or(self.said.take());
        }
        trouble
    }
}
