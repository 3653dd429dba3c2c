//! What went wrong, as the person who typed the command reads it: what happened and its code, what it is about, what to try, where
//! more is said, and whether the command may be given again.

use brygga_client::{ClientError, OutboxError};
use brygga_domain::Reason;
use brygga_domain::refusal::Class;

use crate::desk::Desk;
use crate::message::InputFault;
use crate::{EXIT_USAGE, remedy};

/// Exit code of what nobody expected.
const EXIT_UNEXPECTED: u8 = 1;

/// Why a command gave no answer.
#[derive(Debug)]
pub struct Failure(Box<Told>);

/// What is told of it.
#[derive(Debug)]
struct Told {
    exit: u8,
    label: &'static str,
    code: String,
    happened: String,
    about: Vec<String>,
    tries: Vec<String>,
    request_id: String,
    again: Again,
}

/// Whether the same command may be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// Nothing was sent.
    NothingSent,
    /// Under the same request id.
    Safe,
    /// Not before something changes.
    NotAsItIs,
}

impl Failure {
    fn new(exit: u8, label: &'static str, code: &str, happened: impl Into<String>) -> Self {
        Self(Box::new(Told {
            exit,
            label,
            code: code.to_owned(),
            happened: happened.into(),
            about: Vec::new(),
            tries: Vec::new(),
            request_id: String::new(),
            again: Again::NothingSent,
        }))
    }

    /// A fault of the command line.
    pub fn usage(happened: impl Into<String>) -> Self {
        Self::new(EXIT_USAGE, "usage", "USAGE", happened)
    }

    /// A fault of the settings.
    pub fn settings(happened: impl Into<String>) -> Self {
        Self::new(EXIT_USAGE, "settings", "SETTINGS", happened)
    }

    /// A fault of a file that was given.
    pub fn input(file: &str, fault: &InputFault) -> Self {
        let mut failure = Self::new(EXIT_USAGE, "not valid", "FILE", fault.what.clone());
        failure.0.about.push(if fault.path.is_empty() { file.to_owned() } else { format!("{file}: {}", fault.path) });
        failure
    }

    /// A malformed request, found here.
    pub fn malformed(file: &str, faults: impl IntoIterator<Item = String>) -> Self {
        let reason = Reason::MalformedMessage;
        let mut failure = Self::new(reason.exit_code(), "not valid", reason.code(), reason.english());
        failure.0.about.push(file.to_owned());
        failure.0.about.extend(faults);
        failure
    }

    /// What the broker would refuse, found here; in both languages, for nothing else follows that could say it.
    pub fn refused_here(reason: Reason, about: impl IntoIterator<Item = String>) -> Self {
        let mut failure = Self::new(reason.exit_code(), "refused", reason.code(), reason.english());
        failure.0.about.extend(about);
        failure.0.about.push(reason.swedish().to_owned());
        failure.0.tries.extend([remedy::english(reason).to_owned(), remedy::swedish(reason).to_owned()]);
        failure
    }

