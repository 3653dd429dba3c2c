//! The one place that makes a `tonic::Status` of what a method fails with.
//!
//! Every kind of failure has its arm; codes follow `domain::refusal::Class`, reasons `Reason::code`. NOT_FOUND is the same bytes
//! whatever the cause, so that it never tells that somebody else's referral exists; INTERNAL tells an incident's id and nothing else.
//! Called at the boundary by [`super::Rpc::status`], which also logs.

use std::collections::HashMap;
use std::time::Duration;

use brygga_domain::refusal::{Class, Detail};
use brygga_domain::{Reason, Refusal};
use brygga_engine::NoAnswer;
use brygga_engine::clock::NoRandomness;
use brygga_engine::committer::Failure;
use brygga_engine::readers::AskError;
use brygga_engine::store::{Corrupt, StoreError};
use brygga_wire::convert::{FieldViolation, Malformed};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::layers::ERROR_DOMAIN;

/// When a call that came at a bad moment may be tried again.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Key of the metadata that says what exactly a refusal is about.
pub const DETAIL: &str = "detail";
/// Key of the metadata that names an incident to the operator.
pub const TRACE_ID: &str = "trace_id";

/// Everything that a method fails with.
#[derive(Debug)]
pub enum Failed {
    /// The request has faults in its fields.
    Malformed(Malformed),
    /// An expected no.
    Refused(Refusal),
    /// The certificate is no agency's of the directory.
    UnknownCertificate,
    /// The committer gave no answer, or a bad one.
    NoAnswer(NoAnswer),
    /// Reading failed; nothing was asked to be written.
    Read(AskError),
    /// The command is committed, and its receipt or content could not be read.
    Delivery(AskError),
    /// No command can be made.
    NoRandomness(NoRandomness),
    /// The broker is stopping; streams end with it.
    Stopping,
    /// Something that a layer or the engine always gives is not there.
    Bug(&'static str),
}

impl From<Malformed> for Failed {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<Reason> for Failed {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<NoAnswer> for Failed {
    fn from(no_answer: NoAnswer) -> Self {
        Self::NoAnswer(no_answer)
    }
}

impl From<NoRandomness> for Failed {
    fn from(none: NoRandomness) -> Self {
        Self::NoRandomness(none)
    }
}

impl Failed {
    /// One fault of a request that the conversion at the door could not see.
    pub fn field(field: &str, description: &'static str) -> Self {
        Self::Malformed(Malformed { violations: vec![FieldViolation { field: field.to_owned(), description }] })
    }

    /// The row that cannot be, if that is what it is.
    pub fn corrupt(&self) -> Option<&Corrupt> {
        match self {
            Self::Read(AskError::Store(StoreError::Corrupt(corrupt))) | Self::Delivery(AskError::Store(StoreError::Corrupt(corrupt))) => Some(corrupt),
            Self::Read(AskError::Store(StoreError::Unavailable { .. }) | AskError::Closed)
            | Self::Delivery(AskError::Store(StoreError::Unavailable { .. }) | AskError::Closed)
            | Self::Malformed(_)
            | Self::Refused(_)
            | Self::UnknownCertificate
            | Self::NoAnswer(_)
            | Self::NoRandomness(_)
            | Self::Stopping
            | Self::Bug(_) => None,
        }
    }

