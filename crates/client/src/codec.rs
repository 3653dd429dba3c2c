//! Messages as bytes on the client's side. An answer that can't be read is the broker's fault, never the request's.

use std::marker::PhantomData;
use std::sync::Arc;

use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

/// Encodes `Q` and decodes `R`.
pub(crate) struct AnswerCodec<Q, R>(PhantomData<(Q, R)>);

impl<Q, R> Default for AnswerCodec<Q, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Q: Message + 'static, R: Message + Default + 'static> Codec for AnswerCodec<Q, R> {
    type Encode = Q;
    type Decode = R;
    type Encoder = Requests<Q>;
    type Decoder = Answers<R>;

    fn encoder(&mut self) -> Requests<Q> {
        Requests(PhantomData)
    }

    fn decoder(&mut self) -> Answers<R> {
        Answers(PhantomData)
    }
}

/// Encodes requests.
pub(crate) struct Requests<Q>(PhantomData<Q>);

impl<Q: Message> Encoder for Requests<Q> {
    type Item = Q;
    type Error = Status;

    fn encode(&mut self, item: Q, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|_| Status::internal("no room for the message"))
    }
}

/// Decodes answers.
pub(crate) struct Answers<R>(PhantomData<R>);

impl<R: Message + Default> Decoder for Answers<R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        R::decode(buffer).map(Some).map_err(|error| {
            let mut status = Status::new(Code::DataLoss, "the answer can't be read");
            status.set_source(Arc::new(error));
            status
        })
    }
}
