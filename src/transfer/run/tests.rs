//! What a run tells whom, and when. What becomes of the files is in `tests/`, against real servers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use url::Url;

use super::*;
use crate::job::Proxy;
use crate::transfer::{Memory, Notice, Pace, Watch, Way, client};

/// Knows only whether there was an answer.
#[derive(Default)]
struct Heedful(AtomicBool);

impl Pace for Heedful {
    fn connected(&self, _: SocketAddr, _: SocketAddr) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn book(&self, _: usize) {}

    fn wait(&self) -> Option<Duration> {
        None
    }

    fn parked(&self) -> Option<Notice> {
        None
    }
}

struct OnlyOne(Arc<Heedful>);

impl Paces for OnlyOne {
    fn first(&self, _: &Url) -> Arc<dyn Pace> {
        Arc::clone(&self.0) as Arc<dyn Pace>
    }

    fn another(&self, _: &Url) -> Option<Arc<dyn Pace>> {
        None
    }
}

struct Careless;

impl Watch for Careless {
    fn opening(&self) -> Box<dyn Send + Sync> {
        Box::new(())
    }

    fn opened(&self, _: SocketAddr, _: SocketAddr) {}
}

/// A server that has one file of two bytes, for whoever comes first.
fn two_bytes() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/f", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            connection.read_exact(&mut byte).unwrap();
            asked.extend(byte);
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    });
    url
}

/// An order for that file, to go into that folder.
fn order(url: &Url, folder: &Path, pace: &Arc<Heedful>) -> (Order, mpsc::Receiver<(u64, News)>) {
    let about = serde_json::json!({ "url": url, "folder": folder });
    let (sender, news) = mpsc::channel(1);
    let order = Order {
        file: serde_json::from_value(about).unwrap(),
        access: Access {
            headers: Arc::default(),
            home: String::new(),
            logins: Arc::default(),
            netrc: None,
            insecure_redirects: false,
            has_proxy: false,
            memory: Arc::new(Memory::default()),
        },
        paces: Arc::new(OnlyOne(Arc::clone(pace))),
        reserve_bytes: 0,
        note_origin: false,
        meter: Arc::new(Meter::new(0, 1)),
        reporter: Reporter { run: 1, sender },
    };
    (order, news)
}

fn a_client() -> Client {
    let way = Way { proxy: Proxy::None, login: None, ca_file: None };
    client(&way, Arc::new(Careless)).unwrap()
}

/// To put the plan on disk takes as long as the disk wants, and meanwhile the server sends.
#[tokio::test]
async fn a_pace_hears_of_an_answer_before_the_plan_goes_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let pace = Arc::new(Heedful::default());
    let (client, (order, mut news)) = (a_client(), order(&two_bytes(), folder.path(), &pace));
    let (_stop, is_stopped) = oneshot::channel();
    let listen = async {
        let mut plans = 0;
        while let Some((_, news)) = news.recv().await {
            if let News::Planned { saved, .. } = news {
                assert!(pace.0.load(Ordering::Relaxed), "planned, and the pace knows nothing");
                plans += 1;
                saved.send(()).unwrap();
            }
        }
        plans
    };
    let (outcome, plans) = tokio::join!(run(&client, order, is_stopped), listen);
    assert!(matches!(outcome, Outcome::Finished(_)), "{outcome:?}");
    assert!(plans > 0);
}

/// Or whoever is done next would take over what it has been asked for just now.
#[tokio::test(start_paused = true)]
async fn a_connection_that_has_just_begun_is_not_a_slow_one() {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::parse("http://127.0.0.1:9/").unwrap();
    let (order, _news) = order(&url, folder.path(), &Arc::default());
    let mut run = Run::new(&a_client(), order);
    run.best_bps = 1e6;
    run.watched.insert(7, Watched::new(0));
    let of_it = |run: &Run| run.progress().into_iter().find(|of| of.line == 7).map(|of| of.rate_bps);
    assert_eq!(of_it(&run), None);
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(of_it(&run), None);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(of_it(&run), Some(0.0));
}