    /// The answer. `incident` names it to the operator if it is our fault.
    pub fn status(&self, incident: &str) -> Status {
        match self {
            Self::Malformed(malformed) => malformed.clone().into(),
            Self::Refused(refusal) | Self::NoAnswer(NoAnswer::Failed(Failure::Refused(refusal))) => refused(refusal, incident),
            // Here the code differs from the reason's class: it is the caller itself that the directory lacks, not a field of its request.
            Self::UnknownCertificate => made(Code::PermissionDenied, &Reason::UnknownAgency.into()),
            Self::NoAnswer(NoAnswer::Full) => refused(&Reason::OverCapacity.into(), incident),
            Self::NoAnswer(NoAnswer::Failed(failure @ (Failure::NotCommitted | Failure::OutcomeUnknown | Failure::Doubted))) => {
                refused(&failure.reason().into(), incident)
            }
            Self::NoRandomness(NoRandomness) => refused(&Reason::NotCommitted.into(), incident),
            Self::Read(AskError::Store(StoreError::Unavailable { .. }) | AskError::Closed) => refused(&Reason::ReadFailed.into(), incident),
            // A command that found no committer was written by nobody, and who watches writes nothing.
            Self::NoAnswer(NoAnswer::Gone) | Self::Stopping => refused(&Reason::Stopping.into(), incident),
            // It is written; whoever repeats the key gets the receipt.
            Self::Delivery(AskError::Store(StoreError::Unavailable { .. }) | AskError::Closed) => refused(&Reason::OutcomeUnknown.into(), incident),
            Self::Read(AskError::Store(StoreError::Corrupt(_))) | Self::Delivery(AskError::Store(StoreError::Corrupt(_))) | Self::Bug(_) => internal(incident),
        }
    }
}

/// The code of a class.
pub fn code(class: Class) -> Code {
    match class {
        Class::Malformed => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::NotAllowed => Code::PermissionDenied,
        Class::Blocked => Code::FailedPrecondition,
        Class::Taken => Code::AlreadyExists,
        Class::Full => Code::ResourceExhausted,
        Class::Unavailable => Code::Unavailable,
        Class::TooLate => Code::DeadlineExceeded,
        Class::Broken => Code::Internal,
    }
}

fn refused(refusal: &Refusal, incident: &str) -> Status {
    match refusal.reason.class() {
        // Whatever it was about stays here: what is not yours and what does not exist must not differ in a byte.
        Class::NotFound => made(Code::NotFound, &Reason::NotFound.into()),
        Class::Broken => internal(incident),
        class @ (Class::Malformed | Class::NotAllowed | Class::Blocked | Class::Taken | Class::Full | Class::Unavailable | Class::TooLate) => {
            made(code(class), refusal)
        }
    }
}

fn made(code: Code, refusal: &Refusal) -> Status {
    let mut details = ErrorDetails::with_error_info(refusal.reason.code(), ERROR_DOMAIN, metadata(&refusal.detail));
    if let (Code::InvalidArgument, Detail::Field(field)) = (code, &refusal.detail) {
        details.add_bad_request_violation(field.as_ref(), refusal.reason.english());
    }
    if may_be_repeated(refusal.reason) {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    Status::with_error_details(code, refusal.to_string(), details)
}

fn metadata(detail: &Detail) -> HashMap<String, String> {
    match detail {
        Detail::None => HashMap::new(),
        Detail::Field(_)
        | Detail::Category(..)
        | Detail::Cell(..)
        | Detail::Section(_)
        | Detail::Person(_)
        | Detail::Ground(..)
        | Detail::Conditions(..)
        | Detail::Provision(..)
        | Detail::Barred(..)
        | Detail::Stage(_)
        | Detail::Function(_) => HashMap::from([(DETAIL.to_owned(), detail.to_string())]),
    }
}

/// Whether the same call can pass a moment later by itself. A doubted log needs an operator first.
fn may_be_repeated(reason: Reason) -> bool {
    match reason.class() {
        Class::Full => true,
        Class::Unavailable => reason != Reason::LogDoubted,
        Class::Malformed | Class::NotFound | Class::NotAllowed | Class::Blocked | Class::Taken | Class::TooLate | Class::Broken => false,
    }
}

fn internal(incident: &str) -> Status {
    let metadata = HashMap::from([(TRACE_ID.to_owned(), incident.to_owned())]);
    let details = ErrorDetails::with_error_info(Reason::Internal.code(), ERROR_DOMAIN, metadata);
    Status::with_error_details(code(Class::Broken), Reason::Internal.english(), details)
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
