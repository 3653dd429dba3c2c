//! The auditor itself: leaves in, a report out.
//!
//! Fed by `audit_bundle`, and by a client that follows a live log. It may be asked for a report at any time, with the checkpoint of
//! exactly the leaves that it was given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brygga_domain::{GroundTable, Position};
use brygga_merkle::{Checkpoint, Frontier, Hash, NoteError, NoteKey, SignedNote, leaf_hash};

use crate::finding::{Code, Findings};
use crate::law::Law;
use crate::replay::Replay;
use crate::report::{REPORT_FORMAT, Report, Verdict};

/// The key whose signature counts, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The auditor brought it, or a checkpoint that the auditor pinned was signed by it.
    Pinned(NoteKey),
    /// Only whoever brought the log says that it is the log's key.
    Unconfirmed(NoteKey),
}

impl Trust {
    /// The key.
    pub fn key(&self) -> &NoteKey {
        match self {
            Self::Pinned(key) | Self::Unconfirmed(key) => key,
        }
    }
}

/// What the auditor knows before the first leaf.
#[derive(Debug)]
pub struct Expected {
    /// The key; its name is the origin of the log.
    pub trust: Trust,
    /// An earlier checkpoint, opened with that key: the log must begin with what it signed.
    pub pin: Option<Checkpoint>,
    /// Ground tables beside the one that ships with this version.
    pub tables: Vec<GroundTable>,
}

/// Checks a log leaf by leaf.
#[derive(Debug)]
pub struct Auditor {
    trust: Trust,
    pin: Option<Checkpoint>,
    frontier: Frontier,
    /// Root at the size of the pin, once the log is that long.
    root_at_pin: Option<Hash>,
    replay: Replay,
}

impl Auditor {
    /// An auditor of the log that the key is named after.
    pub fn new(expected: Expected) -> Self {
        let Expected { trust, pin, mut tables } = expected;
        tables.extend(GroundTable::load(brygga_domain::grounds::SHIPPED).ok());
        let replay = Replay::new(trust.key().name(), Law::new(tables));
        let mut auditor = Self { trust, pin, frontier: Frontier::new(), root_at_pin: None, replay };
        auditor.meet_pin();
        auditor
    }

    /// Leaves read so far.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Takes the next leaf, the stored bytes of the event at position `size`.
    pub fn leaf(&mut self, bytes: &[u8]) {
        let at = Position(self.frontier.size());
        let _stored_by_the_broker = self.frontier.append(leaf_hash(bytes));
        self.meet_pin();
        match brygga_journal::decode(bytes) {
            Ok(event) => self.replay.event(at, &event),
            Err(error) => self.replay.findings.at(at, Code::LeafUnreadable, error.to_string()),
        }
    }

    fn meet_pin(&mut self) {
        if self.pin.as_ref().is_some_and(|pin| pin.size == self.frontier.size()) {
            self.root_at_pin = Some(self.frontier.root());
        }
    }

    /// The verdict on the leaves read so far, with the signed checkpoint over them.
    pub fn report(&self, note: &[u8]) -> Report {
        let mut findings = self.replay.findings_at_end();
        self.check_note(note, &mut findings);
        self.check_pin(&mut findings);
        self.close(findings)
    }

    /// The verdict where no checkpoint came: it can only be FAILED or INCONCLUSIVE, for the reason in `said`.
    pub(crate) fn report_without_note(&self, said: impl FnOnce(&mut Findings)) -> Report {
        let mut findings = self.replay.findings.clone();
        said(&mut findings);
        self.close(findings)
    }

    /// Adds something about the log as a whole.
    pub(crate) fn of_log(&mut self, code: Code, text: &str) {
        self.replay.findings.of_log(code, text);
    }

    /// Adds something that could not be checked.
    pub(crate) fn doubt(&mut self, text: &str) {
        self.replay.findings.doubt(text);
    }

    fn check_note(&self, note: &[u8], findings: &mut Findings) {
        let key = self.trust.key();
        match brygga_merkle::open(note, key) {
            Ok(checkpoint) => self.check_head(&checkpoint, findings),
            Err(error) => {
                findings.of_log(note_code(&error), error.to_string());
                // What an unsigned head says is still worth comparing: it tells a foreign key from a changed log.
                let text = SignedNote::parse(note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
                if let Some(checkpoint) = text {
                    self.check_head(&checkpoint, findings);
                }
            }
        }
    }

    fn check_head(&self, checkpoint: &Checkpoint, findings: &mut Findings) {
        if checkpoint.origin != self.trust.key().name() {
            findings.of_log(Code::OriginDiffers, "the checkpoint names another log than the key");
        }
        if checkpoint.size != self.size() {
            findings.of_log(Code::SizeDiffers, format!("{} entries were read, the checkpoint is over {}", self.size(), checkpoint.size));
        } else if checkpoint.root != self.frontier.root() {
            findings.of_log(Code::RootDiffers, "the entries do not hash to the root of the checkpoint");
        }
    }

    fn check_pin(&self, findings: &mut Findings) {
        let Some(pin) = &self.pin else { return };
        match self.root_at_pin {
            None => findings.of_log(Code::PinSize, format!("the pinned checkpoint is over {} entries, the log has {}", pin.size, self.size())),
            Some(root) if root != pin.root => {
                findings.of_log(Code::PinDiffers, format!("the first {} entries are not those that the pinned checkpoint signed", pin.size));
            }
            Some(_) => {}
        }
    }

    fn close(&self, mut findings: Findings) -> Report {
        let key_trusted = match &self.trust {
            Trust::Pinned(_) => true,
            Trust::Unconfirmed(_) => {
                findings.doubt("nothing but the bundle vouches for its key; give the log's key with --key, or a checkpoint that you kept with --pin");
                false
            }
        };
        let (findings, findings_left_out, doubts) = findings.into_parts();
        let verdict = match (findings.is_empty(), doubts.is_empty()) {
            (false, _) => Verdict::Failed,
            (true, false) => Verdict::Inconclusive,
            (true, true) => Verdict::Verified,
        };
        Report {
            format: REPORT_FORMAT,
            verdict,
            origin: self.trust.key().name().to_owned(),
            entries: self.size(),
            releases: self.replay.releases,
            root: STANDARD.encode(self.frontier.root().as_bytes()),
            key: self.trust.key().encode(),
            key_trusted,
            findings,
            findings_left_out,
            doubts,
        }
    }
}

fn note_code(error: &NoteError) -> Code {
    match error {
        NoteError::NotSigned => Code::NoteUnsigned,
        NoteError::WrongSignature => Code::NoteWrongSignature,
        NoteError::OtherOrigin => Code::OriginDiffers,
        NoteError::TooLong { .. }
        | NoteError::NotUtf8
        | NoteError::ControlCharacter
        | NoteError::FinalNewline
        | NoteError::NoSignatures
        | NoteError::SignatureLine { .. }
        | NoteError::EmptySignature
        | NoteError::TooManySignatures
        | NoteError::DuplicateSignature
        | NoteError::Checkpoint(_)
        | NoteError::Key(_) => Code::NoteMalformed,
    }
}
