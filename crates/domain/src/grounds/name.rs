//! Names that only the tables of law know: of grounds and of offences.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name of a ground or an offence, in bytes.
pub const GROUND_CODE_BYTES_MAX: usize = 48;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident $kind:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
            #[serde(try_from = "String", into = "String")]
            pub struct $name(Arc<str>);

            impl $name {
                /// The name as text.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(&self.0)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl std::str::FromStr for $name {
                type Err = crate::ids::IdError;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
                    let fits = (2..=GROUND_CODE_BYTES_MAX).contains(&text.len()) && text.bytes().all(known);
                    if fits { Ok(Self(Arc::from(text))) } else { Err(crate::ids::IdError { kind: $kind }) }
                }
            }

            impl TryFrom<String> for $name {
                type Error = crate::ids::IdError;

                fn try_from(text: String) -> Result<Self, Self::Error> {
                    text.parse()
                }
            }

            impl From<$name> for String {
                fn from(code: $name) -> Self {
                    code.as_str().to_owned()
                }
            }
        )*
    };
}

names! {
    /// The name of a ground, for example `NO_HARM`; which names exist is the table's business.
    GroundCode "ground";
    /// The name of an offence, for example `GROV_KVINNOFRIDSKRANKNING`; which names exist is the offence table's business.
    OffenceCode "offence";
}
