//! Every limit of the gRPC side, named, and the layer that sheds load.
//!
//! [`Limits::apply`] puts the transport's limits on a server; [`ConcurrencyLayer`] bounds how many requests of each class run at once
//! and refuses the rest at once: a queue here would only grow old. The committer's own queue is bounded by the engine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use brygga_domain::Reason;
use brygga_domain::directory::CertificateName;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Server;
use tower::{Layer, Service};

use super::refusal;
use crate::tls::PeerInfo;
use crate::tls::slots::{Slot, Slots};

/// Largest message, received or sent.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Streams of one connection, which is also its requests at once.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 128;
/// Size of the headers of a request.
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// A silent connection is asked for a sign of life this often.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// A connection that gives no sign of life for this long is closed.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Streams that the peer resets before they were accepted: the rapid-reset attack.
pub const PENDING_ACCEPT_RESETS_MAX: usize = 20;
/// Streams that the peer makes the server reset by breaking the protocol.
pub const LOCAL_ERROR_RESETS_MAX: usize = 64;
/// Commands at once that are not prompt.
pub const WRITES_AT_ONCE_MAX: usize = 1024;
/// Prompt commands at once, beside the others: a flood of reports shuts out no withdrawal.
pub const PROMPT_AT_ONCE_MAX: usize = 1024;
/// Reads at once.
pub const READS_AT_ONCE_MAX: usize = 256;
/// Open streams: of answers, of inboxes, of the log, and of commands.
pub const STREAMS_AT_ONCE_MAX: usize = 2048;
/// Referrals that a list sorts at once; a longer list comes in stretches, each sorted by itself.
pub const SORTED_REFERRALS_MAX: usize = 5_000;
/// One agency has at most one in so many of the places of each class.
pub const AGENCY_SHARE: usize = 2;
/// Longest time a request may take when the caller names no deadline.
pub const DEADLINE_MAX: Duration = Duration::from_secs(30);
/// When a request that was shed may be tried again.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The limits in force: the named ones, or what the configuration overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// See [`MESSAGE_BYTES_MAX`].
    pub message_bytes: usize,
    /// See [`STREAMS_PER_CONNECTION_MAX`].
    pub streams_per_connection: u32,
    /// See [`WRITES_AT_ONCE_MAX`].
    pub writes_at_once: usize,
    /// See [`READS_AT_ONCE_MAX`].
    pub reads_at_once: usize,
    /// See [`STREAMS_AT_ONCE_MAX`].
    pub streams_at_once: usize,
    /// See [`SORTED_REFERRALS_MAX`].
    pub sorted_referrals: usize,
    /// See [`DEADLINE_MAX`].
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_BYTES_MAX,
            streams_per_connection: STREAMS_PER_CONNECTION_MAX,
            writes_at_once: WRITES_AT_ONCE_MAX,
            reads_at_once: READS_AT_ONCE_MAX,
            streams_at_once: STREAMS_AT_ONCE_MAX,
            sorted_referrals: SORTED_REFERRALS_MAX,
            deadline: DEADLINE_MAX,
        }
    }
}

impl Limits {
    /// Puts the transport's limits on a server. Message sizes are set on each service: `max_decoding_message_size`.
    ///
    /// No maximum age of a connection: its grace period would cut streams without a farewell.
    #[must_use]
    pub fn apply(&self, server: Server) -> Server {
        server
            .max_concurrent_streams(self.streams_per_connection)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .http2_max_pending_accept_reset_streams(Some(PENDING_ACCEPT_RESETS_MAX))
            .http2_max_local_error_reset_streams(Some(LOCAL_ERROR_RESETS_MAX))
            .load_shed(true)
            .accept_http1(false)
    }
}

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A command that takes back, stops or answers, as `Action::is_prompt` knows them.
    Prompt,
    /// Any other command: goes through the committer.
    Write,
    /// A look at what is stored.
    Read,
    /// Stays open.
    Stream,
}

