//! What can go wrong, in the terms that a caller acts on: may it be repeated, what does it exit with, what has to change.
//!
//! Nothing here holds content, and nothing that a request said is repeated.

use std::collections::BTreeMap;
use std::time::Duration;

use brygga_domain::Reason;
use brygga_domain::refusal::Class;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::pin::PinError;
use crate::refused::Refused;

/// Exit code of what nobody expected.
pub const EXIT_UNEXPECTED: u8 = 1;
/// Exit code of a wrong setting or argument.
pub const EXIT_USAGE: u8 = 2;
/// Exit code of what is unavailable and safe to repeat.
pub const EXIT_UNAVAILABLE: u8 = 8;
/// Exit code of a proof that does not hold.
pub const EXIT_VERIFICATION_FAILED: u8 = 20;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The broker said no, or could not be reached in time.
    #[error("{0}")]
    Answered(Box<Answered>),
    /// The broker answered, and the answer does not prove what it must. Nothing of it was handed on.
    #[error("the answer was refused [{}]", refused.name())]
    Refused {
        /// Why.
        #[source]
        refused: Box<Refused>,
        /// The request's id; empty for reads.
        request_id: String,
    },
    /// The pin could not be kept.
    #[error("the pinned checkpoint could not be kept")]
    Pin(#[source] PinError),
    /// The settings can't be used.
    #[error("the client's settings can't be used")]
    Config(#[source] ConfigError),
    /// The operating system gave no random bytes.
    #[error("no random bytes for the request's id")]
    Random,
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The endpoint is not `https://host:port`.
    #[error("the endpoint must be https://host:port")]
    Endpoint,
    /// The server name is no DNS name or address.
    #[error("the server's name is not a DNS name or an address")]
    ServerName,
    /// A file is not PEM or holds nothing of what it is there for.
    #[error("the PEM of the {what} holds none that can be used")]
    Pem {
        /// What was looked for.
        what: &'static str,
    },
    /// The certificates and the key can't be used together.
    #[error("the certificates and the key can't be used")]
    Tls(#[source] rustls::Error),
    /// The log's key is no C2SP verifier key.
    #[error("the log's key is not a verifier key")]
    LogKey(#[source] brygga_merkle::KeyError),
    /// The ground table that ships can't be read.
    #[error("the ground table")]
    Grounds(#[source] brygga_domain::grounds::TableError),
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, for example `sections[2].persons[0]`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// A no from the broker, or from the way to it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{text}", if reason_code.is_empty() { String::new() } else { format!("[{reason_code}] ") })]
pub struct Answered {
    /// The gRPC code.
    pub code: Code,
    /// The reason, where the answer carries one that is known here.
    pub reason: Option<Reason>,
    /// The reason's code as it came; empty when there was none.
    pub reason_code: String,
    /// What the broker says.
    pub text: String,
    /// What exactly it is about, by name, as the broker says.
    pub about: BTreeMap<String, String>,
    /// The faults of a malformed request.
    pub violations: Vec<Violation>,
    /// When to come back, where the broker says so.
    pub retry_after: Option<Duration>,
    /// The request's id; empty for reads.
    pub request_id: String,
    /// Whether the way to the broker failed, and not the broker.
    pub from_transport: bool,
    /// How often it was tried.
    pub tries: u32,
}

impl Answered {
    /// Reads a status with its details.
    pub fn read(status: &Status, request_id: &str) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let reason_code = info.map(|info| info.reason.clone()).unwrap_or_default();
        let violations = details.bad_request().map(|bad| &bad.field_violations).into_iter().flatten();
        // Only what was made on this side carries a source: an answer that came over the wire has none.
        let from_transport = std::error::Error::source(status).is_some();
        Self {
            code: status.code(),
            reason: Reason::from_code(&reason_code),
            reason_code,
            text: status.message().to_owned(),
            about: info.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default(),
            violations: violations.map(|fault| Violation { field: fault.field.clone(), description: fault.description.clone() }).collect(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            request_id: request_id.to_owned(),
            from_transport,
            tries: 1,
        }
    }

    /// Whether the same request may help when it is repeated: nothing definite was said about it.
    pub fn is_passing(&self) -> bool {
        if let Some(reason) = self.reason {
            return match reason.class() {
                // A doubted log stays so until an operator has looked: the command is kept, not repeated.
                Class::Unavailable => reason != Reason::LogDoubted,
                Class::Full | Class::TooLate => true,
                Class::Malformed | Class::NotFound | Class::NotAllowed | Class::Blocked | Class::Taken | Class::Broken => false,
            };
        }
        match self.code {
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled => true,
            Code::Unknown | Code::Internal | Code::Aborted => self.from_transport,
            Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
            | Code::Unauthenticated => false,
        }
    }

    /// Whether it is about the request itself, so that repeating it can't help and it must change.
    pub fn is_definite(&self) -> bool {
        if let Some(reason) = self.reason {
            // Whoever is not let in is told nothing about the request: it is kept until the directory knows the agency again.
            let unknown = reason == Reason::UnknownAgency && self.code == Code::PermissionDenied;
            if unknown || (reason == Reason::AgencyNotActive && self.about.is_empty() && self.violations.is_empty()) {
                return false;
            }
            return match reason.class() {
                Class::Malformed | Class::NotFound | Class::NotAllowed | Class::Blocked | Class::Taken => true,
                Class::Full | Class::Unavailable | Class::TooLate | Class::Broken => false,
            };
        }
        match self.code {
            Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::PermissionDenied | Code::FailedPrecondition => !self.from_transport,
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            | Code::OutOfRange
            | Code::Unauthenticated => false,
        }
    }

    /// Exit code of the command-line tools.
    pub fn exit_code(&self) -> u8 {
        if let Some(reason) = self.reason {
            return reason.exit_code();
        }
        if self.is_passing() {
            return EXIT_UNAVAILABLE;
        }
        match self.code {
            Code::InvalidArgument | Code::OutOfRange => EXIT_USAGE,
            Code::PermissionDenied | Code::Unauthenticated => 4,
            Code::NotFound => 5,
            Code::AlreadyExists | Code::Aborted => 6,
            Code::FailedPrecondition => 7,
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => EXIT_UNEXPECTED,
        }
    }
}

impl ClientError {
    pub(crate) fn refused(refused: Refused, request_id: &str) -> Self {
        Self::Refused { refused: Box::new(refused), request_id: request_id.to_owned() }
    }

    /// The broker's answer, if it is one.
    pub fn answered(&self) -> Option<&Answered> {
        match self {
            Self::Answered(answered) => Some(answered),
            Self::Refused { .. } | Self::Pin(_) | Self::Config(_) | Self::Random => None,
        }
    }

    /// The reason, where the broker gave one.
    pub fn reason(&self) -> Option<Reason> {
        self.answered().and_then(|answered| answered.reason)
    }

    /// Stable code of what went wrong: the broker's reason, or the name of what was refused here.
    pub fn name(&self) -> &str {
        match self {
            Self::Answered(answered) if answered.reason_code.is_empty() => grpc_name(answered.code),
            Self::Answered(answered) => &answered.reason_code,
            Self::Refused { refused, .. } => refused.name(),
            Self::Pin(error) => error.name(),
            Self::Config(_) => "CONFIG",
            Self::Random => "NO_RANDOM_BYTES",
        }
    }

    /// The request's id; empty for reads and where none was sent.
    pub fn request_id(&self) -> &str {
        match self {
            Self::Answered(answered) => &answered.request_id,
            Self::Refused { request_id, .. } => request_id,
            Self::Pin(_) | Self::Config(_) | Self::Random => "",
        }
    }

    /// Whether the same request with the same id may be sent again and may help.
    pub fn safe_to_repeat(&self) -> bool {
        self.answered().is_some_and(Answered::is_passing)
    }

    /// The faults of a malformed request.
    pub fn violations(&self) -> &[Violation] {
        self.answered().map_or(&[], |answered| &answered.violations)
    }

    /// Exit code of the command-line tools.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Answered(answered) => answered.exit_code(),
            Self::Refused { .. } => EXIT_VERIFICATION_FAILED,
            Self::Pin(error) => error.exit_code(),
            Self::Config(_) => EXIT_USAGE,
            Self::Random => EXIT_UNEXPECTED,
        }
    }
}

/// A gRPC code as its documentation spells it.
fn grpc_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
