//! Hashes the request as it arrives.
//!
//! A command's key is bound to the SHA-256 of its raw bytes, so the hash is taken from the wire, before anything is decoded: decoding
//! drops unknown fields. The layer puts a [`RequestDigest`] into the request's extensions; a handler reads it once it has the message.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use brygga_domain::Digest;
use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::framing::{Piece, Scanner};

/// The hash of a request's first message; known once the whole message has been received.
#[derive(Debug, Clone, Default)]
pub struct RequestDigest(Arc<OnceLock<Digest>>);

impl RequestDigest {
    /// SHA-256 of the first message's payload, without the framing. `None` before the message has been decoded.
    pub fn get(&self) -> Option<Digest> {
        self.0.get().copied()
    }
}

/// Puts a [`RequestDigest`] into every request.
#[derive(Debug, Clone, Copy, Default)]
pub struct DigestLayer;

impl<S> Layer<S> for DigestLayer {
    type Service = DigestService<S>;

    fn layer(&self, inner: S) -> DigestService<S> {
        DigestService { inner }
    }
}

/// What [`DigestLayer`] makes.
#[derive(Debug, Clone)]
pub struct DigestService<S> {
    inner: S,
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for DigestService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let digest = RequestDigest::default();
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(digest.clone());
        // The size limit is the decoder's business; here every length is followed.
        let hashing = HashingBody { inner: body, scanner: Scanner::new(usize::MAX), hash: Some(Sha256::new()), digest };
        self.inner.call(Request::from_parts(parts, Body::new(hashing)))
    }
}

struct HashingBody {
    inner: Body,
    scanner: Scanner,
    hash: Option<Sha256>,
    digest: RequestDigest,
}

impl HashingBody {
    fn see(&mut self, bytes: &[u8]) {
        if self.hash.is_none() {
            return;
        }
        let (hash, digest) = (&mut self.hash, &self.digest);
        self.scanner.feed(bytes, |piece| match piece {
            Piece::Payload { message: 0, bytes } => {
                if let Some(hash) = hash {
                    hash.update(bytes);
                }
            }
            Piece::Complete { message: 0 } => {
                if let Some(hash) = hash.take() {
                    digest.0.get_or_init(|| Digest(hash.finalize().into()));
                }
            }
            Piece::Payload { .. } | Piece::Complete { .. } => {}
        });
    }
}

impl HttpBody for HashingBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref()
        {
            this.see(bytes);
        }
        polled
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

    use tower::ServiceExt;

    use super::*;

    /// A body that comes in the given pieces.
    struct Pieces(Vec<Bytes>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(if self.0.is_empty() { None } else { Some(Ok(Frame::data(self.0.remove(0)))) })
        }
    }

    async fn digests(pieces: Vec<Bytes>) -> (Option<Digest>, Option<Digest>) {
        let read = tower::service_fn(|mut request: Request<Body>| async move {
            let digest = request.extensions().get::<RequestDigest>().unwrap().clone();
            let before = digest.get();
            while let Some(frame) = std::future::poll_fn(|context| Pin::new(request.body_mut()).poll_frame(context)).await {
                frame.unwrap();
            }
            Ok::<_, Infallible>((before, digest.get()))
        });
        DigestLayer.layer(read).oneshot(Request::new(Body::new(Pieces(pieces)))).await.unwrap()
    }

    #[tokio::test]
    async fn the_digest_covers_the_payload_of_the_first_message_alone() {
        let body = [&[0, 0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0, 1], b"d"].concat();
        let wanted = Digest(Sha256::digest(b"abc").into());
        for size in 1..=body.len() {
            let pieces = body.chunks(size).map(Bytes::copy_from_slice).collect();
            assert_eq!(digests(pieces).await, (None, Some(wanted)), "pieces of {size}");
        }
    }

    #[tokio::test]
    async fn a_message_that_never_ends_has_no_digest() {
        assert_eq!(digests(vec![Bytes::from_static(&[0, 0, 0, 0, 3, b'a'])]).await, (None, None));
        assert_eq!(digests(vec![]).await, (None, None));
    }

    #[tokio::test]
    async fn an_empty_message_has_the_digest_of_nothing() {
        assert_eq!(digests(vec![Bytes::from_static(&[0, 0, 0, 0, 0])]).await.1, Some(Digest(Sha256::digest(b"").into())));
    }
}
