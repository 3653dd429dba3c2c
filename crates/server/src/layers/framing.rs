//! Follows the gRPC framing of a request body without keeping it.
//!
//! A message is a flag byte, four bytes of length, and so many bytes of payload. The digest and malformed layers feed it the frames
//! as they pass.

/// Length of the prefix of a message: the flag byte and the length.
const PREFIX_BYTES: usize = 5;

/// What is wrong with the framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A message that says it is longer than the limit.
    TooLarge,
    /// A flag byte that means nothing here; no compression is spoken.
    Flag,
    /// The body ended inside a message, or before the first one.
    Ended,
}

/// One step of the scan.
pub(super) enum Piece<'a> {
    /// Payload bytes of the message with this number, from 0.
    Payload { message: u64, bytes: &'a [u8] },
    /// The message with this number is complete.
    Complete { message: u64 },
}

/// Where in the framing the scan is.
#[derive(Debug)]
pub(super) struct Scanner {
    prefix: [u8; PREFIX_BYTES],
    prefix_len: usize,
    payload_left: usize,
    message: u64,
    message_bytes_max: usize,
    fault: Option<Fault>,
}

impl Scanner {
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self { prefix: [0; PREFIX_BYTES], prefix_len: 0, payload_left: 0, message: 0, message_bytes_max, fault: None }
    }

    /// Takes the next bytes of the body; after a fault nothing more is looked at.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut see: impl FnMut(Piece<'_>)) {
        while self.fault.is_none() && !bytes.is_empty() {
            if self.prefix_len < PREFIX_BYTES {
                bytes = self.feed_prefix(bytes);
            } else {
                let (now, rest) = bytes.split_at(self.payload_left.min(bytes.len()));
                see(Piece::Payload { message: self.message, bytes: now });
                self.payload_left -= now.len();
                bytes = rest;
            }
            if self.fault.is_none() && self.prefix_len == PREFIX_BYTES && self.payload_left == 0 {
                see(Piece::Complete { message: self.message });
                self.message = self.message.saturating_add(1);
                self.prefix_len = 0;
            }
        }
    }

    fn feed_prefix<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, rest) = bytes.split_at((PREFIX_BYTES - self.prefix_len).min(bytes.len()));
        for (slot, byte) in self.prefix.iter_mut().skip(self.prefix_len).zip(now) {
            *slot = *byte;
        }
        self.prefix_len += now.len();
        if self.prefix_len == PREFIX_BYTES {
            let [flag, length @ ..] = self.prefix;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if flag != 0 {
                self.fault = Some(Fault::Flag);
            } else if length > self.message_bytes_max {
                self.fault = Some(Fault::TooLarge);
            } else {
                self.payload_left = length;
            }
        }
        rest
    }

    /// What is wrong so far, `ended` telling whether more may come.
    pub(super) fn fault(&self, ended: bool) -> Option<Fault> {
        let inside = self.prefix_len > 0 || self.message == 0;
        self.fault.or_else(|| (ended && inside).then_some(Fault::Ended))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(body: &[u8], chunk: usize) -> (Vec<Vec<u8>>, u64, Option<Fault>) {
        let mut scanner = Scanner::new(8);
        let (mut payloads, mut complete) = (Vec::<Vec<u8>>::new(), 0);
        for bytes in body.chunks(chunk) {
            scanner.feed(bytes, |piece| match piece {
                Piece::Payload { message, bytes } => {
                    let index = usize::try_from(message).unwrap_or(usize::MAX);
                    if payloads.len() <= index {
                        payloads.resize(index + 1, Vec::new());
                    }
                    payloads[index].extend_from_slice(bytes);
                }
                Piece::Complete { .. } => complete += 1,
            });
        }
        (payloads, complete, scanner.fault(true))
    }

    #[test]
    fn the_same_messages_come_out_however_the_body_is_cut() {
        let body = [0, 0, 0, 0, 3, b'a', b'b', b'c', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, b'd'];
        for chunk in 1..=body.len() {
            let (payloads, complete, fault) = scan(&body, chunk);
            assert_eq!((complete, fault), (3, None), "chunks of {chunk}");
            assert_eq!(payloads.concat(), b"abcd");
        }
    }

    #[test]
    fn each_fault_is_told_apart() {
        let cases: [(&[u8], Option<Fault>); 6] = [
            (&[], Some(Fault::Ended)),
            (&[0, 0, 0], Some(Fault::Ended)),
            (&[0, 0, 0, 0, 2, 1], Some(Fault::Ended)),
            (&[0, 0, 0, 0, 9], Some(Fault::TooLarge)),
            (&[1, 0, 0, 0, 1, 1], Some(Fault::Flag)),
            (&[0, 0, 0, 0, 0], None),
        ];
        for (body, wanted) in cases {
            for chunk in 1..=6 {
                assert_eq!(scan(body, chunk).2, wanted, "{body:?} in chunks of {chunk}");
            }
        }
    }
}
