//! How a consent was given, and by whom.

use std::fmt;

use super::Code;

codes! {
    /// How a consent was given.
    ConsentForm {
        /// Spoken.
        Oral = 1 "oral",
        /// Signed.
        Written = 2 "written",
    }
    /// Who gave a consent.
    ConsentGiver {
        /// The person whose secrecy it is.
        Person = 1 "person",
        /// The child's custodian (OSL 12:3).
        Custodian = 2 "custodian",
        /// The custodian together with the child, as age and maturity ask.
        CustodianAndChild = 3 "custodian_and_child",
    }
}
