//! How single fields are read back, and why bytes are not an event.

use std::str::FromStr;

use brygga_domain::codes::Code;
use brygga_domain::ids::IdError;

use crate::EVENT_BYTES_MAX;

/// Why bytes are not an event. No text repeats what the bytes hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than any event.
    #[error("an event has at most {EVENT_BYTES_MAX} bytes, these are {bytes}")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// Not a message of this shape.
    #[error("not an event's protobuf encoding")]
    Malformed(#[source] prost::DecodeError),
    /// A field that every such event has is not set. For `fact` it may also be a kind of event that this program doesn't know.
    #[error("{field} is not set")]
    Missing {
        /// The field's name in `event.proto`.
        field: &'static str,
    },
    /// Too long or too short.
    #[error("{field} has {wanted} bytes, these are {found}")]
    Length {
        /// The field's name in `event.proto`.
        field: &'static str,
        /// How many it has.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// Not an id, name or hash of its kind.
    #[error("{field} can't be read")]
    Id {
        /// The field's name in `event.proto`.
        field: &'static str,
        /// What it should be.
        #[source]
        source: IdError,
    },
    /// A code that is not on its list; 0 is on none.
    #[error("{field} is not one of the codes of {list}: {number}")]
    Code {
        /// The field's name in `event.proto`.
        field: &'static str,
        /// The list.
        list: &'static str,
        /// The number.
        number: i32,
    },
    /// Positions that are not ascending, or not distinct.
    #[error("{field} is not in ascending order, each once")]
    Order {
        /// The field's name in `event.proto`.
        field: &'static str,
    },
    /// The same event, written another way: unknown fields, another order of fields, a number in too many bytes.
    #[error("not the one encoding of this event")]
    NotCanonical,
}

/// An id or hash of its fixed length.
pub(crate) fn id<T>(field: &'static str, read: Result<T, IdError>) -> Result<T, DecodeError> {
    read.map_err(|source| DecodeError::Id { field, source })
}

/// A name or reference.
pub(crate) fn name<T: FromStr<Err = IdError>>(field: &'static str, text: &str) -> Result<T, DecodeError> {
    id(field, text.parse())
}

/// A code.
pub(crate) fn code<C: Code>(field: &'static str, number: i32) -> Result<C, DecodeError> {
    C::from_number(number).ok_or(DecodeError::Code { field, list: C::NAME, number })
}

/// Codes in the order that they stand.
pub(crate) fn codes<C: Code>(field: &'static str, numbers: &[i32]) -> Result<Vec<C>, DecodeError> {
    numbers.iter().map(|number| code(field, *number)).collect()
}

/// A message or a choice that is always set.
pub(crate) fn present<T>(field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing { field })
}

/// A number that counts from 1.
pub(crate) fn count(field: &'static str, number: u32) -> Result<u32, DecodeError> {
    if number == 0 { Err(DecodeError::Missing { field }) } else { Ok(number) }
}

/// Numbers that count from 1.
pub(crate) fn counts(field: &'static str, numbers: Vec<u32>) -> Result<Vec<u32>, DecodeError> {
    if numbers.contains(&0) { Err(DecodeError::Missing { field }) } else { Ok(numbers) }
}
