//! Why content was destroyed.

use std::fmt;

use super::Code;

codes! {
    /// Why content was destroyed.
    DestructionCause {
        /// The recipient has confirmed that its own system holds it.
        ImportConfirmed = 1 "import_confirmed",
        /// It has not left within the days of its sender.
        HeldTooLong = 2 "held_too_long",
        /// The days after its delivery are over.
        AfterDelivery = 3 "after_delivery",
    }
}
