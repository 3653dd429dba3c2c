//! One accepted connection, which ends by itself when its certificate does.
//!
//! The gRPC server reads and writes through it; the accept loop makes it. It must never carry a byte after it was cut.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use brygga_domain::directory::CertificateName;

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
    ended: bool,
    _places: Places,
}

impl Connection {
    pub(super) fn new(stream: TlsStream<TcpStream>, info: PeerInfo, lives_for: Duration, places: Places) -> Self {
        let cut = Box::pin(places.registered.cut.clone().cancelled_owned());
        Self { stream, info, expiry: Box::pin(tokio::time::sleep(lives_for)), cut, ended: false, _places: places }
    }

    /// Whether the connection may no longer be used; asked before every read and write.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> bool {
        self.ended = self.ended || self.cut.as_mut().poll(context).is_ready() || self.expiry.as_mut().poll(context).is_ready();
        self.ended
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the peer's certificate no longer holds, or the connection was cut")
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
        Pin::new(&mut this.stream).poll_flush(context)
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
