//! The pure middle of the write path: what was loaded and what waits become one batch and its replies.
//!
//! Called by the committer between `Store::load` and `Store::commit`. It never waits: if it ever needs `.await`, the design has
//! failed. Any split of the same commands into batches gives the same events, rows and root.

mod aside;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use brygga_domain::clocks::Duty;
use brygga_domain::decide::{Decided, Facts, Known, refused};
use brygga_domain::gate;
use brygga_domain::refusal::{Reason, Refusal};
use brygga_domain::{
    Action, Code as _, Command, Directory, Fact, FunctionId, GroundTable, InboxKind, LookupHash, OfferAnswer, Position, Reference, Referral, ReferralId,
    ReferralName, Time, decide, may_receive,
};
use brygga_merkle::{Checkpoint, Frontier, Hash};
use bytes::Bytes;

use crate::projection::{self, number};
use crate::rows::*;
use crate::send_window::{CLOCKS_APART_MAX, RELEASE_SEND_MAX};
use crate::store::{Batch, Corrupt, Loaded, Wanted};

/// How many leaves a receipt may hold.
pub const RECEIPT_LEAVES_MAX: usize = gate::RELEASE_BASIS_MAX + 2;

/// The law and the directory that a batch is decided under.
#[derive(Debug, Clone)]
pub struct Law {
    /// Who takes part.
    pub directory: Arc<Directory>,
    /// The ground table in force.
    pub table: Arc<GroundTable>,
}

/// What a committed command is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Positions of the receipt's leaves, ascending.
    pub positions: Vec<Position>,
    /// Size of the tree that the receipt is for.
    pub size: u64,
    /// The referral as it stands.
    pub referral: Option<Arc<Referral>>,
    /// What was released: (section, revision).
    pub released: Vec<(u32, u32)>,
    /// The number under which the content is on its way.
    pub in_flight: Option<i64>,
    /// What was on its way when the command shut the gate: it is answered when nothing of this is.
    pub covers: Vec<InFlightRow>,
    /// Whether this is the answer to a replayed key.
    pub replayed: bool,
}

/// Who folds.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// Origin of the log.
    pub origin: &'a str,
    /// The broker, 16 bytes.
    pub broker: &'a Blob,
    /// The number of the next release that it sends.
    pub next_sent: i64,
}

/// A command's outcome, before the commit.
pub type Reply = Result<Committed, Refusal>;

/// A folded batch.
#[derive(Debug)]
pub struct Folded {
    /// What to write.
    pub batch: Batch,
    /// One reply a command, in order.
    pub replies: Vec<Reply>,
    /// The checkpoint to sign, if anything was appended.
    pub checkpoint: Option<Checkpoint>,
    /// The directory after the batch, if it changed.
    pub directory: Option<Arc<Directory>>,
    /// Names of the events, for metrics.
    pub facts: Vec<&'static str>,
}

/// What the batch must see.
pub fn wanted(commands: &[Command]) -> Wanted {
    let mut wanted = Wanted::default();
    for command in commands {
        if let Action::MakeMarks(ReferralName::Id(id)) = &command.action {
            wanted.referrals.push(id.as_bytes().into());
            continue;
        }
        wanted.keys.push((command.agency.to_string(), command.request.as_bytes().into()));
        match command.action.referral() {
            Some(ReferralName::Id(id)) => wanted.referrals.push(id.as_bytes().into()),
            Some(ReferralName::Reference(reference)) => wanted.references.push(reference.to_string()),
            None => {}
        }
        match command.action.cites() {
            Some(ReferralName::Id(id)) => wanted.referrals.push(id.as_bytes().into()),
            Some(ReferralName::Reference(reference)) => wanted.references.push(reference.to_string()),
            None => {}
        }
        let agency = command.agency.to_string();
        if matches!(command.action, Action::DeclareEmergency(..)) && !wanted.reviewers.contains(&agency) {
            wanted.reviewers.push(agency);
        }
        if let Action::SubmitReferral(submission) = &command.action {
            wanted.references.extend(brygga_domain::reference_candidates(command).map(|reference| reference.to_string()));
            wanted.sender_references.extend(submission.sender_reference.iter().chain(&submission.assessments).map(|hash| Blob::from(hash.0)));
            wanted.offers.extend(submission.offer.map(|offer| Blob::from(offer.as_bytes())));
        }
    }
    wanted
}