    /// A file or stream that can't be used.
    pub fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::new(EXIT_UNEXPECTED, "failed", "IO", format!("{what}: {error}"))
    }

    /// Something that cannot be made here, and should be.
    pub fn unexpected(happened: impl Into<String>) -> Self {
        Self::new(EXIT_UNEXPECTED, "failed", "UNEXPECTED", happened)
    }

    /// Something that is not there.
    pub fn not_found(happened: impl Into<String>) -> Self {
        Self::new(Reason::NotFound.exit_code(), "not found", Reason::NotFound.code(), happened)
    }

    /// The output was closed by whoever reads it.
    pub fn closed() -> Self {
        Self::said(EXIT_UNEXPECTED)
    }

    /// Everything is said already; only the exit code is left.
    pub fn said(exit: u8) -> Self {
        Self::new(exit, "", "", String::new())
    }

    /// What the client says.
    pub fn client(error: &ClientError) -> Self {
        let (label, happened) = match error {
            ClientError::Answered(answered) => (label(answered.reason), answered.text.clone()),
            ClientError::Refused { .. } | ClientError::Pin(_) => ("refused", in_full(error)),
            ClientError::Config(_) => ("settings", in_full(error)),
            ClientError::Random => ("failed", in_full(error)),
        };
        let happened = if happened.is_empty() { String::from("the broker could not be reached, or did not answer") } else { happened };
        let mut failure = Self::new(error.exit_code(), label, error.name(), happened);
        if let Some(answered) = error.answered() {
            if answered.from_transport {
                failure.0.tries.push(String::from("brygga doctor"));
            }
            failure.0.about.extend(answered.about.iter().filter(|(key, _)| key.as_str() != "detail").map(|(key, value)| format!("{key} {value}")));
            failure.0.about.extend(answered.violations.iter().map(|fault| format!("{} {}", fault.field, fault.description)));
        }
        failure.0.tries.extend(error.reason().map(|reason| remedy::english(reason).to_owned()));
        error.request_id().clone_into(&mut failure.0.request_id);
        failure.0.again = if error.safe_to_repeat() { Again::Safe } else { Again::NotAsItIs };
        failure
    }

    /// What the outbox says.
    pub fn outbox(error: &OutboxError) -> Self {
        match error {
            OutboxError::Client(error) => {
                let mut failure = Self::client(error);
                if failure.0.again == Again::Safe {
                    failure.0.about.push(String::from("the command is kept and will be sent by: brygga referral resync"));
                }
                failure
            }
            OutboxError::Full | OutboxError::Busy { .. } => Self::new(Reason::OverCapacity.exit_code(), "full", "OUTBOX", error.to_string()),
            OutboxError::RequestId => Self::usage(error.to_string()),
            OutboxError::Io { .. } | OutboxError::Stopped => Self::new(EXIT_UNEXPECTED, "failed", "OUTBOX", in_full(error)),
        }
    }

    /// Adds what it is about, first.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.0.about.insert(0, subject.into());
        self
    }

    /// Adds a command to try, first.
    #[must_use]
    pub fn with_try(mut self, command: impl Into<String>) -> Self {
        self.0.tries.insert(0, command.into());
        self
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        self.0.exit
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What happened.
    pub fn happened(&self) -> &str {
        &self.0.happened
    }

    /// What it is about.
    pub fn subjects(&self) -> &[String] {
        &self.0.about
    }

    /// The first thing to try.
    pub fn first_try(&self) -> &str {
        self.0.tries.first().map_or("", String::as_str)
    }

    /// Prints it and gives the exit code.
    pub fn tell(&self, desk: &mut Desk<'_>) -> u8 {
        if self.0.label.is_empty() {
            return self.0.exit;
        }
        let mut lines = vec![format!("{:<10} {} [{}]", self.0.label, self.0.happened.trim_end(), self.0.code)];
        for (label, more) in [("  about", &self.0.about), ("  try", &self.0.tries)] {
            lines.extend(more.iter().map(|line| format!("{label:<11}{line}")));
        }
        if remedy::is_known(&self.0.code) {
            lines.push(format!("{:<11}brygga explain {}", "  more", self.0.code));
        }
        if !self.0.request_id.is_empty() {
            let again = match self.0.again {
                Again::NothingSent => String::from("nothing was sent"),
                Again::Safe => format!("safe to run again with --request-id {} --now {}", self.0.request_id, desk.now),
                Again::NotAsItIs => String::from("running it again as it is will not help"),
            };
            lines.push(format!("{:<11}{}; {again}", "  request", self.0.request_id));
        }
        let told = lines.iter().try_for_each(|line| desk.talk(line));
        if told.is_ok() { self.0.exit } else { EXIT_UNEXPECTED }
    }
}

fn label(reason: Option<Reason>) -> &'static str {
    match reason.map(Reason::class) {
        None | Some(Class::Unavailable) => "unavailable",
        Some(Class::Malformed) => "not valid",
        Some(Class::NotFound) => "not found",
        Some(Class::NotAllowed) => "not allowed",
        Some(Class::Blocked) => "blocked",
        Some(Class::Taken) => "taken",
        Some(Class::Full) => "full",
        Some(Class::TooLate) => "too late",
        Some(Class::Broken) => "failed",
    }
}

/// An error with everything below it, on one line.
pub fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text.push_str(": ");
        text.push_str(&source.to_string());
        below = source.source();
    }
    text
}
