//! How the broker ends: softly when asked, hard when that takes too long, and at once when one of its parts fails.
//!
//! Every task of the broker runs under a [`Lifecycle`]. The order of the end is: health says NOT_SERVING, no connection is accepted,
//! streams end, requests finish, the committer drains. Telemetry comes after, and is the caller's. A task that ends before it was
//! told to is a crash: the rest is stopped and the process ends with a failure. `main` makes one and waits in [`Lifecycle::run`].

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the soft stop may take.
pub const STOP_SECONDS_MAX: u64 = 30;
/// How long tasks have to end after the hard stop.
const HARD_STOP: Duration = Duration::from_secs(2);
/// Signals that wait to be seen; a third one says nothing new.
const SIGNALS_QUEUE_MAX: usize = 2;

/// When a task is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Takes connections and requests: told first, may finish what it has begun.
    Server,
    /// Serves the servers, above all the committer: told when no request is left.
    Worker,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Asked to, and everything was finished.
    Stopped,
    /// Asked to, and something took too long or a second signal came: what was open was cut.
    Cut,
    /// A task ended by itself.
    Crashed {
        /// Its name.
        task: &'static str,
    },
}

/// The tokens and trackers of all tasks.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    not_serving: CancellationToken,
    accept: CancellationToken,
    streams: CancellationToken,
    drain: CancellationToken,
    hard: CancellationToken,
    servers: TaskTracker,
    workers: TaskTracker,
    crashed: watch::Sender<Option<&'static str>>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// A lifecycle without tasks.
    pub fn new() -> Self {
        let token = CancellationToken::new;
        Self {
            not_serving: token(),
            accept: token(),
            streams: token(),
            drain: token(),
            hard: token(),
            servers: TaskTracker::new(),
            workers: TaskTracker::new(),
            crashed: watch::Sender::new(None),
        }
    }

    /// Cancelled first: health must say NOT_SERVING from here on.
    pub fn not_serving(&self) -> CancellationToken {
        self.not_serving.clone()
    }

    /// Cancelled second: no connection is accepted any more. What a [`Part::Server`] ends on.
    pub fn stop_accepting(&self) -> CancellationToken {
        self.accept.clone()
    }

    /// Cancelled third: open streams end with UNAVAILABLE.
    pub fn end_streams(&self) -> CancellationToken {
        self.streams.clone()
    }

    /// Cancelled fourth, when no server is left. What a [`Part::Worker`] ends on.
    pub fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Cancelled when the soft stop takes too long: connections are cut.
    pub fn cut(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Where tasks go that may end by themselves: one for each connection, and so on. They are waited for with the servers.
    pub fn tracker(&self) -> &TaskTracker {
        &self.servers
    }

    /// Runs a task whose end, before it was told to, is a crash of the broker. That holds for a panic, too.
    pub fn spawn<F>(&self, part: Part, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (tracker, told) = match part {
            Part::Server => (&self.servers, &self.accept),
            Part::Worker => (&self.workers, &self.drain),
        };
        let watched = Watched { name, told: told.clone(), crashed: self.crashed.clone() };
        tracker.spawn(async move {
            let watched = watched;
            task.await;
            drop(watched);
        });
    }

    /// Waits until the broker is asked to end or one of its tasks fails, then ends everything in order.
    ///
    /// `asked` gives one item for each request to stop; the second one cuts short.
    pub async fn run(&self, mut asked: mpsc::Receiver<()>) -> Ended {
        let mut crashed = self.crashed.subscribe();
        let crash = tokio::select! {
            _ = asked.recv() => None,
            found = crashed.wait_for(Option::is_some) => found.ok().and_then(|task| *task),
        };
        if let Some(task) = crash {
            tracing::error!(task, "a task ended by itself; the broker stops");
        } else {
            tracing::info!("stopping");
        }
        let soft = tokio::select! {
            () = self.stop_softly() => true,
            () = tokio::time::sleep(Duration::from_secs(STOP_SECONDS_MAX)) => false,
            // A closed channel is no second request.
            Some(()) = asked.recv() => false,
        };
        if !soft {
            tracing::warn!("the soft stop was cut short");
            self.stop_hard().await;
        }
        // A task may also fail while it ends; that must not look like a good stop.
        let crash = crash.or(*self.crashed.borrow());
        match (crash, soft) {
            (Some(task), _) => Ended::Crashed { task },
            (None, true) => Ended::Stopped,
            (None, false) => Ended::Cut,
        }
    }

    async fn stop_softly(&self) {
        // Order matters: nobody may be sent here by a load balancer that finds the door closed, and the committer must outlive
        // every request that waits for its answer.
        self.not_serving.cancel();
        self.accept.cancel();
        self.streams.cancel();
        self.servers.close();
        self.servers.wait().await;
        self.drain.cancel();
        self.workers.close();
        self.workers.wait().await;
    }

    async fn stop_hard(&self) {
        for token in [&self.not_serving, &self.accept, &self.streams, &self.hard, &self.drain] {
            token.cancel();
        }
        self.servers.close();
        self.workers.close();
        let all = async {
            self.servers.wait().await;
            self.workers.wait().await;
        };
        if tokio::time::timeout(HARD_STOP, all).await.is_err() {
            tracing::error!("tasks are left that do not end");
        }
    }
}

/// Tells of a crash when it is dropped before its task was told to end; a panic drops it as well.
struct Watched {
    name: &'static str,
    told: CancellationToken,
    crashed: watch::Sender<Option<&'static str>>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.told.is_cancelled() || std::thread::panicking() {
            // The first one is the cause; what falls with it is not.
            self.crashed.send_if_modified(|crashed| crashed.is_none() && crashed.replace(self.name).is_none());
        }
    }
}

