//! The digest of a request as it came in, taken while its bytes pass by.
//!
//! A request key is bound to it, so that the same key with another body is noticed whatever decoding would make of the body.
//! The server puts [`digested`] before its services; handlers find a [`RequestDigest`] among the request's extensions.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use brygga_domain::Digest;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

/// SHA-256 over the method's path, a zero byte, and every byte of the body that has been read.
///
/// The path is part of it because several requests have the same shape: accepting is not opening.
#[derive(Clone)]
pub struct RequestDigest(Arc<Mutex<Sha256>>);

impl RequestDigest {
    fn new(path: &str) -> Self {
        Self(Arc::new(Mutex::new(Sha256::new().chain_update(path).chain_update([0]))))
    }

    fn update(&self, bytes: &[u8]) {
        // A hash that was being updated when its thread ended would only be another hash: no answer depends on it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
    }

    /// The digest of what has passed by now: of the whole request once its handler runs.
    pub fn value(&self) -> Digest {
        Digest(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().finalize().into())
    }
}

impl std::fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestDigest(..)")
    }
}

/// A body whose bytes are digested as they pass.
#[derive(Debug)]
pub struct DigestedBody<B> {
    body: B,
    digest: RequestDigest,
}

impl<B: Body<Data = Bytes> + Unpin> Body for DigestedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.digest.update(data.chunk());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Wraps a request's body and puts its [`RequestDigest`] among the extensions.
pub fn digested<B>(mut request: http::Request<B>) -> http::Request<DigestedBody<B>> {
    let digest = RequestDigest::new(request.uri().path());
    request.extensions_mut().insert(digest.clone());
    request.map(|body| DigestedBody { body, digest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::task::Waker;

    struct Chunks(VecDeque<Bytes>);

    impl Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
        }
    }

    fn digest(path: &str, chunks: &[&'static str]) -> Digest {
        let body = Chunks(chunks.iter().map(|chunk| Bytes::from_static(chunk.as_bytes())).collect());
        let mut request = digested(http::Request::builder().uri(path).body(body).unwrap());
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(frame)) = Pin::new(request.body_mut()).poll_frame(&mut context) {
            frame.unwrap();
        }
        request.extensions().get::<RequestDigest>().unwrap().value()
    }

    #[test]
    fn the_digest_binds_path_and_bytes_and_not_their_chunks() {
        let whole = digest("/brygga.v1.InboxService/OpenReferral", &["body"]);
        assert_eq!(whole, digest("/brygga.v1.InboxService/OpenReferral", &["bo", "", "dy"]));
        assert_ne!(whole, digest("/brygga.v1.InboxService/OpenReferral", &["bodz"]));
        assert_ne!(whole, digest("/brygga.v1.InboxService/AcceptReferral", &["body"]));
        assert_eq!(whole, Digest(Sha256::digest(b"/brygga.v1.InboxService/OpenReferral\0body").into()));
    }
}
