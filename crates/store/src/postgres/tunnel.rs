//! The way to a server over TCP, on which nothing waits for an acknowledgement.
//!
//! sqlx opens TCP connections itself and leaves Nagle's algorithm on: of a batch of more than one TLS record the last piece then waits
//! until the server acknowledges the first, which it puts off by some 40 ms. So sqlx is given a Unix socket that leads, within this
//! process, to a connection that is opened here. TLS goes through from end to end: what passes here is ciphertext. Hints are short and rare, and
//! go without.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, copy_buf, sink};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

/// How long the library may take to come.
const COME_MAX: Duration = Duration::from_secs(5);
/// A silent connection is asked for a sign of life after this.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);
/// Bytes that are on their way in one direction.
const BUFFER_BYTES: usize = 64 * 1024;

/// Opens it, and gives the folder that sqlx takes for that of the server's socket. The socket has a name and lies in no folder: it is there
/// for one connection of this process, and gone with it.
pub(super) async fn open(host: &str, port: u16) -> io::Result<PathBuf> {
    let server = TcpStream::connect((host, port)).await?;
    server.set_nodelay(true)?;
    // The server has the same limits, for a network that is cut and does not say so.
    let socket = SockRef::from(&server);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(Duration::from_secs(1)).with_retries(3))?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    let folder = PathBuf::from(format!("\0brygga-{:016x}", RandomState::new().build_hasher().finish()));
    let listener = UnixListener::bind(folder.join(format!(".s.PGSQL.{port}")))?;
    #[expect(clippy::disallowed_methods, reason = "it ends with the connection that it serves")]
    tokio::spawn(async move {
        if let Ok(Ok(library)) = timeout(COME_MAX, own(listener)).await {
            lead(library, server).await;
        }
    });
    Ok(folder)
}

/// The connection that this process makes; whoever else comes is turned away.
async fn own(listener: UnixListener) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        if stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok()) == Some(std::process::id()) {
            return Ok(stream);
        }
    }
}

/// Until the library closes. What the server said last waits for the library to read it, which it does after it has asked something more.
async fn lead(library: UnixStream, server: TcpStream) {
    let ((mut from_library, to_library), (from_server, to_server)) = (library.into_split(), server.into_split());
    {
        let said = pin!(copy(from_server, to_library));
        match select(pin!(copy(&mut from_library, to_server)), said).await {
            Either::Left((Ok(()), _)) => return,
            // Either the server takes no more, and says why if at all, or the library has gone without reading what came.
            Either::Left((Err(_), said)) => drop(timeout(UNACKNOWLEDGED_MAX, said).await),
            Either::Right(_) => {}
        }
    }
    // How a connection ended is the library's to say.
    drop(copy(from_library, sink()).await);
}

/// Until there is nothing more to come.
async fn copy(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    copy_buf(&mut BufReader::with_capacity(BUFFER_BYTES, from), &mut to).await.map(drop)
}