/// The state of a fold: everything that a later command of the batch must see of an earlier one.
struct Fold<'a> {
    law: &'a Law,
    now: Time,
    writer: Writer<'a>,
    directory: Arc<Directory>,
    directory_changed: bool,
    prev_size: u64,
    size: u64,
    frontier: Frontier,
    /// Hash of the ground table in force.
    grounds: Blob,
    referrals: BTreeMap<ReferralId, Arc<Referral>>,
    references: BTreeMap<Reference, ReferralId>,
    touched: BTreeSet<ReferralId>,
    keys: BTreeMap<(String, Blob), KeyRow>,
    sender_references: BTreeSet<Blob>,
    offers: BTreeMap<(String, Blob), Option<String>>,
    /// When each review is due that the agencies of this batch's emergencies have open.
    reviews: BTreeMap<(String, i64), i64>,
    in_flight: Vec<InFlightRow>,
    batch: Batch,
    facts: Vec<&'static str>,
}

/// Folds commands into a batch.
pub fn fold(loaded: Loaded, commands: &[Command], law: &Law, now: Time, writer: Writer<'_>) -> Result<Folded, Corrupt> {
    let corrupt = |column| Corrupt { table: "log_head", row: String::from("0"), column };
    let size = u64::try_from(loaded.head.size).map_err(|_| corrupt("size"))?;
    let frontier =
        if loaded.head.frontier.0.is_empty() { Frontier::new() } else { Frontier::from_bytes(&loaded.head.frontier.0).map_err(|_| corrupt("frontier"))? };
    if frontier.size() != size || (size > 0 && Hash::from_slice(&loaded.head.root.0).ok() != Some(frontier.root())) {
        return Err(corrupt("root"));
    }
    let mut referrals = BTreeMap::new();
    for rows in &loaded.referrals {
        let referral = projection::referral(rows)?;
        referrals.insert(referral.id, Arc::new(referral));
    }
    let now = now.max(Time::from_micros(loaded.head.last_time));
    // What nobody can be sending any more is left over from a broker that died.
    let (in_flight, dead): (Vec<_>, Vec<_>) = loaded.in_flight.into_iter().partition(|row| now.micros() <= row.until.saturating_add(micros(CLOCKS_APART_MAX)));
    let mut fold = Fold {
        law,
        now,
        writer,
        directory: Arc::clone(&law.directory),
        directory_changed: false,
        prev_size: size,
        size,
        frontier,
        grounds: loaded.head.grounds,
        references: referrals.values().map(|referral| (referral.reference, referral.id)).collect(),
        referrals,
        touched: BTreeSet::new(),
        keys: loaded.keys.into_iter().map(|row| ((row.agency.clone(), row.request.clone()), row)).collect(),
        sender_references: loaded.sender_references.into_iter().collect(),
        offers: loaded.offers.into_iter().map(|row| ((row.agency, row.id), row.answer)).collect(),
        reviews: loaded.open_reviews.into_iter().map(|row| ((row.agency, row.position), row.review_due_at)).collect(),
        in_flight,
        batch: Batch { departed: dead, ..Batch::default() },
        facts: Vec::new(),
    };
    let mut replies: Vec<Reply> = commands.iter().map(|command| fold.command(command).map(|committed| fold.covering(command, committed))).collect();
    // A receipt is for the tree as this batch leaves it, so its size is known only now. A key that comes twice in one batch is a repeat
    // of what this batch writes: its receipt has the same size, for there is no checkpoint in the middle of a batch.
    let (before, after) = (fold.prev_size, fold.size);
    replies.iter_mut().flatten().filter(|committed| committed.size > before).for_each(|committed| committed.size = after);
    Ok(fold.finish(replies))
}

/// What a key was used for.
struct KeyUse<'a> {
    positions: &'a [Position],
    released: &'a [(u32, u32)],
    referral: Option<&'a Referral>,
    refused: bool,
}

