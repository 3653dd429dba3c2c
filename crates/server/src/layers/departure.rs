//! Ties released content to the bytes that hold it, so that the connection knows when they have left.
//!
//! A handler puts a [`Departing`] into its answer. It fills with what the messages carry as they are taken to be encoded; the encoder
//! ends a piece of the body when it has no more messages, never inside one, so what was taken since the piece before is in this one.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::tls::Carried;

/// What the messages of an answer carry, and no piece of its body yet. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Departing(Arc<Mutex<Vec<Carried>>>);

impl Departing {
    /// For an answer of one message.
    pub fn of(carried: Carried) -> Self {
        Self(Arc::new(Mutex::new(vec![carried])))
    }

    /// A message was taken to be encoded.
    pub fn taken(&self, carried: Carried) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(carried);
    }

    fn take(&self) -> Vec<Carried> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Ties the bodies of answers to what they carry.
#[derive(Debug, Clone, Copy, Default)]
pub struct DepartureLayer;

impl<S> Layer<S> for DepartureLayer {
    type Service = DepartureService<S>;

    fn layer(&self, inner: S) -> DepartureService<S> {
        DepartureService { inner }
    }
}

/// What [`DepartureLayer`] makes.
#[derive(Debug, Clone)]
pub struct DepartureService<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for DepartureService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = DepartureFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        DepartureFuture(Box::pin(self.inner.call(request)))
    }
}

/// The handler's answer.
pub struct DepartureFuture<F>(Pin<Box<F>>);

impl<F, E> Future for DepartureFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut response = ready!(self.0.as_mut().poll(context))?;
        let departing = response.extensions_mut().remove::<Departing>();
        Poll::Ready(Ok(match departing {
            Some(departing) => response.map(|inner| Body::new(DepartingBody { inner, departing })),
            None => response,
        }))
    }
}

struct DepartingBody {
    inner: Body,
    departing: Departing,
}

/// A piece of a body. The HTTP/2 library drops it when it has handed the last of it to TLS, or to its buffer, or has thrown it away.
struct Piece {
    bytes: Bytes,
    _carried: Vec<Carried>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for DepartingBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|bytes| match self.departing.take() {
                    carried if carried.is_empty() => bytes,
                    carried => Bytes::from_owner(Piece { bytes, _carried: carried }),
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