impl Class {
    /// The class of a gRPC path, by the verb that its method begins with: `/package.Service/Method`.
    ///
    /// What bears no known verb counts as a command, the class that is bounded with the most care.
    pub fn of_path(path: &str) -> Self {
        let method = path.rsplit('/').next().unwrap_or_default();
        let begins = |verbs: &[&str]| verbs.iter().any(|verb| method.starts_with(verb));
        if begins(&["Watch", "Tail", "Stream", "ServerReflection"]) {
            Self::Stream
        } else if begins(&["Get", "List", "Search", "Find", "Resolve", "Check", "Explain", "Assess"]) {
            Self::Read
        } else if begins(&["Withdraw", "Retract", "Revoke", "Acknowledge", "Declare", "Review", "ConfirmImport", "Accept", "Decline", "Return"]) {
            Self::Prompt
        } else {
            Self::Write
        }
    }
}

/// Bounds the requests of each class, and each agency's share of them.
#[derive(Debug, Clone)]
pub struct ConcurrencyLayer {
    places: Arc<Places>,
}

#[derive(Debug)]
struct Places {
    prompt: ClassPlaces,
    writes: ClassPlaces,
    reads: ClassPlaces,
    streams: ClassPlaces,
}

/// The places of one class. Requests that an agency never finishes take its own share and no more.
#[derive(Debug)]
struct ClassPlaces {
    all: Arc<Semaphore>,
    of_agency: Slots<CertificateName>,
}

/// A place that a request has.
#[derive(Debug)]
struct Place {
    _all: OwnedSemaphorePermit,
    _of_agency: Option<Slot<CertificateName>>,
}

impl ClassPlaces {
    fn new(limit: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(limit)), of_agency: Slots::new(limit.div_ceil(AGENCY_SHARE)) }
    }

    fn take(&self, peer: Option<&PeerInfo>) -> Option<Place> {
        let of_agency = match peer {
            Some(peer) => Some(self.of_agency.take(peer.certificate.name())?),
            None => None,
        };
        Arc::clone(&self.all).try_acquire_owned().ok().map(|all| Place { _all: all, _of_agency: of_agency })
    }
}

impl Places {
    fn of(&self, class: Class) -> &ClassPlaces {
        match class {
            Class::Prompt => &self.prompt,
            Class::Write => &self.writes,
            Class::Read => &self.reads,
            Class::Stream => &self.streams,
        }
    }
}

impl ConcurrencyLayer {
    /// One set of places for the whole server, whatever number of connections there is.
    pub fn new(limits: &Limits) -> Self {
        let places = Places {
            prompt: ClassPlaces::new(PROMPT_AT_ONCE_MAX),
            writes: ClassPlaces::new(limits.writes_at_once),
            reads: ClassPlaces::new(limits.reads_at_once),
            streams: ClassPlaces::new(limits.streams_at_once),
        };
        Self { places: Arc::new(places) }
    }
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = ConcurrencyService<S>;

    fn layer(&self, inner: S) -> ConcurrencyService<S> {
        ConcurrencyService { inner, places: Arc::clone(&self.places) }
    }
}

/// What [`ConcurrencyLayer`] makes.
#[derive(Debug, Clone)]
pub struct ConcurrencyService<S> {
    inner: S,
    places: Arc<Places>,
}

impl<S> Service<Request<Body>> for ConcurrencyService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ConcurrencyFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let class = Class::of_path(request.uri().path());
        match self.places.of(class).take(request.extensions().get()) {
            Some(place) => ConcurrencyFuture(Admitted::Yes { inner: Box::pin(self.inner.call(request)), class, place: Some(place) }),
            None => ConcurrencyFuture(Admitted::No),
        }
    }
}

/// The handler's answer, or the refusal of a request that found no place.
pub struct ConcurrencyFuture<F>(Admitted<F>);

enum Admitted<F> {
    Yes { inner: Pin<Box<F>>, class: Class, place: Option<Place> },
    No,
}

impl<F, E> Future for ConcurrencyFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match &mut self.0 {
            Admitted::No => {
                let text = "too many requests of this kind run already; try again later";
                Poll::Ready(Ok(refusal(Reason::OverCapacity, text, Some(RETRY_AFTER))))
            }
            Admitted::Yes { inner, class, place } => inner.as_mut().poll(context).map(|answer| {
                let place = place.take();
                answer.map(|response| match class {
                    // A stream keeps its place until its body ends; the work of the others is done.
                    Class::Stream => response.map(|body| Body::new(PlacedBody { inner: body, _place: place })),
                    Class::Prompt | Class::Write | Class::Read => response,
                })
            }),
        }
    }
}

