//! The codec of every method: prost, with bytes that are no such message answered as the client's fault.
//!
//! tonic's own codec calls undecodable bytes INTERNAL, which a client would take for the broker's fault and repeat.
//! Called by the generated clients and servers.

use std::marker::PhantomData;

use bytes::Buf;
use prost::{DecodeError, Message};
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::convert::{DOMAIN, MALFORMED_MESSAGE};

/// Encodes `T` and decodes `U`; what is no `U` (also text that is not UTF-8) is INVALID_ARGUMENT with reason `MALFORMED_MESSAGE`.
#[derive(Debug, Clone)]
pub struct StrictCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for StrictCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for StrictCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = StrictEncoder<T>;
    type Decoder = StrictDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        StrictEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder(PhantomData)
    }
}

/// Encodes messages.
#[derive(Debug, Clone)]
pub struct StrictEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for StrictEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|_| Status::internal("no room for the message"))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

/// Decodes messages.
#[derive(Debug, Clone)]
pub struct StrictDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for StrictDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        decode(buffer).map(Some)
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

/// Decodes one message as the codec does.
pub fn decode<U: Message + Default>(bytes: impl Buf) -> Result<U, Status> {
    // The decoder's own text may quote what it read, so it is not passed on.
    U::decode(bytes).map_err(|_: DecodeError| {
        let details = ErrorDetails::with_error_info(MALFORMED_MESSAGE, DOMAIN, []);
        Status::with_error_details(Code::InvalidArgument, "the bytes are not a message of this method", details)
    })
}
