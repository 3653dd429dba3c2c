//! Gives requests that can't be read an answer of the broker's own.
//!
//! The gRPC library answers such requests before any handler runs, and with codes that blame the server. This outermost layer follows
//! the framing of each request, and where the library gave up because of it, or could not decode the message, it puts an answer with
//! a reason in its place. It must never change an answer that a handler gave.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use brygga_domain::Reason;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::framing::{Fault, Scanner};
use super::refusal;

/// How the protobuf library begins its answer to bytes that it can't decode; a test holds this equal to what it really says.
const DECODING_FAILED: &str = "failed to decode Protobuf message";

/// Answers for requests that can't be read.
#[derive(Debug, Clone, Copy)]
pub struct MalformedLayer {
    message_bytes_max: usize,
}

impl MalformedLayer {
    /// `message_bytes_max` is the limit that the services decode with.
    pub fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max }
    }
}

impl<S> Layer<S> for MalformedLayer {
    type Service = MalformedService<S>;

    fn layer(&self, inner: S) -> MalformedService<S> {
        MalformedService { inner, message_bytes_max: self.message_bytes_max }
    }
}

/// What [`MalformedLayer`] makes.
#[derive(Debug, Clone)]
pub struct MalformedService<S> {
    inner: S,
    message_bytes_max: usize,
}

impl<S> Service<Request<Body>> for MalformedService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = MalformedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let seen = Seen::new(self.message_bytes_max);
        let request = request.map(|body| {
            // An empty body is replaced by none at all, so its end is noted here.
            if body.is_end_stream() {
                seen.end();
            }
            Body::new(FollowedBody { inner: body, seen: seen.clone() })
        });
        MalformedFuture { inner: Box::pin(self.inner.call(request)), seen }
    }
}

/// What was seen of a request's framing, shared by its body and its answer.
#[derive(Debug, Clone)]
struct Seen(Arc<Mutex<(Scanner, bool)>>);

impl Seen {
    fn new(message_bytes_max: usize) -> Self {
        Self(Arc::new(Mutex::new((Scanner::new(message_bytes_max), false))))
    }

    fn feed(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.feed(bytes, |_| {});
    }

    fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
    }

    fn fault(&self) -> Option<Fault> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0.fault(seen.1)
    }
}

struct FollowedBody {
    inner: Body,
    seen: Seen,
}

impl HttpBody for FollowedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    this.seen.feed(bytes);
                }
            }
            Poll::Ready(None) => this.seen.end(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let ended = self.inner.is_end_stream();
        if ended {
            self.seen.end();
        }
        ended
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The inner answer, or the one in its place.
pub struct MalformedFuture<F> {
    inner: Pin<Box<F>>,
    seen: Seen,
}

impl<F, E> Future for MalformedFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.inner.as_mut().poll(context).map(|answer| answer.map(|response| own_answer(&response, &self.seen).unwrap_or(response)))
    }
}

fn own_answer(response: &Response<Body>, seen: &Seen) -> Option<Response<Body>> {
    // Only an answer without content has its status among the headers; that is how the library refuses.
    response.headers().get("grpc-status")?;
    let status = Status::from_header_map(response.headers())?;
    let is_librarys = matches!(status.code(), Code::Internal | Code::OutOfRange) && status.details().is_empty();
    if !is_librarys {
        return None;
    }
    match seen.fault() {
        Some(Fault::TooLarge) => Some(refusal(Reason::MessageTooLarge, "the message is larger than the broker takes", None)),
        Some(Fault::Flag | Fault::Ended) => Some(refusal(Reason::MalformedMessage, "the request is not one whole gRPC message", None)),
        // The library's own text is dropped: it tells field names and what was found in them.
        None if status.message().starts_with(DECODING_FAILED) => Some(refusal(Reason::MalformedMessage, "the bytes are not the message of this method", None)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tonic_health::pb::health_server::HealthServer;
    use tonic_types::StatusExt;
    use tower::ServiceExt;

    use super::*;

    const LIMIT: usize = 64;

    fn frame(flag: u8, length: u32, payload: &[u8]) -> Bytes {
        [&[flag][..], &length.to_be_bytes(), payload].concat().into()
    }

    struct Once(Option<Bytes>);

    impl HttpBody for Once {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    /// Sends a body to a real service of the gRPC library.
    async fn answer(body: Bytes) -> Option<(Code, Option<String>)> {
        let (_reporter, health) = tonic_health::server::health_reporter();
        let health: HealthServer<_> = health.max_decoding_message_size(LIMIT);
        let request = Request::builder().method("POST").uri("/grpc.health.v1.Health/Check").header("content-type", "application/grpc");
        let body = if body.is_empty() { Body::empty() } else { Body::new(Once(Some(body))) };
        let response = MalformedLayer::new(LIMIT).layer(health).oneshot(request.body(body).unwrap()).await.unwrap();
        let status = Status::from_header_map(response.headers())?;
        Some((status.code(), status.get_details_error_info().map(|info| info.reason)))
    }

    #[tokio::test]
    async fn what_the_library_can_not_read_gets_a_code_and_a_reason() {
        let malformed = Some((Code::InvalidArgument, Some(Reason::MalformedMessage.code().to_owned())));
        let too_large = Some((Code::InvalidArgument, Some(Reason::MessageTooLarge.code().to_owned())));
        let cases = [
            ("nothing at all", Bytes::new(), malformed.clone()),
            ("half a prefix", Bytes::from_static(&[0, 0, 0]), malformed.clone()),
            ("less than announced", frame(0, 4, b"ab"), malformed.clone()),
            ("a compressed message", frame(1, 2, b"ab"), malformed.clone()),
            ("an unknown flag", frame(7, 2, b"ab"), malformed.clone()),
            ("not protobuf", frame(0, 2, &[0xff, 0xff]), malformed.clone()),
            ("not UTF-8", frame(0, 4, &[0x0a, 2, 0xff, 0xfe]), malformed.clone()),
            ("over the limit", frame(0, 65, &[0; 65]), too_large.clone()),
            ("far over the limit, never sent", frame(0, u32::MAX, b""), too_large),
            ("a service that does not exist", frame(0, 3, &[0x0a, 1, b'x']), Some((Code::NotFound, None))),
            ("a good message", frame(0, 0, b""), None),
        ];
        for (name, body, wanted) in cases {
            assert_eq!(answer(body).await, wanted, "{name}");
        }
    }

    #[tokio::test]
    async fn an_answer_of_a_handler_stays_as_it_is() {
        for status in [Status::internal("a trace id"), Status::out_of_range("a handler's own")] {
            let code = status.code();
            let body = frame(0, 1, b"x");
            let handler = tower::service_fn(move |mut request: Request<Body>| {
                let status = status.clone();
                async move {
                    while let Some(read) = std::future::poll_fn(|context| Pin::new(request.body_mut()).poll_frame(context)).await {
                        read.unwrap();
                    }
                    Ok::<_, Infallible>(status.into_http::<Body>())
                }
            });
            let response = MalformedLayer::new(LIMIT).layer(handler).oneshot(Request::new(Body::new(Once(Some(body))))).await.unwrap();
            let seen = Status::from_header_map(response.headers()).unwrap();
            assert_eq!((seen.code(), seen.details().is_empty()), (code, true));
        }
    }
}
