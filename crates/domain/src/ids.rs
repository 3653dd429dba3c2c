//! Identifiers, each a type of its own, so that no two can be mixed up.
//!
//! Everything here is random or a commitment: no identifier says anything about a person.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct IdError {
    /// The kind that was wanted, for example `ReferralId`.
    pub kind: &'static str,
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Reads the 16 bytes of a stored or received identifier.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdError> {
                Uuid::from_slice(bytes).map(Self).map_err(|_| IdError { kind: stringify!($name) })
            }

            /// The 16 bytes as they are stored and hashed.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError { kind: stringify!($name) })
            }
        }
    )*};
}

uuid_ids! {
    /// A consent on record.
    ConsentId,
    /// One event of the journal.
    EventId,
    /// A hearing that may be moved or cancelled.
    HearingId,
    /// An offer of support and its answer.
    OfferId,
    /// A person within one referral: random, never reused, says nothing about who it is.
    PersonId,
    /// A referral.
    ReferralId,
    /// A command's key, chosen by the client and kept over retries.
    RequestId,
    /// What groups several referrals about the same report.
    ThreadId,
}

/// Longest name of an agency or a function, in bytes.
pub const SLUG_BYTES_MAX: usize = 63;

fn is_slug(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=SLUG_BYTES_MAX).contains(&text.len())
        && text.bytes().all(inner)
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && !text.ends_with('-')
}

macro_rules! slug_ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as people type it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_slug(text) { Ok(Self(Arc::from(text))) } else { Err(IdError { kind: stringify!($name) }) }
            }
        }
    )*};
}

slug_ids! {
    /// An agency of the directory, for example `vasterort-polis`: lower-case letters, digits and hyphens.
    AgencyId,
    /// A function with an inbox, for example `solna-rvc`: lower-case letters, digits and hyphens.
    FunctionId,
}

macro_rules! byte_ids {
    ($($(#[$doc:meta])* $name:ident($len:literal),)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Reads stored or received bytes of the right length.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdError> {
                bytes.try_into().map(Self).map_err(|_| IdError { kind: stringify!($name) })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }
    )*};
}

byte_ids! {
    /// HMAC-SHA256 of committed bytes under a random salt.
    Commitment(32),
    /// SHA-256 of the raw bytes of a request.
    Digest(32),
    /// A keyed hash that finds a person or a sender reference again without storing either.
    LookupHash(32),
    /// An officer of an agency: a keyed hash of the agency and its own identifier for the officer.
    OfficerPseudonym(16),
    /// SHA-256 of the ground table that was in force.
    TableHash(32),
}

/// A position in the journal, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const REFERENCE_DIGITS: usize = 8;

/// What people read to each other: eight random Crockford characters and a check, `BR-7Q3K-M2XW-4`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(u64);

impl Reference {
    /// Takes the lowest 40 of 64 random bits.
    pub fn from_random(bits: u64) -> Self {
        Self(bits & ((1 << 40) - 1))
    }

    fn digit(value: u64) -> char {
        usize::try_from(value % 32).ok().and_then(|index| CROCKFORD.get(index)).map_or('0', |byte| char::from(*byte))
    }

    /// The check weighs each digit by its place, so that a swap of neighbours is caught like a single slip.
    fn check(self) -> char {
        let sum = (0..8_u64).fold(0, |sum, place| sum + (2 * place + 1) * ((self.0 >> (5 * place)) % 32));
        Self::digit(sum)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: Vec<char> = (0..8_u64).rev().map(|place| Self::digit(self.0 >> (5 * place))).collect();
        let (left, right) = digits.split_at(4);
        write!(f, "BR-{}-{}-{}", left.iter().collect::<String>(), right.iter().collect::<String>(), self.check())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Reference {
    type Err = IdError;

    /// Reads what people type: case, hyphens and the letters that look like digits (I, L, O) are forgiven; a wrong check is not.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { kind: "Reference" };
        let upper = text.trim().to_ascii_uppercase();
        let body = upper.strip_prefix("BR").ok_or(error.clone())?;
        let mut values = Vec::with_capacity(REFERENCE_DIGITS + 1);
        for character in body.chars().filter(|character| *character != '-') {
            let plain = match character {
                'I' | 'L' => '1',
                'O' => '0',
                other => other,
            };
            let value = CROCKFORD.iter().position(|byte| char::from(*byte) == plain).ok_or(error.clone())?;
            values.push(u64::try_from(value).map_err(|_| error.clone())?);
        }
        let [digits @ .., check] = values.as_slice() else { return Err(error) };
        if digits.len() != REFERENCE_DIGITS {
            return Err(error);
        }
        let reference = Self(digits.iter().fold(0, |sum, digit| sum * 32 + digit));
        if reference.check() == Self::digit(*check) { Ok(reference) } else { Err(error) }
    }
}

/// How a command names a referral: by its id, or by the reference that people use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferralName {
    /// By id.
    Id(ReferralId),
    /// By reference; resolved for parties only.
    Reference(Reference),
}

impl std::str::FromStr for ReferralName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self::Reference).or_else(|_| text.parse().map(Self::Id)).map_err(|_: IdError| IdError { kind: "referral" })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_reference_survives_being_read_aloud(bits: u64) {
            let reference = Reference::from_random(bits);
            prop_assert_eq!(reference.to_string().to_lowercase().parse::<Reference>().unwrap(), reference);
        }

        #[test]
        fn one_wrong_character_is_caught(bits: u64, place in 0_u64..8, other in 1_u64..32) {
            let reference = Reference::from_random(bits);
            let wrong = Reference(reference.0 ^ (other << (5 * place)));
            prop_assert_ne!(reference.check(), wrong.check());
        }
    }

    #[test]
    fn only_slugs_name_agencies() {
        for bad in ["", "a", "Solna", "solna rvc", "-solna", "solna-", "1solna", "å-rvc", &"x".repeat(64)] {
            assert!(bad.parse::<FunctionId>().is_err(), "{bad}");
        }
        assert_eq!("solna-rvc".parse::<FunctionId>().unwrap().as_str(), "solna-rvc");
    }
}