struct PlacedBody {
    inner: Body,
    _place: Option<Place>,
}

impl HttpBody for PlacedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tonic::Code;
    use tonic_types::StatusExt;
    use tower::ServiceExt;

    use super::*;

    struct Endless;

    impl HttpBody for Endless {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Pending
        }
    }

    fn request(path: &str) -> Request<Body> {
        Request::builder().uri(path).body(Body::empty()).unwrap()
    }

    #[test]
    fn the_class_follows_the_verb() {
        let cases = [
            ("/brygga.v1.ReferralService/SubmitReferral", Class::Write),
            ("/brygga.v1.InboxService/OpenReferral", Class::Write),
            ("/brygga.v1.ConsentService/WithdrawConsent", Class::Prompt),
            ("/brygga.v1.ReferralService/RetractReferral", Class::Prompt),
            ("/brygga.v1.InboxService/AcknowledgeStopUse", Class::Prompt),
            ("/brygga.v1.ClearanceService/AssessReferral", Class::Read),
            ("/brygga.v1.ReferralService/GetReferral", Class::Read),
            ("/brygga.v1.DirectoryService/ResolveRoute", Class::Read),
            ("/brygga.v1.InboxService/WatchInbox", Class::Stream),
            ("/brygga.v1.DisclosureLogService/TailEntries", Class::Stream),
            ("/brygga.v1.StreamService/StreamReferrals", Class::Stream),
            ("/brygga.v1.StreamService/StreamInbox", Class::Stream),
            ("/grpc.health.v1.Health/Check", Class::Read),
            ("/grpc.health.v1.Health/Watch", Class::Stream),
            ("nonsense", Class::Write),
        ];
        for (path, wanted) in cases {
            assert_eq!(Class::of_path(path), wanted, "{path}");
        }
    }

    #[tokio::test]
    async fn a_full_class_is_refused_at_once_and_the_others_go_on() {
        let limits = Limits { writes_at_once: 1, ..Limits::default() };
        let pending = tower::service_fn(|request: Request<Body>| async move {
            if request.uri().path().ends_with("SubmitReferral") {
                std::future::pending::<()>().await;
            }
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        let service = ConcurrencyLayer::new(&limits).layer(pending);
        let mut first = Box::pin(service.clone().oneshot(request("/s/SubmitReferral")));
        assert!(std::future::poll_fn(|context| Poll::Ready(first.as_mut().poll(context).is_pending())).await);

        let refused = service.clone().oneshot(request("/s/SubmitReferral")).await.unwrap();
        let status = Status::from_header_map(refused.headers()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.get_details_error_info().unwrap().reason, Reason::OverCapacity.code());
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(RETRY_AFTER));
        for path in ["/s/GetReferral", "/s/WithdrawConsent"] {
            assert!(service.clone().oneshot(request(path)).await.unwrap().headers().is_empty(), "{path}");
        }

        drop(first);
        let mut again = Box::pin(service.oneshot(request("/s/SubmitReferral")));
        assert!(std::future::poll_fn(|context| Poll::Ready(again.as_mut().poll(context).is_pending())).await, "the place is free again");
    }

    #[tokio::test]
    async fn a_stream_keeps_its_place_until_its_body_is_gone() {
        let limits = Limits { streams_at_once: 1, ..Limits::default() };
        let endless = tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::new(Endless))) });
        let service = ConcurrencyLayer::new(&limits).layer(endless);
        let open = service.clone().oneshot(request("/s/WatchInbox")).await.unwrap();
        let refused = service.clone().oneshot(request("/s/WatchInbox")).await.unwrap();
        assert!(Status::from_header_map(refused.headers()).is_some());
        drop(open);
        let next = service.oneshot(request("/s/WatchInbox")).await.unwrap();
        assert!(Status::from_header_map(next.headers()).is_none());
    }
}
