//! Attacks on notes, checkpoints and keys: each row is one, and none may be accepted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::{Add, Mul};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brygga_merkle::{
    Checkpoint, CheckpointError, Ed25519Signer, KEY_NAME_BYTES_MAX, KeyError, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteError, NoteKey, NoteSignature,
    SignedNote, Signer, empty_root, leaf_hash, open, sign_checkpoint,
};
use sha2::{Digest, Sha512};

const ORIGIN: &str = "log.vasterort.example/1";

/// Order of the group, least significant byte first (RFC 8032 section 5.1).
const L: [u8; 32] =
    [0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10];

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed([seed; 32])
}

fn key() -> NoteKey {
    signer(1).note_key(ORIGIN).unwrap()
}

fn example() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 10, root: leaf_hash(b"root") }
}

fn note() -> String {
    let bytes = sign_checkpoint(&example(), ORIGIN, &signer(1)).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn signature(text: &str, name: &str, seed: u8) -> NoteSignature {
    let key = signer(seed).note_key(name).unwrap();
    let bytes = signer(seed).sign(text.as_bytes()).to_vec();
    NoteSignature::new(name, key.id(), bytes).unwrap()
}

/// A text that the log's own key signed, as a log that errs or lies might.
fn signed(text: &str) -> Vec<u8> {
    let line = signature(text, ORIGIN, 1);
    SignedNote::new(text, line).unwrap().to_bytes()
}

fn line(name: &str, key_id: [u8; 4], bytes: &[u8]) -> String {
    let encoded = STANDARD.encode([key_id.as_slice(), bytes].concat());
    format!("\u{2014} {name} {encoded}\n")
}

#[test]
fn the_note_is_the_published_format() {
    let note = note();
    let lines: Vec<&str> = note.split('\n').collect();
    assert_eq!(lines[..2], [ORIGIN, "10"]);
    assert_eq!(lines[2], STANDARD.encode(example().root.0));
    assert_eq!(lines[3], "");
    let encoded = lines[4].strip_prefix(&format!("\u{2014} {ORIGIN} ")).unwrap();
    let decoded = STANDARD.decode(encoded).unwrap();
    assert_eq!(decoded.len(), 4 + 64);
    assert_eq!(decoded[..4], key().id());
    assert_eq!(lines[5..], [""]);
    assert_eq!(open(note.as_bytes(), &key()), Ok(example()));
    assert_eq!(SignedNote::parse(note.as_bytes()).unwrap().to_bytes(), note.as_bytes());
}

#[test]
fn every_bit_flip_of_a_note_is_refused() {
    let good = note().into_bytes();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&bad, &key()).is_err(), "bit {bit}");
    }
}

#[test]
fn every_cut_and_inserted_byte_of_a_note_is_refused() {
    let good = note().into_bytes();
    for place in 0..good.len() {
        assert!(open(&good[..place], &key()).is_err(), "cut at {place}");
        assert!(open(&good[place + 1..], &key()).is_err(), "from {place}");
        let mut without = good.clone();
        without.remove(place);
        assert!(open(&without, &key()).is_err(), "without {place}");
    }
    for place in 0..=good.len() {
        for byte in 0..=u8::MAX {
            let mut longer = good.clone();
            longer.insert(place, byte);
            assert!(open(&longer, &key()).is_err(), "{byte} at {place}");
        }
    }
}

