//! The keyed hashes that the door makes of names which must not be kept.
//!
//! One 32-byte secret outside the database gives one key for each purpose (HKDF-SHA256, RFC 5869), so that a hash made for one
//! purpose says nothing under another. The server reads the secret at start; nothing here is ever logged or written.

use brygga_domain::{AgencyId, Code, FunctionId, LookupHash, OfficerPseudonym, ReferralKind};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::identifier::Normalised;
use crate::limits::OFFICER_BYTES_MAX;
use crate::v1::IdentifierType;

/// Bytes of the secret.
pub const SECRET_BYTES: usize = 32;

/// Holds one key for each purpose.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Door {
    officers: [u8; 32],
    persons: [u8; 32],
    references: [u8; 32],
    assessments: [u8; 32],
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door(..)")
    }
}

/// The secret gives no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret of the door gives no keys")]
pub struct DoorError;

impl Door {
    /// Derives the keys.
    pub fn new(secret: &Zeroizing<[u8; SECRET_BYTES]>) -> Result<Self, DoorError> {
        let source = Hkdf::<Sha256>::new(None, secret.as_slice());
        let key = |purpose: &[u8]| {
            let mut key = [0; 32];
            source.expand(purpose, &mut key).map_err(|_| DoorError).map(|()| key)
        };
        Ok(Self {
            officers: key(b"brygga door officer 1")?,
            persons: key(b"brygga door person 1")?,
            references: key(b"brygga door sender reference 1")?,
            assessments: key(b"brygga door assessment 1")?,
        })
    }

    /// An officer of an agency: the same identifier at another agency is another officer.
    pub fn officer(&self, agency: &AgencyId, identifier: &str) -> OfficerPseudonym {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = keyed(&self.officers, &[agency.as_str().as_bytes(), identifier.as_bytes()]);
        OfficerPseudonym([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// A person's identifier. One that only the sending system knows is hashed together with the agency.
    pub(crate) fn person_lookup(&self, agency: &AgencyId, identifier: &Normalised) -> LookupHash {
        let (kind, scope) = match identifier.kind {
            IdentifierType::Unspecified => ("unspecified", ""),
            IdentifierType::PersonalNumber => ("personal_number", ""),
            IdentifierType::CoordinationNumber => ("coordination_number", ""),
            IdentifierType::ReserveNumber => ("reserve_number", ""),
            IdentifierType::Local => ("local", agency.as_str()),
        };
        LookupHash(keyed(&self.persons, &[kind.as_bytes(), scope.as_bytes(), identifier.value.as_bytes()]))
    }

    /// A sender's own number for a case, with what makes it unique: kind, recipient, and the first person with an identifier.
    pub fn sender_reference(&self, agency: &AgencyId, to: (ReferralKind, &FunctionId), person: Option<LookupHash>, number: &str) -> LookupHash {
        let (kind, recipient) = to;
        let person = person.map_or_else(Vec::new, |hash| hash.0.to_vec());
        let parts = [agency.as_str().as_bytes(), kind.as_str().as_bytes(), recipient.as_str().as_bytes(), &person, number.as_bytes()];
        LookupHash(keyed(&self.references, &parts))
    }
}

impl Door {
    /// The words of an individual assessment, however they are spaced, spelt in capitals and punctuated, to one recipient.
    pub fn assessment(&self, agency: &AgencyId, recipient: &FunctionId, text: &str) -> LookupHash {
        let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let words = Zeroizing::new(words.map(str::to_lowercase).collect::<Vec<_>>().join(" "));
        LookupHash(keyed(&self.assessments, &[agency.as_str().as_bytes(), recipient.as_str().as_bytes(), words.as_bytes()]))
    }
}

/// Whether a text can be an agency's own identifier for an officer.
pub fn is_officer(identifier: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=OFFICER_BYTES_MAX).contains(&identifier.len()) && identifier.bytes().all(known)
}

/// HMAC-SHA256 over the parts, each behind its length, so that no two lists of parts are one string.
fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length, so the other arm is unreachable; it must still not stop the broker.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        // Parts are far below 2^64 bytes; were one not, its length would only be another.
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifier::normalise;

    fn door(byte: u8) -> Door {
        Door::new(&Zeroizing::new([byte; SECRET_BYTES])).unwrap()
    }

    #[test]
    fn a_hash_depends_on_every_part_and_on_the_secret() {
        let (police, board): (AgencyId, AgencyId) = ("vasterort-polis".parse().unwrap(), "solna-soc".parse().unwrap());
        let klara = door(1).officer(&police, "klara");
        assert_eq!(klara, door(1).officer(&police, "klara"));
        assert_ne!(klara, door(2).officer(&police, "klara"));
        assert_ne!(klara, door(1).officer(&board, "klara"));
        assert_ne!(klara, door(1).officer(&police, "klar"));

        let (rvc, other): (FunctionId, FunctionId) = ("solna-rvc".parse().unwrap(), "solna-barn".parse().unwrap());
        let person = Some(LookupHash([7; 32]));
        let hash = door(1).sender_reference(&police, (ReferralKind::ContactRequest, &rvc), person, "5000-K1-26");
        assert_eq!(hash, door(1).sender_reference(&police, (ReferralKind::ContactRequest, &rvc), person, "5000-K1-26"));
        for different in [
            door(1).sender_reference(&board, (ReferralKind::ContactRequest, &rvc), person, "5000-K1-26"),
            door(1).sender_reference(&police, (ReferralKind::ReportedOffence, &rvc), person, "5000-K1-26"),
            door(1).sender_reference(&police, (ReferralKind::ContactRequest, &other), person, "5000-K1-26"),
            door(1).sender_reference(&police, (ReferralKind::ContactRequest, &rvc), None, "5000-K1-26"),
            door(1).sender_reference(&police, (ReferralKind::ContactRequest, &rvc), person, "5000-K1-27"),
        ] {
            assert_ne!(hash, different);
        }
        let assessment = |recipient: &FunctionId, text: &str| door(1).assessment(&police, recipient, text);
        let first = assessment(&rvc, "Assessed on its own: she heard it.");
        assert_eq!(first, assessment(&rvc, "  assessed on its own \n SHE heard it"));
        assert_ne!(first, assessment(&other, "Assessed on its own: she heard it."));
        assert_ne!(first, assessment(&rvc, "Assessed on its own: he heard it."));
    }

    #[test]
    fn only_a_local_name_belongs_to_its_agency() {
        let (police, board): (AgencyId, AgencyId) = ("vasterort-polis".parse().unwrap(), "solna-soc".parse().unwrap());
        let same = |kind, value| {
            let known = normalise(kind, value).unwrap();
            door(1).person_lookup(&police, &known) == door(1).person_lookup(&board, &known)
        };
        assert!(same(IdentifierType::ReserveNumber, "AB-1234"));
        assert!(!same(IdentifierType::Local, "AB-1234"));
    }
}