impl Fold<'_> {
    fn command(&mut self, command: &Command) -> Reply {
        // Law that is not in force decides nothing, and lets nothing out again.
        if !command.action.asks_no_law() && self.grounds != Blob::from(self.law.table.hash().0) {
            return Err(Reason::TableNotActive.into());
        }
        if let Action::MakeMarks(_) = &command.action {
            return self.make_marks(command);
        }
        let key = (command.agency.to_string(), Blob::from(command.request.as_bytes()));
        let used = self.keys.get(&key).cloned();
        if let Some(row) = used.as_ref().filter(|row| row.refused == 0) {
            return self.replay(command, row);
        }
        let referral = self.named(command);
        let known = self.known(command);
        let directory = Arc::clone(&self.directory);
        let facts =
            Facts { now: self.now, next: Position(self.size), directory: &directory, table: &self.law.table, referral: referral.as_deref(), known: &known };
        match decide(command, facts) {
            Ok(decided) => Ok(self.append(command, key, decided)),
            Err(refusal) => {
                // One refusal event a key: whoever repeats a refused command must not fill the log.
                if used.is_none()
                    && let Some(decided) = refused(command, facts, &refusal)
                {
                    self.append_refusal(command, key, decided);
                }
                Err(refusal)
            }
        }
    }

    /// The broker's own command: it leaves no key, for what was made once stands in the referral. Its rows are written in any case, for with
    /// another table or directory the next look may be at another time.
    fn make_marks(&mut self, command: &Command) -> Reply {
        let referral = self.named(command);
        let (directory, known) = (Arc::clone(&self.directory), Known::default());
        let facts =
            Facts { now: self.now, next: Position(self.size), directory: &directory, table: &self.law.table, referral: referral.as_deref(), known: &known };
        let decided = decide(command, facts)?;
        let positions = (self.size..).zip(&decided.events).map(|(at, _)| Position(at)).collect();
        let referral = self.append_events(&decided).or(referral);
        self.touched.extend(referral.as_ref().map(|referral| referral.id));
        Ok(Committed { positions, size: self.size, referral, released: Vec::new(), in_flight: None, covers: Vec::new(), replayed: false })
    }

    fn named(&self, command: &Command) -> Option<Arc<Referral>> {
        self.of_name(command.action.referral()?)
    }

    fn of_name(&self, name: ReferralName) -> Option<Arc<Referral>> {
        let id = match name {
            ReferralName::Id(id) => id,
            ReferralName::Reference(reference) => *self.references.get(&reference)?,
        };
        self.referrals.get(&id).map(Arc::clone)
    }

    fn known(&self, command: &Command) -> Known {
        if let Action::DeclareEmergency(..) = &command.action {
            let own = |((agency, _), due): (&(String, i64), &i64)| agency.as_str() == command.agency.as_str() && *due <= self.now.micros();
            return Known { review_overdue: self.reviews.iter().any(own), ..Known::default() };
        }
        let other = command.action.cites().and_then(|name| self.of_name(name));
        let Action::SubmitReferral(submission) = &command.action else { return Known { cited: other, ..Known::default() } };
        let taken = |hash: &LookupHash| self.sender_references.contains(&Blob::from(hash.0));
        let cited = submission.offer.and_then(|offer| self.offers.get(&(command.agency.to_string(), offer.as_bytes().into())));
        Known {
            references: brygga_domain::reference_candidates(command).filter(|reference| self.references.contains_key(reference)).collect(),
            sender_reference_taken: submission.sender_reference.as_ref().is_some_and(taken),
            assessment_taken: submission.assessments.iter().any(taken),
            offer: cited.map(|answer| answer.as_deref().and_then(OfferAnswer::from_text)),
            review_overdue: false,
            cited: other,
        }
    }

    /// Answers a key that was used before: the same receipt; content only if the gate still lets it pass.
    fn replay(&mut self, command: &Command, row: &KeyRow) -> Reply {
        if row.digest != Blob::from(command.digest.0) {
            return Err(Reason::KeyReused.into());
        }
        let referral = row.referral.as_ref().and_then(|id| ReferralId::from_bytes(&id.0).ok()).and_then(|id| self.referrals.get(&id)).map(Arc::clone);
        if referral.as_ref().is_some_and(|referral| referral.is_hidden_from(&command.agency, command.officer)) {
            return Err(Reason::NotFound.into());
        }
        let released = released_of(&row.released);
        if let (Action::OpenReferral(_) | Action::RevealNames(_), Some(referral)) = (&command.action, &referral) {
            may_receive(command, referral, &self.directory, self.now)?;
            self.still_passes(referral, &released)?;
        }
        if let Action::QueryLog(_) = &command.action {
            decide::may_query(command, &self.directory, self.now)?;
        }
        let positions: Vec<Position> = row.positions.split_whitespace().filter_map(|text| text.parse().ok()).map(Position).collect();
        let size = u64::try_from(row.size).unwrap_or_default();
        // A release stands after everything that it rests on.
        let in_flight = referral.as_ref().zip(positions.last()).filter(|_| !released.is_empty()).map(|(referral, last)| self.set_out(referral, *last));
        Ok(Committed { positions, size, referral, released, in_flight, covers: Vec::new(), replayed: true })
    }

    /// The key makes the event idempotent, not the content: every section of the release is asked about again.
    fn still_passes(&self, referral: &Referral, released: &[(u32, u32)]) -> Result<(), Refusal> {
        let mut destroyed = false;
        for (number, revision) in released {
            let section = referral.section(*number).filter(|section| section.revision == *revision).ok_or(Reason::NotCleared)?;
            if let Err(blocks) = gate::pass(referral, section, &self.law.table, self.now) {
                if !gate::only_destroyed(&blocks) {
                    return Err(Reason::NotCleared.into());
                }
                destroyed = true;
            }
        }
        if destroyed { Err(Reason::ContentDestroyed.into()) } else { Ok(()) }
    }

    fn append(&mut self, command: &Command, key: (String, Blob), decided: Decided) -> Committed {
        let first = self.size;
        let referral = self.append_events(&decided);
        self.keep_aside(command, &decided);
        let made = (first..self.size).map(Position).zip(&decided.events);
        let mut positions: Vec<Position> = made.filter(|(_, event)| aside::is_told(command, referral.as_deref(), event)).map(|(at, _)| at).collect();
        let released: Vec<(u32, u32)> = decided.events.iter().flat_map(released_in).collect();
        positions.extend(decided.events.iter().flat_map(basis_of));
        positions.sort_unstable();
        positions.dedup();
        // A release never needs more (the gate sees to that); of a long submission the receipt proves the last events.
        if positions.len() > RECEIPT_LEAVES_MAX {
            positions = positions.split_off(positions.len() - RECEIPT_LEAVES_MAX);
        }
        self.keep_key(command, key, &KeyUse { positions: &positions, released: &released, referral: referral.as_deref(), refused: false });
        let in_flight = referral.as_ref().zip(positions.last()).filter(|_| !released.is_empty()).map(|(referral, last)| self.set_out(referral, *last));
        Committed { positions, size: self.size, referral, released, in_flight, covers: Vec::new(), replayed: false }
    }

    /// Notes that a release is on its way.
    fn set_out(&mut self, referral: &Referral, release: Position) -> i64 {
        let sent = number(u64::try_from(self.batch.in_flight.len()).unwrap_or_default());
        let row = InFlightRow {
            origin: number(referral.first.0),
            broker: self.writer.broker.clone(),
            number: self.writer.next_sent.saturating_add(sent),
            released_at: number(release.0),
            until: self.now.micros().saturating_add(micros(RELEASE_SEND_MAX)),
        };
        let number = row.number;
        self.batch.in_flight.push(row);
        number
    }

    /// What a command that shuts the gate waits for: all of the referral that is on its way, whatever it rests on.
    fn covering(&self, command: &Command, committed: Committed) -> Committed {
        let Some(referral) = committed.referral.as_ref().filter(|_| command.action.shuts_gate()) else { return committed };
        let origin = number(referral.first.0);
        let covers = self.in_flight.iter().chain(&self.batch.in_flight).filter(|row| row.origin == origin).cloned().collect();
        Committed { covers, ..committed }
    }

    fn append_refusal(&mut self, command: &Command, key: (String, Blob), decided: Decided) {
        self.append_events(&decided);
        self.keep_key(command, key, &KeyUse { positions: &[], released: &[], referral: None, refused: true });
    }

    fn append_events(&mut self, decided: &Decided) -> Option<Arc<Referral>> {
        let after = decided.referral.clone().map(Arc::new);
        let before = after.as_ref().and_then(|referral| self.referrals.get(&referral.id)).map(Arc::clone);
        for event in &decided.events {
            let position = self.size;
            let bytes = brygga_journal::encode(event);
            let leaf_hash = brygga_merkle::leaf_hash(&bytes);
            let tiles = self.frontier.append(leaf_hash);
            let tree_row = |tile: brygga_merkle::TileHash| TreeRow { level: i64::from(tile.level), number: number(tile.index), hash: tile.hash.0.into() };
            self.batch.tree.extend(tiles.into_iter().map(tree_row));
            self.batch.events.push(EventRow { position: number(position), bytes: Blob(bytes.to_vec()), leaf_hash: leaf_hash.0.into() });
            self.facts.push(event.fact.name());
            if let Fact::GroundTableActivated { table, .. } = &event.fact {
                self.grounds = table.0.into();
            }
            self.note_review(position, event);
            if let (Fact::ContentDestroyed(destruction), Some(referral)) = (&event.fact, &after) {
                self.destroy(referral.first.0, destruction);
            }
            if let (Some(_), Some(referral)) = (event.fact.referral(), &after) {
                self.notice(position, event, (before.as_deref(), referral));
            }
            self.size = position.saturating_add(1);
        }
        let referral = after.filter(|_| decided.events.iter().any(|event| event.fact.referral().is_some()))?;
        self.references.insert(referral.reference, referral.id);
        self.referrals.insert(referral.id, Arc::clone(&referral));
        self.touched.insert(referral.id);
        Some(referral)
    }

    /// A later command of the batch sees what an earlier one declared or reviewed.
    fn note_review(&mut self, position: u64, event: &brygga_domain::Event) {
        if let Fact::EmergencyDeclared(declared) = &event.fact {
            self.reviews.insert((event.agency.to_string(), number(position)), declared.review_due_at.micros());
        } else if let Fact::EmergencyReviewed(review) = &event.fact {
            self.reviews.remove(&(event.agency.to_string(), number(review.emergency.0)));
        }
    }

    fn notice(&mut self, position: u64, event: &brygga_domain::Event, (before, referral): (Option<&Referral>, &Referral)) {
        let (inbox, status) = projection::notices(Position(position), event, before, referral);
        let id = Blob::from(referral.id.as_bytes());
        let entry = |function: &FunctionId, kind: InboxKind| InboxRow {
            position: number(position),
            function: function.to_string(),
            referral: id.clone(),
            kind: kind.to_string(),
        };
        self.batch.inbox.extend(inbox.map(|kind| entry(projection::told_function(event, referral), kind)));
        let passed_over = projection::passed_over(event, referral, Duty { table: &self.law.table, directory: &self.directory });
        self.batch.inbox.extend(passed_over.map(|function| entry(&function, InboxKind::Reminder)));
        self.batch.statuses.extend(status.map(|status| StatusRow {
            position: number(position),
            agency: referral.sender.to_string(),
            referral: id.clone(),
            status: status.to_string(),
            at: event.time.micros(),
        }));
    }

    fn keep_key(&mut self, command: &Command, key: (String, Blob), used: &KeyUse<'_>) {
        let text = |values: Vec<String>| values.join(" ");
        let row = KeyRow {
            agency: key.0.clone(),
            request: key.1.clone(),
            digest: command.digest.0.into(),
            refused: i64::from(used.refused),
            positions: text(used.positions.iter().map(ToString::to_string).collect()),
            size: number(self.size),
            referral: used.referral.map(|referral| referral.id.as_bytes().into()),
            released: text(used.released.iter().map(|(section, revision)| format!("{section}:{revision}")).collect()),
            at: self.now.micros(),
        };
        self.keys.insert(key, row);
    }

    fn finish(mut self, replies: Vec<Reply>) -> Folded {
        self.leave_out_destroyed();
        let mut checkpoint = None;
        if self.size > self.prev_size {
            let root = self.frontier.root();
            self.batch.head = Some(HeadRow {
                size: number(self.size),
                root: root.0.into(),
                frontier: Blob(self.frontier.to_bytes()),
                last_time: self.now.micros(),
                grounds: self.grounds.clone(),
            });
            checkpoint = Some(Checkpoint { origin: self.writer.origin.to_owned(), size: self.size, root });
        }
        let duty = Duty { table: &self.law.table, directory: &self.directory };
        let touched = self.touched.iter().filter_map(|id| self.referrals.get(id));
        self.batch.referrals = touched.map(|referral| projection::watched_rows(referral, duty, self.now)).collect();
        let (prev_size, size) = (number(self.prev_size), number(self.size));
        // Keys of this batch carry the size that the batch ends with; those of earlier batches stay as they are.
        let fresh = self.keys.into_values().filter(|row| row.size > prev_size);
        self.batch.keys = fresh.map(|row| KeyRow { size, ..row }).collect();
        Folded { batch: self.batch, replies, checkpoint, directory: self.directory_changed.then_some(self.directory), facts: self.facts }
    }
}

fn released_in(event: &brygga_domain::Event) -> Vec<(u32, u32)> {
    match_release(event).map_or_else(Vec::new, |released| released.sections().iter().map(|section| (section.section, section.revision)).collect())
}

fn basis_of(event: &brygga_domain::Event) -> Vec<Position> {
    match_release(event).map_or_else(Vec::new, gate::Released::basis)
}

fn match_release(event: &brygga_domain::Event) -> Option<&gate::Released> {
    if let Fact::SectionsReleased { released, .. } = &event.fact { Some(released) } else { None }
}

fn released_of(text: &str) -> Vec<(u32, u32)> {
    text.split_whitespace()
        .filter_map(|pair| pair.split_once(':'))
        .filter_map(|(section, revision)| Some((section.parse().ok()?, revision.parse().ok()?)))
        .collect()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The bytes of a checkpoint's row once it is signed.
pub fn checkpoint_row(checkpoint: &Checkpoint, prev_size: i64, note: &Bytes) -> CheckpointRow {
    CheckpointRow { size: number(checkpoint.size), prev_size, root: checkpoint.root.0.into(), note: Blob(note.to_vec()) }
}
