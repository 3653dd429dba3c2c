//! A line between clients and a broker: it counts what the broker has written, and can stop taking it.

use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

/// Room for what a broker writes and nobody has taken yet: more than a release is long, so that the system never holds it back.
pub const ROOM_BYTES: u32 = 4 * 1024 * 1024;
const PIECE_BYTES: usize = 64 * 1024;

/// A line; clients connect to its address.
pub struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    broker: SocketAddr,
    room: u32,
    taking: watch::Sender<bool>,
    received: AtomicU64,
    downs: Mutex<Vec<Arc<Down>>>,
}

/// One connection's way from the broker.
struct Down {
    /// The socket once more, to be read without asking whether there is something.
    socket: std::net::TcpStream,
    pending: Mutex<Pending>,
    drained: Notify,
}

struct Pending {
    bytes: Vec<u8>,
    ended: bool,
    /// Read into, again and again.
    piece: Vec<u8>,
}

impl Line {
    /// A line to a broker; the system holds so many bytes that nobody has taken.
    ///
    /// # Panics
    /// When no socket is to be had.
    pub async fn to(broker: &str, room: u32) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { broker: broker.parse().unwrap(), room, taking: watch::Sender::new(true), received: AtomicU64::new(0), downs: Mutex::default() });
        let accepting = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok((broker, down)) = accepting.connect().await {
                    accepting.downs.lock().unwrap().push(Arc::clone(&down));
                    tokio::spawn(carry(client, broker, down, Arc::clone(&accepting)));
                }
            }
        });
        Self { address, shared, accepting: accepting.abort_handle() }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What counts on it.
    pub fn counter(&self) -> Counter {
        Counter(Arc::clone(&self.shared))
    }

    /// How many bytes the broker has written by now.
    ///
    /// # Panics
    /// When somebody panicked before.
    pub fn written(&self) -> u64 {
        self.counter().written()
    }

    /// How many bytes have come so far.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::SeqCst)
    }

    /// Takes what the broker writes, or lets it wait.
    pub fn take(&self, taking: bool) {
        self.counter().take(taking);
    }
}

/// Counts on a line.
pub struct Counter(Arc<Shared>);

impl Counter {
    /// How many bytes the broker has written by now. What lies in the system is taken first.
    ///
    /// # Panics
    /// When somebody panicked before.
    pub fn written(&self) -> u64 {
        self.0.downs.lock().unwrap().iter().for_each(|down| {
            // The end of a connection is the business of its own task.
            drop(down.drain(&self.0.received));
            down.drained.notify_one();
        });
        self.0.received.load(Ordering::SeqCst)
    }

    /// Takes what the broker writes, or lets it wait.
    pub fn take(&self, taking: bool) {
        self.0.taking.send_replace(taking);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    async fn connect(&self) -> io::Result<(TcpStream, Arc<Down>)> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(self.room)?;
        let broker = socket.connect(self.broker).await?.into_std()?;
        let pending = Pending { bytes: Vec::new(), ended: false, piece: vec![0; PIECE_BYTES] };
        let down = Down { socket: broker.try_clone()?, pending: Mutex::new(pending), drained: Notify::new() };
        let broker = TcpStream::from_std(broker)?;
        broker.set_nodelay(true)?;
        Ok((broker, Arc::new(down)))
    }
}

impl Down {
    /// Reads until there is nothing more; that is an error, `WouldBlock`, as it is for the socket.
    fn drain(&self, received: &AtomicU64) -> io::Result<()> {
        let mut pending = self.pending.lock().unwrap();
        let Pending { bytes, ended, piece } = &mut *pending;
        loop {
            match (&self.socket).read(piece) {
                Ok(0) => {
                    *ended = true;
                    return Ok(());
                }
                Ok(count) => {
                    received.fetch_add(u64::try_from(count).unwrap(), Ordering::SeqCst);
                    bytes.extend_from_slice(&piece[..count]);
                }
                Err(error) => {
                    *ended |= error.kind() != io::ErrorKind::WouldBlock;
                    return Err(error);
                }
            }
        }
    }
}

/// Carries bytes both ways until either end is gone.
async fn carry(client: TcpStream, broker: TcpStream, down: Arc<Down>, shared: Arc<Shared>) {
    drop(client.set_nodelay(true));
    let (mut from_client, to_client) = client.into_split();
    let (from_broker, mut to_broker) = broker.into_split();
    let up = async {
        drop(tokio::io::copy(&mut from_client, &mut to_broker).await);
        drop(to_broker.shutdown().await);
    };
    let readable = || async {
        tokio::select! {
            ready = from_broker.ready(Interest::READABLE) => drop(ready),
            () = down.drained.notified() => {}
        }
    };
    let coming = async {
        let mut taking = shared.taking.subscribe();
        let mut to_client = to_client;
        loop {
            drop(taking.wait_for(|taking| *taking).await);
            readable().await;
            if !*taking.borrow() {
                continue;
            }
            // Nothing more to read clears the readiness that was waited for.
            drop(from_broker.as_ref().try_io(Interest::READABLE, || down.drain(&shared.received)));
            if !forward(&down, &mut to_client).await {
                return;
            }
        }
    };
    tokio::join!(up, coming);
}

/// Whether there may be more.
async fn forward(down: &Down, to_client: &mut OwnedWriteHalf) -> bool {
    let (bytes, ended) = {
        let mut pending = down.pending.lock().unwrap();
        (std::mem::take(&mut pending.bytes), pending.ended)
    };
    let written = to_client.write_all(&bytes).await.is_ok();
    if ended || !written {
        drop(to_client.shutdown().await);
    }
    written && !ended
}
