//! What a list of codes is, and the macro that makes all of them.

use std::fmt;

/// A closed list of codes.
pub trait Code: Copy + Eq + fmt::Display + 'static {
    /// The list's name.
    const NAME: &'static str;
    /// Every code of the list, in the order of their numbers.
    const ALL: &'static [Self];
    /// The number in the protobuf enumeration.
    fn number(self) -> i32;
    /// The text in rows, configuration and output.
    fn as_str(self) -> &'static str;

    /// The code of a protobuf number; 0 (unspecified) and unknown numbers give `None`.
    fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// The code of a text.
    fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal $text:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
            pub enum $name {
                $($(#[$vdoc])* #[serde(rename = $text)] $variant,)*
            }

            impl Code for $name {
                const NAME: &'static str = stringify!($name);
                const ALL: &'static [Self] = &[$(Self::$variant,)*];

                fn number(self) -> i32 {
                    match self { $(Self::$variant => $number,)* }
                }

                fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => $text,)* }
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(self.as_str())
                }
            }
        )*

        /// These lists, each with its codes as (number, text).
        pub(super) fn lists() -> Vec<(&'static str, Vec<(i32, &'static str)>)> {
            vec![$((stringify!($name), $name::ALL.iter().map(|code| (code.number(), code.as_str())).collect()),)*]
        }
    };
}
