//! The wire without the client: any bytes in, the status or the bytes out, and streams up to the moment where they have caught up.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use brygga_client::ClientConfig;
use bytes::Bytes;
use http_body::Frame;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, Service, http};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};

use crate::line::Line;

/// How long anything that is waited for may take.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// Waits for a value, and fails the test when it does not come.
///
/// # Panics
/// When it does not come in time.
pub async fn within<T>(what: &str, value: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, value).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

/// A connection of an agency, made by another TLS client than the one that is tested elsewhere.
///
/// # Panics
/// When the settings can't be used.
pub fn channel(config: &ClientConfig) -> Channel {
    endpoint(config, &config.endpoint).connect_lazy()
}

/// The same over a line, with a window of so many bytes for each answer: what is longer waits in the broker until the client reads.
///
/// # Panics
/// When the settings can't be used.
pub fn channel_over(config: &ClientConfig, line: &Line, window: u32) -> Channel {
    endpoint(config, &format!("https://{}", line.address())).initial_stream_window_size(window).connect_lazy()
}

fn endpoint(config: &ClientConfig, address: &str) -> Endpoint {
    let tls = ClientTlsConfig::new()
        .domain_name("localhost")
        .ca_certificate(Certificate::from_pem(&config.ca_pem))
        .identity(Identity::from_pem(&config.cert_pem, &config.key_pem));
    Endpoint::from_shared(address.to_owned()).unwrap().tls_config(tls).unwrap()
}

/// One gRPC frame around a message.
///
/// # Panics
/// When it is longer than a frame can be.
pub fn frame(message: &[u8]) -> Bytes {
    framed(0, u32::try_from(message.len()).unwrap(), message)
}

/// A frame that says of itself what it is told to.
pub fn framed(flag: u8, length: u32, message: &[u8]) -> Bytes {
    [&[flag][..], &length.to_be_bytes(), message].concat().into()
}

/// A body that is sent in one piece, and then ends, or never does.
struct Sent {
    bytes: Option<Bytes>,
    ends: bool,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.bytes.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.ends => Poll::Ready(None),
            // Nobody wakes this body again; that is what a client does which has stalled.
            None => Poll::Pending,
        }
    }
}

/// Sends a body as it is and gives the message of the answer, or its status.
///
/// # Errors
/// The broker's status.
///
/// # Panics
/// When there is no answer, or it is not one of gRPC.
pub async fn call(channel: &Channel, path: &str, body: Bytes) -> Result<Bytes, Status> {
    send(channel, path, Sent { bytes: Some(body), ends: true }).await
}

/// Begins to send a body and never ends it.
///
/// # Errors
/// The broker's status.
///
/// # Panics
/// When there is no answer, or it is not one of gRPC.
pub async fn call_unfinished(channel: &Channel, path: &str, begun: Bytes) -> Result<Bytes, Status> {
    send(channel, path, Sent { bytes: Some(begun), ends: false }).await
}

async fn send(channel: &Channel, path: &str, body: Sent) -> Result<Bytes, Status> {
    rest(begin(channel, path, body).await?).await
}

/// Sends a body as it is and gives the answer as soon as it begins; what is not read of it waits.
///
/// # Errors
/// The broker's status, or the connection's end.
///
/// # Panics
/// When there is no answer.
pub async fn begun(channel: &Channel, path: &str, body: Bytes) -> Result<http::Response<Body>, Status> {
    begin(channel, path, Sent { bytes: Some(body), ends: true }).await
}

async fn begin(channel: &Channel, path: &str, body: Sent) -> Result<http::Response<Body>, Status> {
    let request = http::Request::post(format!("https://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(body))
        .unwrap();
    let mut channel = channel.clone();
    let sent = async {
        std::future::poll_fn(|context| channel.poll_ready(context)).await?;
        channel.call(request).await
    };
    let response = within("an answer", sent).await.map_err(|error| Status::from_error(error.into()))?;
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok => Err(status),
        Some(_) | None => Ok(response),
    }
}

/// Reads an answer to its end and gives its message.
///
/// # Errors
/// The broker's status, or the connection's end.
///
/// # Panics
/// When the answer is not one of gRPC.
pub async fn rest(mut response: http::Response<Body>) -> Result<Bytes, Status> {
    let mut answer = Vec::new();
    loop {
        let body = response.body_mut();
        match within("the answer's end", std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context))).await {
            Some(Ok(found)) => match found.into_data() {
                Ok(data) => answer.extend_from_slice(&data),
                Err(trailers) => match Status::from_header_map(trailers.trailers_ref().unwrap()) {
                    Some(status) if status.code() != Code::Ok => return Err(status),
                    // A stream may end without any.
                    Some(_) | None => return Ok(Bytes::from(answer.split_off(answer.len().min(5)))),
                },
            },
            Some(Err(status)) => return Err(status),
            None => panic!("the answer has no status"),
        }
    }
}
