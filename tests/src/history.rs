//! What clients saw, and what of it must hold against the final log.
//!
//! Every test that kills something records its calls here, on the one clock of the test's process, and asks for [`History::check`] at the
//! end. What a log alone can tell is left to the independent auditor, whose findings are named here by the guarantee that they break;
//! what needs both sides is stated in `check`.

mod check;

use std::fmt;
use std::time::{Duration, Instant};

use brygga_client::{Answer, Answered, ClientError, Write, v1};
use brygga_merkle::{Hash, NoteKey, leaf_hash};
use brygga_wire::contract::WriteResponse as _;
use bytes::Bytes;

macro_rules! guarantees {
    ($($name:ident = $number:literal, $about:literal;)*) => {
        /// What Brygga promises, as far as clients and the log can tell it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Guarantee {
            $(#[doc = $about] $name,)*
        }

        impl Guarantee {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its number.
            pub fn number(self) -> &'static str {
                match self { $(Self::$name => $number,)* }
            }
        }
    };
}

guarantees! {
    DurableAnswer = "S1", "What was acknowledged stands in the log exactly once.";
    NoGhost = "S2", "What an agency caused was asked for, and was not definitely refused.";
    Idempotence = "S3", "One key, one effect, one receipt.";
    LegalBasis = "S4", "No release without a clearance that covers it.";
    Consent = "S5", "No release without the consent that its clearance rests on.";
    SectionSet = "S6", "What came is exactly what the release names.";
    LogFirst = "S7", "Nothing came without its release in the log, to that recipient, of those bytes.";
    WithdrawalStops = "S8", "No release under a consent after its withdrawal.";
    WithdrawalStopsAtOnce = "S9", "Nothing is handed out to whoever asks after a withdrawal was answered.";
    SingleDecision = "S14", "Each referral goes its way by the table of states.";
    AppendOnly = "S15", "The log has no gap, and begins with whatever was ever signed.";
    Proofs = "S16", "Each receipt proves its events.";
    OneHistory = "S17", "There is one history, and it goes with time.";
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.number())
    }
}

/// A guarantee that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub guarantee: Guarantee,
    /// What shows it.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.guarantee, self.what)
    }
}

/// One command of a client, with all its tries.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asked.
    pub agency: &'static str,
    /// The event that the command makes.
    pub kind: &'static str,
    /// Its key.
    pub request_id: String,
    /// The hash of what was asked.
    pub asked: Hash,
    /// When it was first sent.
    pub began: Instant,
    /// When its answer was there, or it was given up.
    pub ended: Instant,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a client knows of its command.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was acknowledged.
    Told(Box<Told>),
    /// It was definitely refused.
    Refused,
    /// It may or may not have been carried out.
    Unknown,
}

/// What an acknowledgement said.
#[derive(Debug, Clone)]
pub struct Told {
    /// Position of the command's own event.
    pub position: u64,
    /// The receipt.
    pub receipt: v1::Receipt,
    /// The sections that came with it.
    pub sections: Vec<v1::ReleasedSection>,
}

/// The final log.
#[derive(Debug, Clone)]
pub struct Log {
    /// Its entries as they were read: position and leaf.
    pub entries: Vec<(u64, Bytes)>,
    /// The signed head over them.
    pub note: Bytes,
}

/// An answer that may bring content.
pub trait Brings {
    /// The sections.
    fn sections(&self) -> &[v1::ReleasedSection] {
        &[]
    }
}

impl Brings for v1::SubmitReferralResponse {}
impl Brings for v1::AcceptReferralResponse {}
impl Brings for v1::WithdrawConsentResponse {}
impl Brings for v1::RecordOfferResponse {}
impl Brings for v1::OpenReferralResponse {
    fn sections(&self) -> &[v1::ReleasedSection] {
        &self.sections
    }
}

/// All calls of some clients.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// In no particular order.
    pub calls: Vec<Call>,
}

impl History {
    /// Waits for an answer and keeps what it says. `agency` asks, and `kind` is the event that the command makes.
    ///
    /// # Errors
    /// The answer's.
    ///
    /// # Panics
    /// When the answer proves nothing of what was asked.
    pub async fn ask<W, F>(&mut self, (agency, kind): (&'static str, &'static str), request: &W, answer: F) -> Result<Answer<W::Response>, ClientError>
    where
        W: Write<Response: Brings>,
        F: Future<Output = Result<Answer<W::Response>, ClientError>>,
    {
        let began = Instant::now();
        let answered = answer.await;
        let outcome = match &answered {
            Ok(answer) => Outcome::Told(Box::new(Told {
                position: own_event(kind, answer),
                receipt: answer.response.receipt().unwrap().clone(),
                sections: answer.response.sections().to_vec(),
            })),
            Err(error) if error.answered().is_some_and(Answered::is_definite) => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        };
        let (request_id, asked) = (request.request_id().to_owned(), leaf_hash(&request.encode_to_vec()));
        self.calls.push(Call { agency, kind, request_id, asked, began, ended: Instant::now(), outcome });
        answered
    }

    /// Adds what other clients saw.
    pub fn join(&mut self, other: Self) {
        self.calls.extend(other.calls);
    }

    /// What was acknowledged.
    pub fn told(&self) -> impl Iterator<Item = (&Call, &Told)> {
        self.calls.iter().filter_map(|call| if let Outcome::Told(told) = &call.outcome { Some((call, told.as_ref())) } else { None })
    }

    /// The longest time between two moments in which nothing was acknowledged.
    pub fn longest_silence(&self, from: Instant, to: Instant) -> Duration {
        let mut moments: Vec<Instant> = self.told().map(|(call, _)| call.ended).filter(|ended| (from..to).contains(ended)).collect();
        moments.extend([from, to]);
        moments.sort_unstable();
        moments.windows(2).map(|pair| pair[1].duration_since(pair[0])).max().unwrap_or_default()
    }

    /// Holds the history against the final log, whose key is known.
    pub fn check(&self, log: &Log, key: &NoteKey) -> Vec<Violation> {
        check::check(self, (log, &[]), key)
    }

    /// The same of a log that other tables of law stood in force in, too.
    pub fn check_under(&self, laws: &[String], log: &Log, key: &NoteKey) -> Vec<Violation> {
        check::check(self, (log, laws), key)
    }

    /// One line of what there was.
    pub fn summary(&self) -> String {
        let count = |kind: &str| self.told().filter(|(call, _)| call.kind == kind).count();
        let sections: usize = self.told().map(|(_, told)| told.sections.len()).sum();
        let refused = self.calls.iter().filter(|call| matches!(call.outcome, Outcome::Refused)).count();
        let told = self.told().count();
        format!("{told} acknowledged commands ({} referrals, {sections} sections received), {refused} refused", count("ReferralSubmitted"))
    }
}

/// Position of the event that a command is known by.
fn own_event<R>(kind: &'static str, answer: &Answer<R>) -> u64 {
    let positions = answer.proof.positions_of(kind);
    assert_eq!(positions.len(), 1, "one {kind} for request {}", answer.request_id);
    positions[0].0
}
