//! Answers in time, whatever the handler does.
//!
//! The deadline is the caller's `grpc-timeout` or the configured maximum, whichever comes first. The answer says DEADLINE_EXCEEDED a
//! little before the transport would say CANCELLED. A command that reached the committer goes on: it holds nothing of the request
//! that ends here, and asking again with the same request id gives its outcome.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use brygga_domain::Reason;
use http::{HeaderMap, Request, Response};
use tokio::time::Sleep;
use tonic::body::Body;
use tower::{Layer, Service};

use super::refusal;

/// How much earlier than the caller's own timer the answer leaves, at most.
const EARLIER_MAX: Duration = Duration::from_millis(10);
const EARLIER_SHARE: u32 = 10;

/// Gives every request a deadline.
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer {
    longest: Duration,
}

impl DeadlineLayer {
    /// `longest` holds for callers that name no deadline or a later one.
    pub fn new(longest: Duration) -> Self {
        Self { longest }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> DeadlineService<S> {
        DeadlineService { inner, longest: self.longest }
    }
}

/// What [`DeadlineLayer`] makes.
#[derive(Debug, Clone)]
pub struct DeadlineService<S> {
    inner: S,
    longest: Duration,
}

impl<S> Service<Request<Body>> for DeadlineService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = DeadlineFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let wait = requested(request.headers()).map_or(self.longest, |asked| asked.saturating_sub(earlier(asked)).min(self.longest));
        DeadlineFuture { inner: Box::pin(self.inner.call(request)), deadline: Box::pin(tokio::time::sleep(wait)) }
    }
}

/// The handler's answer, or the deadline's.
pub struct DeadlineFuture<F> {
    inner: Pin<Box<F>>,
    deadline: Pin<Box<Sleep>>,
}

impl<F, E> Future for DeadlineFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if let Poll::Ready(answer) = self.inner.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        self.deadline.as_mut().poll(context).map(|()| Ok(exceeded()))
    }
}

fn exceeded() -> Response<Body> {
    let text = "the deadline passed before the answer; a command may still have been carried out: ask again with the same request id";
    refusal(Reason::DeadlineExceeded, text, None)
}

fn earlier(asked: Duration) -> Duration {
    (asked / EARLIER_SHARE).min(EARLIER_MAX)
}

/// The caller's deadline as gRPC writes it: at most eight digits and a unit. What can't be read counts as none.
fn requested(headers: &HeaderMap) -> Option<Duration> {
    let bytes = headers.get("grpc-timeout")?.as_bytes();
    let (unit, digits) = bytes.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(amount.saturating_mul(3600))),
        b'M' => Some(Duration::from_secs(amount.saturating_mul(60))),
        b'S' => Some(Duration::from_secs(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tonic::{Code, Status};
    use tonic_types::StatusExt;
    use tower::ServiceExt;

    use super::*;

    const TEST_DEADLINE: Duration = Duration::from_secs(20);

    #[test]
    fn the_header_is_read_as_grpc_writes_it() {
        let cases = [
            ("5S", Some(Duration::from_secs(5))),
            ("2M", Some(Duration::from_mins(2))),
            ("1H", Some(Duration::from_hours(1))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("123456789S", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("-5S", None),
            ("+5S", None),
            ("5s", None),
        ];
        for (text, wanted) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(requested(&headers), wanted, "{text}");
        }
    }

    async fn answer_of_a_handler_that_never_ends(longest: Duration, header: Option<&'static str>) -> Status {
        let never = tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let mut request = Request::new(Body::empty());
        if let Some(header) = header {
            request.headers_mut().insert("grpc-timeout", header.parse().unwrap());
        }
        let answered = DeadlineLayer::new(longest).layer(never).oneshot(request);
        let response = tokio::time::timeout(TEST_DEADLINE, answered).await.unwrap().unwrap();
        Status::from_header_map(response.headers()).unwrap()
    }

    #[tokio::test]
    async fn the_callers_deadline_ends_the_request_with_a_reason() {
        let status = answer_of_a_handler_that_never_ends(Duration::from_hours(1), Some("50m")).await;
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(status.get_details_error_info().unwrap().reason, Reason::DeadlineExceeded.code());
    }

    #[tokio::test]
    async fn the_configured_maximum_ends_the_request_of_a_patient_caller() {
        for header in [None, Some("8H"), Some("nonsense")] {
            let status = answer_of_a_handler_that_never_ends(Duration::from_millis(20), header).await;
            assert_eq!(status.code(), Code::DeadlineExceeded, "{header:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_in_time_passes_untouched() {
        let quick = tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Status::not_found("as it was").into_http()) });
        let answered = DeadlineLayer::new(Duration::from_hours(1)).layer(quick).oneshot(Request::new(Body::empty()));
        let response: Response<Body> = tokio::time::timeout(TEST_DEADLINE, answered).await.unwrap().unwrap();
        assert_eq!(Status::from_header_map(response.headers()).unwrap().code(), Code::NotFound);
    }
}
