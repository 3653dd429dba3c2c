//! A command on a stream, with its bytes as they were sent.
//!
//! The key of a command is bound to the raw bytes of its request, whether it came alone or over a stream. On the wire an envelope
//! is exactly the message of the contract that it stands for (`StreamReferralsRequest`, `StreamInboxRequest`): one field of the
//! `oneof command`. Here its bytes are kept, never decoded and encoded again. The generated code names this type in their place;
//! the server takes the command out of it, the client puts one in.

use std::fmt;

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{self, DecodeContext, WireType};
use prost::{DecodeError, Message};

use crate::contract::{CommandStream, StreamedOn};

/// One command: its number in the `oneof`, and the bytes of its request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Enveloped {
    number: u32,
    message: Bytes,
    fields: usize,
}

impl Enveloped {
    /// The envelope of a request.
    pub fn of<S: CommandStream, Q: StreamedOn<S>>(request: &Q) -> Self {
        Self::raw(Q::NUMBER, request.encode_to_vec().into())
    }

    /// The envelope of any bytes.
    pub fn raw(number: u32, message: Bytes) -> Self {
        Self { number, message, fields: 1 }
    }

    /// The number of the command and its bytes; `None` when it names no command, or more than one.
    pub fn open(self) -> Option<(u32, Bytes)> {
        (self.fields == 1).then_some((self.number, self.message))
    }
}

impl fmt::Debug for Enveloped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enveloped({}, {} bytes)", self.number, self.message.len())
    }
}

impl Message for Enveloped {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        if self.fields > 0 {
            encoding::bytes::encode(self.number, &self.message, buffer);
        }
    }

    fn merge_field(&mut self, tag: u32, wire_type: WireType, buffer: &mut impl Buf, context: DecodeContext) -> Result<(), DecodeError> {
        self.fields = self.fields.saturating_add(1);
        self.number = tag;
        encoding::bytes::merge(wire_type, &mut self.message, buffer, context)
    }

    fn encoded_len(&self) -> usize {
        if self.fields > 0 { encoding::bytes::encoded_len(self.number, &self.message) } else { 0 }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{InboxCommands, ReferralCommands};
    use crate::{DESCRIPTORS, v1};

    #[test]
    fn an_envelope_is_the_message_of_the_contract_and_keeps_every_byte() {
        let request = v1::AcceptReferralRequest { request_id: String::from("id"), referral: String::from("BR"), ..Default::default() };
        let sent = Enveloped::of::<InboxCommands, _>(&request).encode_to_vec();
        let inner = request.encode_to_vec();
        let wanted = [&[4 << 3 | 2, u8::try_from(inner.len()).unwrap()][..], &inner].concat();
        assert_eq!(sent, wanted);
        // A field that this contract does not know is part of what the key is bound to.
        let raw = [&inner[..], &[0xfa, 0x3f, 0x01, b'x']].concat();
        let again = Enveloped::decode(Enveloped::raw(4, raw.clone().into()).encode_to_vec().as_slice()).unwrap();
        assert_eq!(again.open(), Some((4, Bytes::from(raw))));
        assert_eq!(format!("{:?}", Enveloped::of::<InboxCommands, _>(&request)), format!("Enveloped(4, {} bytes)", inner.len()));
    }

    #[test]
    fn no_command_and_two_commands_are_none() {
        assert_eq!(Enveloped::decode(&b""[..]).unwrap().open(), None);
        assert_eq!(Enveloped::decode(&[0x0a, 0, 0x0a, 0][..]).unwrap().open(), None);
        assert!(Enveloped::decode(&[0x08, 1][..]).is_err(), "a field that is no message");
    }

    #[test]
    fn every_command_of_the_contract_is_carried_under_its_number() {
        let set = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
        let numbers = |name: &str| -> Vec<(u32, String)> {
            let message = set.file.iter().flat_map(|file| &file.message_type).find(|message| message.name() == name).unwrap();
            let commands = message.field.iter().filter(|field| !field.type_name().ends_with("WatchInboxRequest"));
            commands.map(|field| (u32::try_from(field.number()).unwrap(), field.type_name().trim_start_matches(".brygga.v1.").to_owned())).collect()
        };
        let known = |commands: &[(u32, &str)]| commands.iter().map(|(number, name)| (*number, (*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(numbers("StreamReferralsRequest"), known(ReferralCommands::COMMANDS));
        assert_eq!(numbers("StreamInboxRequest"), known(InboxCommands::COMMANDS));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some((number, message)) = Enveloped::decode(bytes.as_slice()).ok().and_then(Enveloped::open) {
                let again = Enveloped::raw(number, message);
                prop_assert_eq!(Enveloped::decode(again.encode_to_vec().as_slice()).unwrap(), again);
            }
        }
    }
}
