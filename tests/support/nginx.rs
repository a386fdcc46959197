//! nginx on a port of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use std::io::{Read as _, Write as _};

use tempfile::TempDir;

use super::{SOON, read, tool, until, write};

/// A running nginx. It serves the files of a folder:
///
/// | address | what |
/// |---|---|
/// | `/NAME` | the file |
/// | `/NAME?rate=512k` | the file, sent no faster than that |
/// | `/private/NAME` | the file, for the user `me` with the password `hunter2` |
/// | `/token/NAME` | the file, for those who send `X-Token: sesame` |
/// | `/moved/NAME` | goes to `/NAME`, by way of another address |
/// | `/loop` | goes to itself |
///
/// It is a proxy as well: what is asked of it with a whole address it fetches from there. What is sent to it, it throws away.
pub(crate) struct Nginx {
    process: Child,
    at: SocketAddr,
    root: PathBuf,
    own: TempDir,
}

/// A request as nginx logged it when it was over. What was not sent is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) status: u16,
    pub(crate) range: String,
    pub(crate) if_range: String,
    /// How much of the body nginx had handed to the system; more than what arrived if nobody took it.
    pub(crate) body_bytes: u64,
    pub(crate) target: String,
}

impl Logged {
    /// The first byte of the range that was asked for.
    pub(crate) fn first_byte(&self) -> u64 {
        let first = self.range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        first.and_then(|first| first.parse().ok()).unwrap_or_default()
    }
}

impl Nginx {
    /// Serves the files in `root` on loopback.
    pub(crate) fn start(root: &Path) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, root)
    }

    /// Serves the files in `root` on an address of this machine.
    pub(crate) fn start_at(address: Ipv4Addr, root: &Path) -> Self {
        // Another process may take the port between our finding it free and nginx's taking it.
        for _ in 0..5 {
            if let Some(nginx) = Self::try_start(address, root) {
                return nginx;
            }
        }
        panic!("nginx did not start on any of five ports that were free");
    }

    fn try_start(address: Ipv4Addr, root: &Path) -> Option<Self> {
        let own = tempfile::tempdir().expect("a folder");
        let at = SocketAddr::from((address, free_port()));
        write(&own.path().join("users"), b"me:{PLAIN}hunter2\n");
        write(&own.path().join("nginx.conf"), config(own.path(), root, at).as_bytes());
        let errors = std::fs::File::create(own.path().join("stderr")).expect("a file");
        let process = tool("nginx", "nginx-light")
            .arg("-p")
            .arg(own.path())
            .arg("-c")
            .arg(own.path().join("nginx.conf"))
            .args(["-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("nginx to start");
        let mut nginx = Self { process, at, root: root.to_owned(), own };
        let is_up = until("nginx answers", SOON, || {
            if nginx.process.try_wait().expect("its state").is_some() {
                let said = String::from_utf8_lossy(&read(&nginx.own.path().join("stderr"))).into_owned();
                eprintln!("nginx ended: {said}");
                return Some(false);
            }
            nginx.answers().then_some(true)
        });
        is_up.then_some(nginx)
    }

    /// Whether it is this nginx that listens there.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.at) else { return false };
        let mut answer = String::new();
        let asked = stream.write_all(b"GET /who HTTP/1.0\r\n\r\n");
        asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok()
            && answer.ends_with(&self.own.path().display().to_string())
    }

    /// The address of a file, or of anything else it serves.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}/{target}", self.at)
    }

    /// Puts a file where it is served.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> String {
        write(&self.root.join(name), bytes);
        self.url(name)
    }

    /// The requests that are over, oldest first, without our own.
    pub(crate) fn log(&self) -> Vec<Logged> {
        let text = String::from_utf8(read(&self.own.path().join("access.log"))).expect("text");
        text.lines()
            .filter_map(|line| {
                let mut fields = line.split('\t');
                Some(Logged {
                    status: fields.next()?.parse().ok()?,
                    range: fields.next()?.to_owned(),
                    if_range: fields.next()?.to_owned(),
                    body_bytes: fields.next()?.parse().ok()?,
                    target: fields.next()?.to_owned(),
                })
            })
            .filter(|request| request.target != "/who")
            .collect()
    }

    /// Waits until so many requests are over, and returns all that are.
    #[track_caller]
    pub(crate) fn log_of(&self, requests: usize) -> Vec<Logged> {
        until(&format!("{requests} requests logged"), SOON, || {
            Some(self.log()).filter(|log| log.len() >= requests)
        })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended; then there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port of loopback that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

/// One process only, so that ending it by its id leaves nothing behind. It stays the user it is: in a user namespace
/// there is no other.
fn config(own: &Path, root: &Path, at: SocketAddr) -> String {
    let (own, root) = (own.display(), root.display());
    format!(
        r#"daemon off;
master_process off;
user root root;
pid {own}/pid;
error_log {own}/error.log warn;
events {{ worker_connections 256; }}
http {{
    log_format tests escape=none '$status\t$http_range\t$http_if_range\t$body_bytes_sent\t$request_uri';
    access_log {own}/access.log tests;
    client_body_temp_path {own}/body;
    proxy_temp_path {own}/proxy;
    fastcgi_temp_path {own}/fastcgi;
    uwsgi_temp_path {own}/uwsgi;
    scgi_temp_path {own}/scgi;
    client_max_body_size 0;
    map $arg_rate $rate {{ "" 0; default $arg_rate; }}
    server {{
        listen {at};
        error_page 418 = @other;
        if ($request ~ "^[A-Z]+ http://") {{ return 418; }}
        location @other {{ proxy_pass http://$http_host$request_uri; proxy_buffering off; }}
        location / {{ root {root}; limit_rate $rate; }}
        location = /who {{ return 200 {own}; }}
        location /private/ {{ alias {root}/; auth_basic all; auth_basic_user_file {own}/users; }}
        location /token/ {{ alias {root}/; if ($http_x_token != "sesame") {{ return 403; }} }}
        location /moved/ {{ rewrite ^/moved/(.*)$ /moved2/$1 redirect; }}
        location /moved2/ {{ rewrite ^/moved2/(.*)$ /$1 permanent; }}
        location = /loop {{ return 302 /loop; }}
    }}
}}
"#
    )
}
