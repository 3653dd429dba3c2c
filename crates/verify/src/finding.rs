//! What the auditor found, each with a stable code and the position that it names.
//!
//! A text holds numbers, codes and names of the directory only; the log has nothing else.

use std::collections::BTreeSet;
use std::fmt;

use brygga_domain::Position;
use serde::{Serialize, Serializer};

/// Most findings that a report lists; the others are counted.
pub const FINDINGS_MAX: usize = 1_000;

macro_rules! finding_codes {
    ($($name:ident = $code:literal, $about:literal;)*) => {
        /// What kind of finding it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $about] $name,)*
        }

        impl Code {
            /// Every code, by name.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

finding_codes! {
    AgencyUnknown = "AGENCY_UNKNOWN", "The directory in the log does not say this of an agency or function.";
    AnswerNotAllowed = "ANSWER_NOT_ALLOWED", "That answer may not be given to this kind of referral, or not from its envelope.";
    AnswerUnfounded = "ANSWER_UNFOUNDED", "It answers something that does not stand in the log.";
    BasisDiffers = "BASIS_DIFFERS", "A release names other positions than those that it rests on.";
    BundleHeader = "BUNDLE_HEADER", "The first line is not the header of a bundle.";
    BundleLine = "BUNDLE_LINE", "A line of the bundle cannot be read.";
    BundleTrailing = "BUNDLE_TRAILING", "Something follows the checkpoint.";
    BundleTruncated = "BUNDLE_TRUNCATED", "The bundle ends too early.";
    CellUnknown = "CELL_UNKNOWN", "The referral has no such section or protected interest.";
    ChildConcernDeclined = "CHILD_CONCERN_DECLINED", "A child concern is received, never declined.";
    ClaimedByAnother = "CLAIMED_BY_ANOTHER", "Another officer had taken the referral on.";
    ClearanceByOther = "CLEARANCE_BY_OTHER", "A cell was cleared by an agency that does not clear it.";
    ClearanceMissing = "CLEARANCE_MISSING", "No decision of that cell stands before it.";
    ClearanceRevoked = "CLEARANCE_REVOKED", "The decision was revoked before.";
    ClearanceSuperseded = "CLEARANCE_SUPERSEDED", "The decision was about an earlier revision of the section.";
    ClearanceWithheld = "CLEARANCE_WITHHELD", "The decision was to withhold.";
    ClockEarly = "CLOCK_EARLY", "A reminder or escalation stands before it was due, or names another deadline than the log gives.";
    ClockOver = "CLOCK_OVER", "A reminder or escalation follows the act that ended its clock.";
    ClockTold = "CLOCK_TOLD", "The sender was told of a clock whose outcome is the recipient's own.";
    ClockTwice = "CLOCK_TWICE", "The same mark of a clock was made twice.";
    ClockUnknown = "CLOCK_UNKNOWN", "The table has no such clock for the referral where it stands.";
    CommitmentDiffers = "COMMITMENT_DIFFERS", "Other bytes were released than those that were submitted.";
    ContentDestroyed = "CONTENT_DESTROYED", "A section was offered or released whose content was destroyed before.";
    ContentEarly = "CONTENT_EARLY", "Content was destroyed before its days could be over.";
    ContentUnknown = "CONTENT_UNKNOWN", "Content was destroyed that was not there, or not for that cause.";
    ConfirmationUnfounded = "CONFIRMATION_UNFOUNDED", "It confirms a decision that does not wait for a second officer.";
    ConsentExpired = "CONSENT_EXPIRED", "The consent had run out.";
    ConsentLater = "CONSENT_LATER", "The consent comes after what rests on it.";
    ConsentMissing = "CONSENT_MISSING", "No consent of this referral stands at that position.";
    ConsentOfAnother = "CONSENT_OF_ANOTHER", "It is another person's consent.";
    ConsentOtherCategory = "CONSENT_OTHER_CATEGORY", "The consent is for other categories.";
    ConsentOtherPurpose = "CONSENT_OTHER_PURPOSE", "The consent is for a purpose that the kind of referral does not serve.";
    ConsentOtherRecipient = "CONSENT_OTHER_RECIPIENT", "The consent is for another recipient.";
    ConsentWithdrawn = "CONSENT_WITHDRAWN", "The consent was withdrawn before.";
    EmergencyMalformed = "EMERGENCY_MALFORMED", "The emergency lasts longer than the ground table allows, or its agency has one of this referral already.";
    EventTwice = "EVENT_TWICE", "The same event stands twice.";
    ForwardUnfounded = "FORWARD_UNFOUNDED", "It passes on a referral that its sender had not received, or may not pass on.";
    GroundUnlawful = "GROUND_UNLAWFUL", "The ground cannot carry that cell.";
    KeyDiffers = "KEY_DIFFERS", "The bundle names another key than the trusted one.";
    LeafUnreadable = "LEAF_UNREADABLE", "The leaf is not the canonical encoding of an event.";
    LogStart = "LOG_START", "The log must begin with LogStarted, and only there.";
    NoteMalformed = "NOTE_MALFORMED", "The checkpoint is not a signed note of this format.";
    NoteUnsigned = "NOTE_UNSIGNED", "The checkpoint is not signed by the key.";
    NoteWrongSignature = "NOTE_WRONG_SIGNATURE", "The checkpoint's signature by the key is wrong.";
    OfferDeclined = "OFFER_DECLINED", "She said no to the offer of support, yet something about her was submitted.";
    OfferUnknown = "OFFER_UNKNOWN", "The sender recorded no such offer of support.";
    OfficerMissing = "OFFICER_MISSING", "The event names no officer.";
    OriginDiffers = "ORIGIN_DIFFERS", "Header, checkpoint, key and first event name different logs.";
    PinDiffers = "PIN_DIFFERS", "The log does not begin with what the pinned checkpoint signed.";
    PinSize = "PIN_SIZE", "The log is shorter than the pinned checkpoint.";
    PreviousWrong = "PREVIOUS_WRONG", "The event does not name the previous one of its referral.";
    RecipientDiffers = "RECIPIENT_DIFFERS", "The event names another recipient than the referral.";
    ReferralMalformed = "REFERRAL_MALFORMED", "The referral is not one that could be submitted.";
    ReferralTwice = "REFERRAL_TWICE", "The same referral was submitted twice.";
    ReferralUnknown = "REFERRAL_UNKNOWN", "No referral of that id was submitted before.";
    ReleaseNotOffered = "RELEASE_NOT_OFFERED", "A section was released that no standing offer names.";
    ResidenceFromRegister = "RESIDENCE_FROM_REGISTER", "It was sent by the population register where a registration is protected, or may be.";
    ReviewOverdue = "REVIEW_OVERDUE", "An emergency was declared while an earlier one of the agency was not reviewed in time.";
    ReviewSame = "REVIEW_SAME", "An emergency was reviewed by the officer who had declared it.";
    RevisionDiffers = "REVISION_DIFFERS", "Another revision was released than the latest, or a revision was passed over.";
    RevokedAfterRelease = "REVOKED_AFTER_RELEASE", "A decision was revoked after its section had left.";
    RootDiffers = "ROOT_DIFFERS", "The leaves do not hash to the root of the checkpoint.";
    SecondOfficerMissing = "SECOND_OFFICER_MISSING", "No second officer had agreed.";
    SecondOfficerSame = "SECOND_OFFICER_SAME", "The second officer is the first one.";
    SizeDiffers = "SIZE_DIFFERS", "There are more or fewer leaves than the checkpoint says.";
    StageWrong = "STAGE_WRONG", "The referral's stage does not allow it.";
    StandingUnfounded = "STANDING_UNFOUNDED", "A decision was carried on to a revision that it does not stand for.";
    StopUseMissing = "STOP_USE_MISSING", "A consent was withdrawn and the holder was not told to stop.";
    StopUseUnfounded = "STOP_USE_UNFOUNDED", "The notice follows no withdrawal, or names what was not released.";
    TableInactive = "TABLE_INACTIVE", "The decision names another ground table than the active one.";
    TemplateNotAllowed = "TEMPLATE_NOT_ALLOWED", "A template decided what is assessed case by case.";
    TimeBack = "TIME_BACK", "The event is earlier than the one before it.";
    WithdrawalUncited = "WITHDRAWAL_UNCITED", "A decision to release names another withdrawal, or none, than the latest of a consent that covered the cell.";
    WrongAgency = "WRONG_AGENCY", "The event belongs to an agency that may not cause it.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Position of the entry, where it is about one.
    pub position: Option<u64>,
    /// What kind it is.
    pub code: Code,
    /// What exactly.
    pub text: String,
}

/// What was found so far, bounded; and what could not be checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    left_out: u64,
    doubts: BTreeSet<String>,
}

impl Findings {
    pub(crate) fn at(&mut self, position: Position, code: Code, text: impl Into<String>) {
        if self.list.len() < FINDINGS_MAX {
            self.list.push(Finding { position: Some(position.0), code, text: text.into() });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// About the log as a whole; there are few of these, and none is ever left out.
    pub(crate) fn of_log(&mut self, code: Code, text: impl Into<String>) {
        self.list.push(Finding { position: None, code, text: text.into() });
    }

    /// Something that could not be checked, said once.
    pub(crate) fn doubt(&mut self, text: impl Into<String>) {
        // A log full of unknown tables must not fill the memory.
        if self.doubts.len() < FINDINGS_MAX {
            self.doubts.insert(text.into());
        }
    }

    /// Findings by position, how many were left out, and doubts.
    pub(crate) fn into_parts(mut self) -> (Vec<Finding>, u64, Vec<String>) {
        self.list.sort_by_key(|finding| finding.position);
        (self.list, self.left_out, self.doubts.into_iter().collect())
    }
}
