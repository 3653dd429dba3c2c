//! One accepted connection, which ends by itself when its certificate does, or when a release has not left in its window.
//!
//! The gRPC server reads and writes through it; the accept loop makes it. It must never carry a byte after it was cut.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use brygga_domain::directory::CertificateName;

use super::departures::Departures;
use super::peer::PeerCertificate;
use super::reload::Registered;
use super::slots::Slot;

/// What the services learn of a connection, as an extension of each request.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    /// Where the connection comes from.
    pub address: SocketAddr,
    /// Who it is.
    pub certificate: Arc<PeerCertificate>,
    /// What of released content is on its way to it.
    pub departures: Departures,
}

impl PeerInfo {
    /// A peer to whom nothing is on its way yet.
    pub fn new(address: SocketAddr, certificate: Arc<PeerCertificate>) -> Self {
        Self { address, certificate, departures: Departures::default() }
    }
}

/// The places that a connection takes; given back when it goes.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) _address: Slot<IpAddr>,
    pub(super) _agency: Slot<CertificateName>,
    pub(super) registered: Registered,
}

/// An accepted connection of a known peer.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    info: PeerInfo,
    expiry: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The end of the first window of what is on its way.
    window: Pin<Box<Sleep>>,
    carries: bool,
    ended: bool,
    _places: Places,
}

impl Connection {
    pub(super) fn new(stream: TlsStream<TcpStream>, info: PeerInfo, lives_for: Duration, places: Places) -> Self {
        let cut = Box::pin(places.registered.cut.clone().cancelled_owned());
        info.departures.connect();
        let asleep = || Box::pin(tokio::time::sleep(lives_for));
        Self { stream, info, expiry: asleep(), cut, window: asleep(), carries: false, ended: false, _places: places }
    }

    /// Whether the connection may no longer be used; asked before every read and write.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> bool {
        if self.ended {
            return true;
        }
        self.ended = self.cut.as_mut().poll(context).is_ready() || self.expiry.as_mut().poll(context).is_ready() || self.poll_overdue(context);
        if self.ended && self.info.departures.cut() {
            // The peer gets a reset, and what the system has not sent yet is thrown away.
            if let Err(error) = self.stream.get_ref().0.set_zero_linger() {
                tracing::debug!(error = %error, "SO_LINGER could not be set");
            }
        }
        self.ended
    }

    /// Whether a release has not left in its window.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> bool {
        let ends = self.info.departures.watch(context.waker());
        self.carries = ends.is_some();
        let Some(ends) = ends else { return false };
        if self.window.deadline() != ends {
            self.window.as_mut().reset(ends);
        }
        // The clock is asked as well: a process that was stopped for a while may get here before its timers.
        Instant::now() >= ends || self.window.as_mut().poll(context).is_ready()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.info.departures.cut();
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the peer's certificate no longer holds, a release did not leave in its window, or the connection was cut")
}

impl Connected for Connection {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.info.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.poll_ended(context) {
            return Poll::Ready(Err(ended()));
        }
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.poll_ended(context) {
            return Poll::Ready(Err(ended()));
        }
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.poll_ended(context) {
            return Poll::Ready(Err(ended()));
        }
        if !this.carries {
            return Pin::new(&mut this.stream).poll_flush(context);
        }
        // Order matters: only what was handed down before the flush began is out when it has come through.
        this.info.departures.flushing();
        let flushed = ready!(Pin::new(&mut this.stream).poll_flush(context));
        if flushed.is_ok() {
            this.info.departures.flushed();
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.poll_ended(context) {
            // Nothing more is sent, not even the farewell: the socket closes when this is dropped.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.poll_ended(context) {
            return Poll::Ready(Err(ended()));
        }
        Pin::new(&mut this.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
