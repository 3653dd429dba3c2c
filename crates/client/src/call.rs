//! One call: its tries, their deadlines, and what is repeated.
//!
//! The bytes of a request are the same in every try, so that the broker knows a repeat from a new request by its id.

use std::time::Duration;

use futures_util::Stream;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::{Instant, sleep, timeout};
use tonic::client::Grpc;
use tonic::codec::Streaming;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::codec::AnswerCodec;
use crate::config::Deadlines;
use crate::error::{Answered, ClientError};
use crate::random;
use crate::retry::Backoff;
use crate::transport::{ANSWER_BYTES_MAX, MESSAGE_BYTES_MAX};

/// The broker's own deadline should strike first, so that its answer is the one that is seen.
const TRY_GRACE: Duration = Duration::from_millis(250);

fn grpc(channel: &Channel) -> Grpc<Channel> {
    Grpc::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
}

async fn ready(grpc: &mut Grpc<Channel>) -> Result<(), Status> {
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))
}

async fn once<Q, R>(channel: &Channel, path: &'static str, message: Q, within: Duration) -> Result<R, Status>
where
    Q: Message + 'static,
    R: Message + Default + 'static,
{
    let mut grpc = grpc(channel);
    let call = async {
        ready(&mut grpc).await?;
        let mut request = Request::new(message);
        request.set_timeout(within);
        grpc.unary(request, PathAndQuery::from_static(path), AnswerCodec::<Q, R>::default()).await
    };
    match timeout(within.saturating_add(TRY_GRACE), call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::new(Code::DeadlineExceeded, "no answer came in time")),
    }
}

/// Calls until an answer comes that repeating can't change, or the overall deadline.
pub(crate) async fn unary<Q, R>(channel: &Channel, deadlines: &Deadlines, call: (&'static str, &str), message: &Q) -> Result<R, ClientError>
where
    Q: Message + Clone + 'static,
    R: Message + Default + 'static,
{
    let (path, request_id) = call;
    let end = Instant::now() + deadlines.overall;
    let mut backoff = Backoff::new();
    let mut tries: u32 = 0;
    loop {
        tries = tries.saturating_add(1);
        let within = deadlines.one_try.min(end.saturating_duration_since(Instant::now()));
        let status = match once(channel, path, message.clone(), within).await {
            Ok(answer) => return Ok(answer),
            Err(status) => status,
        };
        let mut answered = Answered::read(&status, request_id);
        answered.tries = tries;
        let wait = backoff.wait(answered.retry_after, random::jitter());
        if !answered.is_passing() || Instant::now() + wait >= end {
            return Err(ClientError::Answered(Box::new(answered)));
        }
        tracing::debug!(path, tries, code = ?answered.code, reason = %answered.reason_code, "will be repeated with the same id");
        sleep(wait).await;
    }
}

/// Opens a stream, once. Its first answer must come within the time of one try; after that it lives as long as it likes.
pub(crate) async fn stream<Q, R>(channel: &Channel, deadlines: &Deadlines, path: &'static str, message: Q) -> Result<Streaming<R>, Status>
where
    Q: Message + 'static,
    R: Message + Default + 'static,
{
    let mut grpc = grpc(channel);
    let call = async {
        ready(&mut grpc).await?;
        grpc.server_streaming(Request::new(message), PathAndQuery::from_static(path), AnswerCodec::<Q, R>::default()).await
    };
    match timeout(deadlines.one_try, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::new(Code::DeadlineExceeded, "the stream did not begin in time")),
    }
}

/// Opens a stream that goes both ways, once. It must begin within the time of one try.
pub(crate) async fn commands<Q, R>(
    channel: &Channel,
    deadlines: &Deadlines,
    path: &'static str,
    commands: impl Stream<Item = Q> + Send + 'static,
) -> Result<Streaming<R>, Status>
where
    Q: Message + 'static,
    R: Message + Default + 'static,
{
    let mut grpc = grpc(channel);
    let call = async {
        ready(&mut grpc).await?;
        grpc.streaming(Request::new(commands), PathAndQuery::from_static(path), AnswerCodec::<Q, R>::default()).await
    };
    match timeout(deadlines.one_try, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::new(Code::DeadlineExceeded, "the stream did not begin in time")),
    }
}
