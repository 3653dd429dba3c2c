//! Why an answer is refused although the broker gave it: a name for each thing that a proof must show.
//!
//! Every reason is definite: the answer does not hold, whatever the broker says about it. Callers stop and tell an operator.

use brygga_domain::Position;
use brygga_journal::DecodeError;
use brygga_merkle::{NoteError, ProofError};

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident $({ $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })? = $name:literal, $text:literal;)*) => {
        /// Why an answer is not accepted.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Refused {
            $($(#[$doc])* #[error($text)] $variant $({ $($(#[$field_doc])* $field: $kind,)* })?,)*
        }

        impl Refused {
            /// Stable name of the reason.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }
        }
    };
}

refusals! {
    /// No receipt came.
    NoReceipt = "RECEIPT_MISSING", "the answer has no receipt";
    /// The receipt has no leaf, or more than one may have.
    LeafCount {
        /// Number of leaves.
        found: usize,
    } = "RECEIPT_LEAVES", "a receipt has 1 to 64 leaves, found {found}";
    /// Two leaves at one position, or not in order.
    LeafOrder = "RECEIPT_ORDER", "the leaves of the receipt are not in the order of the log";
    /// Another log than the pinned one.
    OtherLog = "OTHER_LOG", "the receipt is of another log than the pinned one";
    /// The checkpoint is not signed by the pinned key, or is no checkpoint.
    Note {
        /// Why.
        source: NoteError,
    } = "CHECKPOINT_NOT_SIGNED", "the checkpoint is not one that the pinned key signed";
    /// A hash that is none.
    HashLength = "PROOF_HASH", "a hash of a proof does not have 32 bytes";
    /// A leaf is not proved.
    Inclusion {
        /// Its position.
        position: Position,
        /// Why.
        source: ProofError,
    } = "LEAF_NOT_PROVED", "the leaf at {position} is not proved to be in the log";
    /// A leaf is no event.
    Leaf {
        /// Its position.
        position: Position,
        /// Why.
        source: DecodeError,
    } = "LEAF_UNREADABLE", "the leaf at {position} is no event of the journal";
    /// Two heads of the same size.
    Fork {
        /// The size.
        size: u64,
    } = "LOG_FORKED", "the log shows two different heads of size {size}";
    /// The log cannot show how it goes on from the pin.
    Consistency {
        /// Why.
        source: ProofError,
    } = "LOG_NOT_CONSISTENT", "the log does not go on from the checkpoint that is pinned here";
    /// No proof came that leads from the pin.
    ConsistencyMissing {
        /// The smaller size.
        from: u64,
        /// The larger size.
        to: u64,
    } = "CONSISTENCY_MISSING", "nothing proves that the log of size {to} goes on from that of size {from}";
    /// The log is smaller than it was, and cannot show that it still holds what was pinned.
    RolledBack {
        /// The size that it shows.
        shown: u64,
        /// The size that is pinned.
        pinned: u64,
    } = "LOG_ROLLED_BACK", "the log shows {shown} entries and cannot account for the {pinned} that are pinned here";
    /// The receipt proves nothing that this command asked for.
    EventMissing {
        /// What was looked for.
        wanted: &'static str,
    } = "EVENT_MISSING", "the receipt does not prove {wanted} by this agency for this referral";
    /// A leaf belongs to another referral.
    OtherReferral {
        /// Its position.
        position: Position,
    } = "OTHER_REFERRAL", "the event at {position} belongs to another referral";
    /// The answer is about another referral than was asked for.
    NotAsked = "NOT_WHAT_WAS_ASKED", "the answer is about another referral than was asked for";
    /// The event says something else than the command or the answer.
    EventDiffers {
        /// What differs.
        what: &'static str,
    } = "EVENT_DIFFERS", "the event in the log differs from what was asked or answered: {what}";
    /// Content was released to another function.
    OtherRecipient {
        /// Position of the event that names it.
        position: Position,
    } = "OTHER_RECIPIENT", "the event at {position} names another recipient";
    /// The sections handed over are not those that the log says.
    SectionsDiffer = "SECTIONS_DIFFER", "the sections handed over are not those that the log says were released";
    /// The salt has a wrong length.
    SaltLength {
        /// Number of the section.
        section: u32,
    } = "SALT_LENGTH", "the salt of section {section} does not have 32 bytes";
    /// The bytes are not those that were submitted.
    ContentDiffers {
        /// Number of the section.
        section: u32,
    } = "CONTENT_DIFFERS", "the content of section {section} does not open the commitment in the log";
    /// The content is of another category than the answer says.
    CategoryDiffers {
        /// Number of the section.
        section: u32,
    } = "CATEGORY_DIFFERS", "the content of section {section} is not of the category that the answer says";
    /// The basis is not in the receipt.
    BasisMissing {
        /// Number of the section.
        section: u32,
        /// The position that is missing.
        position: Position,
    } = "BASIS_MISSING", "the receipt lacks the event at {position} on which section {section} rests";
    /// The basis came after the release.
    BasisLater {
        /// Number of the section.
        section: u32,
        /// Its position.
        position: Position,
    } = "BASIS_LATER", "section {section} rests on the event at {position}, which is not before its release";
    /// What it rests on is no decision, confirmation or consent.
    BasisKind {
        /// Number of the section.
        section: u32,
        /// Its position.
        position: Position,
    } = "BASIS_KIND", "section {section} rests on the event at {position}, which is no decision, confirmation or consent that carries it";
    /// A protected interest of the section has no decision.
    DecisionMissing {
        /// Number of the section.
        section: u32,
    } = "DECISION_MISSING", "no decision is proved for each protected interest of section {section}";
    /// It was decided that the section stays.
    Withheld {
        /// Number of the section.
        section: u32,
        /// Position of the decision.
        position: Position,
    } = "DECISION_WITHHOLDS", "the decision at {position} withholds section {section}";
    /// The decision is not the sender's.
    DecidedByOther {
        /// Number of the section.
        section: u32,
        /// Position of the decision.
        position: Position,
    } = "DECIDED_BY_ANOTHER", "the decision at {position} on section {section} is not the sending agency's";
    /// A second officer is due and has not agreed.
    SecondOfficerMissing {
        /// Number of the section.
        section: u32,
        /// Position of the decision.
        position: Position,
    } = "SECOND_OFFICER_MISSING", "no second officer has agreed to the decision at {position} on section {section}";
    /// The ground rests on a consent, and none is named or proved.
    ConsentMissing {
        /// Number of the section.
        section: u32,
    } = "CONSENT_MISSING", "the decision on section {section} rests on a consent that is not proved";
    /// The consent is another person's.
    ConsentOfAnother {
        /// Number of the section.
        section: u32,
        /// Position of the consent.
        position: Position,
    } = "CONSENT_OF_ANOTHER", "the consent at {position} is not that of the person whom section {section} protects";
    /// The consent does not cover the category.
    ConsentOtherCategory {
        /// Number of the section.
        section: u32,
        /// Position of the consent.
        position: Position,
    } = "CONSENT_OTHER_CATEGORY", "the consent at {position} does not cover the category of section {section}";
    /// The consent is for a purpose that the kind of referral does not serve.
    ConsentOtherPurpose {
        /// Number of the section.
        section: u32,
        /// Position of the consent.
        position: Position,
    } = "CONSENT_OTHER_PURPOSE", "the consent at {position} is for another purpose than section {section} was sent for";
    /// The consent is for another function.
    ConsentOtherRecipient {
        /// Number of the section.
        section: u32,
        /// Position of the consent.
        position: Position,
    } = "CONSENT_OTHER_RECIPIENT", "the consent at {position} is for another recipient";
    /// The consent had run out, or was not given yet.
    ConsentNotInForce {
        /// Number of the section.
        section: u32,
        /// Position of the consent.
        position: Position,
    } = "CONSENT_NOT_IN_FORCE", "the consent at {position} was not in force when section {section} was released";
    /// An entry of the log does not hash to what is said of it.
    EntryDiffers {
        /// Its position.
        position: Position,
    } = "ENTRY_DIFFERS", "the entry at {position} does not hash to the leaf that it is said to be";
}