/// Turns SIGTERM and SIGINT into requests to stop, for [`Lifecycle::run`].
pub fn stop_signals(lifecycle: &Lifecycle) -> io::Result<mpsc::Receiver<()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (asked, receiver) = mpsc::channel(SIGNALS_QUEUE_MAX);
    let drain = lifecycle.drain();
    lifecycle.workers.spawn(async move {
        loop {
            tokio::select! {
                () = drain.cancelled() => return,
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked.try_send(()).is_err() {
                tracing::debug!("a signal came while others wait");
            }
        }
    });
    Ok(receiver)
}

/// What the supervisor of services is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Requests are taken.
    Ready,
    /// The stop has begun.
    Stopping,
}

/// Tells systemd, where it listens: `socket` is the value of `NOTIFY_SOCKET`.
pub fn notify_supervisor(socket: Option<&OsStr>, notice: Notice) -> io::Result<()> {
    let Some(socket) = socket else { return Ok(()) };
    let text = match notice {
        Notice::Ready => "READY=1",
        Notice::Stopping => "STOPPING=1",
    };
    // A leading @ stands for the zero byte of an abstract name.
    let address = match socket.as_encoded_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(Path::new(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    #[test]
    fn the_supervisor_is_told_where_it_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("brygga-notify-test-{}", std::process::id());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (socket, text) in [(&by_path, path.into_os_string()), (&by_name, format!("@{name}").into())] {
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            for (notice, wanted) in [(Notice::Ready, "READY=1"), (Notice::Stopping, "STOPPING=1")] {
                notify_supervisor(Some(&text), notice).unwrap();
                let mut bytes = [0; 64];
                let length = socket.recv(&mut bytes).unwrap();
                assert_eq!(&bytes[..length], wanted.as_bytes());
            }
        }
        notify_supervisor(None, Notice::Ready).unwrap();
    }

    async fn ended(lifecycle: &Lifecycle, asked: mpsc::Receiver<()>) -> Ended {
        tokio::time::timeout(DEADLINE, lifecycle.run(asked)).await.unwrap()
    }

    #[tokio::test]
    async fn the_worker_is_told_only_when_no_server_is_left() {
        let lifecycle = Lifecycle::new();
        let (steps, mut seen) = mpsc::channel(8);
        let (accept, streams, drain) = (lifecycle.stop_accepting(), lifecycle.end_streams(), lifecycle.drain());
        let (told, not_serving) = (steps.clone(), lifecycle.not_serving());
        let still_working = drain.clone();
        lifecycle.spawn(Part::Server, "server", async move {
            accept.cancelled().await;
            assert!(not_serving.is_cancelled(), "health comes first");
            streams.cancelled().await;
            tokio::task::yield_now().await;
            assert!(!still_working.is_cancelled(), "the committer outlives the servers");
            told.send("server ended").await.unwrap();
        });
        lifecycle.spawn(Part::Worker, "committer", async move {
            drain.cancelled().await;
            steps.send("committer drained").await.unwrap();
        });
        let (ask, asked) = mpsc::channel(2);
        ask.send(()).await.unwrap();
        assert_eq!(ended(&lifecycle, asked).await, Ended::Stopped);
        assert_eq!((seen.recv().await, seen.recv().await), (Some("server ended"), Some("committer drained")));
        assert!(!lifecycle.cut().is_cancelled());
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_a_crash_and_stops_the_rest() {
        let lifecycle = Lifecycle::new();
        let accept = lifecycle.stop_accepting();
        lifecycle.spawn(Part::Server, "server", async move { accept.cancelled().await });
        lifecycle.spawn(Part::Worker, "committer", async {});
        let (_ask, asked) = mpsc::channel(2);
        assert_eq!(ended(&lifecycle, asked).await, Ended::Crashed { task: "committer" });
    }

    #[tokio::test]
    async fn a_panic_is_a_crash_even_during_the_stop() {
        let lifecycle = Lifecycle::new();
        let accept = lifecycle.stop_accepting();
        lifecycle.spawn(Part::Server, "server", async move {
            accept.cancelled().await;
            panic!("made up");
        });
        let (ask, asked) = mpsc::channel(2);
        ask.send(()).await.unwrap();
        assert_eq!(ended(&lifecycle, asked).await, Ended::Crashed { task: "server" });
    }

    #[tokio::test]
    async fn a_second_request_cuts_what_does_not_end() {
        let lifecycle = Lifecycle::new();
        let cut = lifecycle.cut();
        lifecycle.spawn(Part::Server, "server", async move { cut.cancelled().await });
        let (ask, asked) = mpsc::channel(2);
        ask.send(()).await.unwrap();
        ask.send(()).await.unwrap();
        assert_eq!(ended(&lifecycle, asked).await, Ended::Cut);
    }

    #[tokio::test(start_paused = true)]
    async fn the_soft_stop_ends_after_its_time() {
        let lifecycle = Lifecycle::new();
        let cut = lifecycle.cut();
        lifecycle.spawn(Part::Server, "server", async move { cut.cancelled().await });
        let (ask, asked) = mpsc::channel(2);
        ask.send(()).await.unwrap();
        let started = tokio::time::Instant::now();
        assert_eq!(lifecycle.run(asked).await, Ended::Cut);
        assert_eq!(started.elapsed().as_secs(), STOP_SECONDS_MAX);
    }
}