#[test]
fn a_misspelt_note_is_refused() {
    let good = note();
    let (text, block) = good.split_once("\n\n").unwrap();
    let sign_line = block.trim_end();
    let many = "x".repeat(NOTE_BYTES_MAX);
    let unknown: String = (0..NOTE_SIGNATURES_MAX).map(|n| line(&format!("w{n}.example"), [1, 2, 3, 4], &[5; 64])).collect();
    let table = [
        (String::new(), NoteError::NoSignatures),
        (good.replace('\n', "\r\n"), NoteError::ControlCharacter),
        (good.replace("10", "1\t0"), NoteError::ControlCharacter),
        (good.replace("10", "1\0"), NoteError::ControlCharacter),
        (format!("{text}\n\n{sign_line}"), NoteError::FinalNewline),
        (format!("{text}\n{sign_line}\n"), NoteError::NoSignatures),
        (format!("{text}\n\n"), NoteError::NoSignatures),
        (format!("{text}\n"), NoteError::NoSignatures),
        (format!("{good}\n"), NoteError::NoSignatures),
        (format!("{good}x\n"), NoteError::SignatureLine { line: 2 }),
        (format!("{good} {sign_line}\n"), NoteError::SignatureLine { line: 2 }),
        (good.replace('\u{2014}', "-"), NoteError::SignatureLine { line: 1 }),
        (good.replace("\u{2014} ", "\u{2014}"), NoteError::SignatureLine { line: 1 }),
        (good.replace(sign_line, &format!("{sign_line} ")), NoteError::SignatureLine { line: 1 }),
        (good.replace(sign_line, sign_line.trim_end_matches('=')), NoteError::SignatureLine { line: 1 }),
        (good.replace(sign_line, &format!("{sign_line}=")), NoteError::SignatureLine { line: 1 }),
        (good.replace(sign_line, &format!("\u{2014} {ORIGIN} AAAAAA==")), NoteError::SignatureLine { line: 1 }),
        (format!("{good}{}", line("", [1; 4], &[1; 64])), NoteError::SignatureLine { line: 2 }),
        (format!("{good}{}", line("a+b", [1; 4], &[1; 64])), NoteError::SignatureLine { line: 2 }),
        (format!("{good}{}", line("a\u{a0}b", [1; 4], &[1; 64])), NoteError::SignatureLine { line: 2 }),
        (format!("{good}{sign_line}\n"), NoteError::DuplicateSignature),
        (format!("{good}{unknown}"), NoteError::TooManySignatures),
        (format!("{good}{many}"), NoteError::TooLong { found: good.len() + NOTE_BYTES_MAX }),
    ];
    for (row, (bad, expected)) in table.into_iter().enumerate() {
        assert_eq!(open(bad.as_bytes(), &key()), Err(expected), "row {row}: {bad:?}");
    }
    let not_text = [good.as_bytes(), &[0xff, b'\n']].concat();
    assert_eq!(open(&not_text, &key()), Err(NoteError::NotUtf8));
}

#[test]
fn base64_has_one_spelling() {
    let good = note();
    // 68 bytes leave two unused bits in the last character, and 32 bytes leave two as well.
    for (place, character) in good.char_indices().filter(|(_, c)| *c == '=') {
        assert_eq!(character, '=');
        let before = good.as_bytes()[place - 1];
        for other in (b'0'..=b'z').filter(|b| b.is_ascii_alphanumeric() && *b != before) {
            let mut bad = good.clone().into_bytes();
            bad[place - 1] = other;
            assert!(open(&bad, &key()).is_err());
        }
    }
    let url_safe = good.replace('+', "-").replace('/', "_");
    assert!(open(url_safe.as_bytes(), &key()).is_err());
}

#[test]
fn a_signed_text_that_is_no_canonical_checkpoint_is_refused() {
    let root = STANDARD.encode(example().root.0);
    let empty = STANDARD.encode(empty_root().0);
    let unpadded = root.trim_end_matches('=');
    let long = "o".repeat(KEY_NAME_BYTES_MAX + 1);
    let longest = "o".repeat(2 * KEY_NAME_BYTES_MAX);
    let table = [
        (format!("{ORIGIN}\n010\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n+1\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n-1\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n 1\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n1 \n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n0x1\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n1e3\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n00\n{empty}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n9223372036854775808\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n18446744073709551616\n{root}\n"), CheckpointError::Size),
        (format!("{ORIGIN}\n0\n{root}\n"), CheckpointError::EmptyTree),
        (format!("{ORIGIN}\n1\n{empty}\n"), CheckpointError::EmptyTree),
        (format!("{ORIGIN}\n10\n{unpadded}\n"), CheckpointError::Root),
        (format!("{ORIGIN}\n10\n{unpadded}==\n"), CheckpointError::Root),
        (format!("{ORIGIN}\n10\n{}\n", STANDARD.encode([0; 31])), CheckpointError::Root),
        (format!("{ORIGIN}\n10\n{}\n", STANDARD.encode([0; 33])), CheckpointError::Root),
        (format!("{ORIGIN}\n10\n\n"), CheckpointError::Root),
        (format!("{ORIGIN}\n10\n{root}\nextension\n"), CheckpointError::Lines),
        (format!("{ORIGIN}\n10\n{root}\n\n"), CheckpointError::Lines),
        (format!("{ORIGIN}\n10\n"), CheckpointError::Lines),
        (format!("\n{ORIGIN}\n10\n{root}\n"), CheckpointError::Lines),
        (format!("log.vasterort\n.example/1\n10\n{root}\n"), CheckpointError::Lines),
        (format!("\n10\n{root}\n"), CheckpointError::Origin),
        (format!("two words\n10\n{root}\n"), CheckpointError::Origin),
        (format!("a+b\n10\n{root}\n"), CheckpointError::Origin),
        (format!("{long}\n10\n{root}\n"), CheckpointError::Origin),
        (format!("{longest}\n10\n{root}\n"), CheckpointError::TooLong { found: 559 }),
    ];
    for (row, (text, expected)) in table.into_iter().enumerate() {
        let found = open(&signed(&text), &key());
        assert_eq!(found, Err(NoteError::Checkpoint(expected)), "row {row}: {text:?}");
        assert_eq!(Checkpoint::parse(&text), Err(expected), "row {row}");
    }
    assert_eq!(Checkpoint::parse(&format!("{ORIGIN}\n10\n{root}")), Err(CheckpointError::Lines));
    for good in [example(), Checkpoint { size: 0, root: empty_root(), ..example() }] {
        assert_eq!(Checkpoint::parse(&good.to_text()), Ok(good));
    }
}

#[test]
fn a_checkpoint_of_another_log_is_refused() {
    let mut other = example();
    other.origin = "log.other.example/1".to_owned();
    assert_eq!(open(&signed(&other.to_text()), &key()), Err(NoteError::OtherOrigin));
    assert_eq!(sign_checkpoint(&other, ORIGIN, &signer(1)), Err(NoteError::OtherOrigin));
    let note = sign_checkpoint(&other, &other.origin, &signer(1)).unwrap();
    assert_eq!(open(&note, &key()), Err(NoteError::NotSigned));
}

#[test]
fn a_checkpoint_that_nobody_would_read_is_not_signed() {
    let table = [
        (Checkpoint { origin: "a\nb".to_owned(), ..example() }, CheckpointError::Lines),
        (Checkpoint { origin: format!("{ORIGIN}\r"), ..example() }, CheckpointError::Origin),
        (Checkpoint { origin: String::new(), ..example() }, CheckpointError::Origin),
        (Checkpoint { size: 0, ..example() }, CheckpointError::EmptyTree),
        (Checkpoint { root: empty_root(), ..example() }, CheckpointError::EmptyTree),
        (Checkpoint { size: 1 << 63, ..example() }, CheckpointError::Size),
    ];
    for (checkpoint, expected) in table {
        assert_eq!(sign_checkpoint(&checkpoint, ORIGIN, &signer(1)), Err(NoteError::Checkpoint(expected)));
    }
    assert_eq!(sign_checkpoint(&example(), "two words", &signer(1)), Err(NoteError::Key(KeyError::Name)));
}

/// Says one key and signs with another.
struct Confused;

impl Signer for Confused {
    fn public(&self) -> [u8; 32] {
        signer(1).public()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        signer(2).sign(message)
    }
}

#[test]
fn a_signer_that_errs_lets_no_note_out() {
    assert_eq!(sign_checkpoint(&example(), ORIGIN, &Confused), Err(NoteError::WrongSignature));
}

/// A number of 64 bytes, least significant first, in the field of `_like`.
fn reduced<S: Copy + From<u64> + Add<Output = S> + Mul<Output = S>>(bytes: &[u8], _like: S) -> S {
    bytes.iter().rev().fold(S::from(0), |sum, byte| sum * S::from(256) + S::from(u64::from(*byte)))
}

/// Only the key's holder can make it: R is the identity and S = k·a, so the plain equation holds.
fn with_small_order_r(text: &str, seed: u8) -> [u8; 64] {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let mut signature = [0; 64];
    signature[0] = 1;
    let digest = Sha512::new().chain_update(&signature[..32]).chain_update(key.verifying_key().as_bytes()).chain_update(text).finalize();
    let a = key.to_scalar();
    signature[32..].copy_from_slice((reduced(&digest, a) * a).as_bytes());
    let parsed = ed25519_dalek::Signature::from_bytes(&signature);
    assert!(key.verify(text.as_bytes(), &parsed).is_ok(), "lenient verifiers accept it");
    signature
}

#[test]
fn a_wrong_signature_is_refused_whatever_stands_beside_it() {
    let text = example().to_text();
    let id = key().id();
    let good = signer(1).sign(text.as_bytes());
    let mut malleable = good;
    let mut carry = 0;
    for (byte, order) in malleable[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    let mut zero_s = good;
    zero_s[32..].fill(0);
    let small_r = with_small_order_r(&text, 1);
    let cosignature = [[0; 8].as_slice(), &good].concat();
    let table: [(&str, &[u8]); 9] = [
        ("S + L", &malleable),
        ("S = 0", &zero_s),
        ("R of small order", &small_r),
        ("all zero", &[0; 64]),
        ("too short", &good[..63]),
        ("too long", &[good.as_slice(), &[0]].concat()),
        ("one byte", &[0]),
        ("a cosignature's length", &cosignature),
        ("of another text", &signer(1).sign(b"another text\n")),
    ];
    for (what, bytes) in table {
        let bad = line(ORIGIN, id, bytes);
        let alone = format!("{text}\n{bad}");
        assert_eq!(open(alone.as_bytes(), &key()), Err(NoteError::WrongSignature), "{what}");
        let good = line(ORIGIN, id, &good);
        for both in [format!("{text}\n{good}{bad}"), format!("{text}\n{bad}{good}")] {
            assert_eq!(open(both.as_bytes(), &key()), Err(NoteError::DuplicateSignature), "{what}");
        }
    }
}

#[test]
fn known_keys_must_all_agree_and_unknown_ones_say_nothing() {
    let text = example().to_text();
    let witness = signer(3).note_key("witness.example").unwrap();
    let alias = signer(1).note_key("alias.example").unwrap();
    let mut note = SignedNote::new(&text, signature(&text, ORIGIN, 1)).unwrap();
    note.add(signature(&text, "alias.example", 1)).unwrap();
    note.add(NoteSignature::new("witness.example", witness.id(), vec![9; 64]).unwrap()).unwrap();
    let bytes = note.to_bytes();
    assert_eq!(open(&bytes, &key()), Ok(example()), "an unknown line is no obstacle");
    let read = SignedNote::parse(&bytes).unwrap();
    assert_eq!(read, note);
    assert_eq!(read.verified_by(&[key()]), Ok(vec![&key()]));
    assert_eq!(read.verified_by(&[key(), witness.clone()]), Err(NoteError::WrongSignature), "a bad line of a known key beside a good one");
    assert_eq!(read.verified_by(&[key(), alias]), Ok(vec![&key()]), "one key under two names counts once");
    assert_eq!(read.verified_by(&[]), Err(NoteError::NotSigned));
    let retired = signer(4).note_key(ORIGIN).unwrap();
    assert_eq!(open(&bytes, &retired), Err(NoteError::NotSigned));
    assert_eq!(note.add(signature(&text, ORIGIN, 1)), Err(NoteError::DuplicateSignature));
}

#[test]
fn a_note_never_grows_beyond_its_limits() {
    let text = example().to_text();
    let first = signature(&text, ORIGIN, 1);
    let mut note = SignedNote::new(&text, first.clone()).unwrap();
    for n in 1..NOTE_SIGNATURES_MAX {
        let line = NoteSignature::new(&format!("w{n}.example"), [7; 4], vec![7; 72]).unwrap();
        note.add(line).unwrap();
    }
    let one_more = NoteSignature::new("w.example", [7; 4], vec![7; 72]).unwrap();
    assert_eq!(note.add(one_more), Err(NoteError::TooManySignatures));
    assert_eq!(SignedNote::parse(&note.to_bytes()), Ok(note));

    let mut short = SignedNote::new(&text, first.clone()).unwrap();
    let before = short.clone();
    let huge = NoteSignature::new("w.example", [7; 4], vec![7; NOTE_BYTES_MAX]).unwrap();
    assert!(matches!(short.add(huge), Err(NoteError::TooLong { .. })));
    assert_eq!(short, before);
    let long_text = "x\n".repeat(NOTE_BYTES_MAX / 2);
    assert!(matches!(SignedNote::new(&long_text, first.clone()), Err(NoteError::TooLong { .. })));
    assert_eq!(SignedNote::new("no newline", first.clone()), Err(NoteError::FinalNewline));
    assert_eq!(SignedNote::new("a\r\n", first), Err(NoteError::ControlCharacter));
    assert_eq!(NoteSignature::new("w.example", [7; 4], vec![]), Err(NoteError::EmptySignature));
}

#[test]
fn a_text_may_have_empty_lines() {
    for text in ["\n", "\n\n", "a\n\n", "a\n\nb\n", "\n\n\u{2014} a AAAAAAA=\n"] {
        let note = SignedNote::new(text, signature(text, ORIGIN, 1)).unwrap();
        let read = SignedNote::parse(&note.to_bytes()).unwrap();
        assert_eq!(read.text(), text);
        assert_eq!(read.verified_by(&[key()]), Ok(vec![&key()]));
    }
}

#[test]
fn a_verifier_key_has_one_spelling() {
    let good = key().encode();
    assert_eq!(NoteKey::parse(&good), Ok(key()));
    let mut parts = good.splitn(3, '+').skip(1);
    let (id, encoded) = (parts.next().unwrap(), parts.next().unwrap());
    let typed = |kind: u8, public: &[u8]| STANDARD.encode([&[kind], public].concat());
    let public = key().public();
    let table = [
        (String::new(), KeyError::Format),
        (format!("{ORIGIN}+{id}"), KeyError::Format),
        (format!("{ORIGIN}+{id}+"), KeyError::Format),
        (format!("{ORIGIN}+{id}+{encoded}="), KeyError::Format),
        (format!("{ORIGIN}+{id}+{encoded}\n"), KeyError::Format),
        (format!("+{id}+{encoded}"), KeyError::Name),
        (format!("two words+{id}+{encoded}"), KeyError::Name),
        (format!("{ORIGIN}+{}+{encoded}", id.to_uppercase()), KeyError::Id),
        (format!("{ORIGIN}+00000000+{encoded}"), KeyError::Id),
        (format!("{ORIGIN}+0{id}+{encoded}"), KeyError::Id),
        (format!("other.example+{id}+{encoded}"), KeyError::Id),
        (format!("{ORIGIN}+{id}+{}", typed(4, &public)), KeyError::Type { found: 4 }),
        (format!("{ORIGIN}+{id}+{}", typed(0, &public)), KeyError::Type { found: 0 }),
        (format!("{ORIGIN}+{id}+{}", typed(1, &public[1..])), KeyError::Public),
        (format!("{ORIGIN}+{id}+{}", typed(1, &[])), KeyError::Public),
    ];
    assert!(id.contains(|c: char| c.is_ascii_lowercase()), "{id}");
    for (row, (bad, expected)) in table.into_iter().enumerate() {
        assert_eq!(NoteKey::parse(&bad), Err(expected), "row {row}: {bad}");
    }
}

#[test]
fn a_weak_or_oddly_encoded_key_is_refused() {
    let order_8 = ["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"];
    let mut keys: Vec<[u8; 32]> = order_8
        .iter()
        .map(|hex| {
            let digits: Vec<u8> = hex.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
            let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect();
            bytes.try_into().unwrap()
        })
        .collect();
    // 0 and 1, and every number from p - 1 that 255 bits still hold: of small order, no point, or
    // a second spelling of a point below p.
    for low in [0, 1] {
        let mut bytes = [0; 32];
        bytes[0] = low;
        keys.push(bytes);
    }
    for low in 0xec..=0xff {
        let mut bytes = [0xff; 32];
        bytes[0] = low;
        bytes[31] = 0x7f;
        keys.push(bytes);
    }
    for mut bytes in keys {
        assert_eq!(NoteKey::new(ORIGIN, bytes), Err(KeyError::Public), "{bytes:02x?}");
        bytes[31] |= 0x80;
        assert_eq!(NoteKey::new(ORIGIN, bytes), Err(KeyError::Public), "{bytes:02x?}");
    }
}

#[test]
fn a_signer_shows_no_secret() {
    assert_eq!(format!("{:?}", signer(1)), "Ed25519Signer(..)");
    assert_eq!(format!("{:?}", key()), format!("NoteKey({})", key().encode()));
}
