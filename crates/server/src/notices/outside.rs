//! One function that is told in one way, as long as the broker runs.

use std::sync::Arc;
use std::time::Duration;

use brygga_domain::clocks::{Duty, Mark};
use brygga_domain::{ClockLevel, ClockName, Code as _, FunctionId, GroundTable, InboxKind, Referral};
use brygga_engine::Broker;
use brygga_engine::projection;
use brygga_engine::readers::AskError;
use brygga_engine::rows::{Blob, InboxRow};
use brygga_engine::store::{After, Reader, StoreError};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Way;

/// How often a notice is tried before it is left to the next look.
pub const NOTICE_TRIES_MAX: u32 = 5;
/// How long one try may take.
pub const NOTICE_SEND_MAX: Duration = Duration::from_secs(10);
/// How long it waits after the first failure; after each further one four times as long.
const NOTICE_BACKOFF: Duration = Duration::from_secs(1);
/// How often it is looked for what nobody was told of: what was there at the last look and is still untold, because its broker was lost or
/// gave up.
pub const NOTICE_LOOK: Duration = Duration::from_mins(5);
/// Entries of the inbox that are looked at together.
const LATE_ENTRIES: u32 = 256;
/// How many times so many, in one look; the rest is for the next one.
const LATE_PAGES_MAX: usize = 64;

/// How many brokers may tell a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brokers {
    /// This one only: what is untold when it starts is nobody else's.
    One,
    /// Others may be about to tell of what this one finds untold when it starts.
    Several,
}

/// What ends it.
#[derive(Debug, Clone)]
pub struct Stops {
    /// No more is begun; a try that has begun is waited for, so that what was heard is kept.
    pub stop: CancellationToken,
    /// Tries are cut.
    pub cut: CancellationToken,
}

/// A function and a way.
pub struct Outside {
    way: Way,
    function: FunctionId,
    bell: watch::Receiver<u64>,
    /// Everything before this position was told of.
    told: u64,
    /// What lies before this position and nobody was told of is late.
    late_before: u64,
    /// Whether the last notice did not come through.
    failed: bool,
}

/// Where an entry ends: it was told of where everything before that was.
pub(super) fn end(entry: &InboxRow) -> u64 {
    u64::try_from(entry.position).unwrap_or_default().saturating_add(1)
}

impl Outside {
    pub(super) fn new(way: Way, function: FunctionId, bell: watch::Receiver<u64>) -> Self {
        Self { way, function, bell, told: 0, late_before: 0, failed: false }
    }

    /// Tells it until the broker stops. Whoever was never told in this way is told of what comes after `begins`.
    pub async fn run<R: Reader>(mut self, broker: Arc<Broker<R>>, (begins, brokers): (u64, Brokers), stops: Stops) {
        self.late_before = match brokers {
            Brokers::One => u64::MAX,
            Brokers::Several => 0,
        };
        let mut looks = tokio::time::interval(NOTICE_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let untold = tokio::select! {
                biased;
                () = stops.stop.cancelled() => return,
                // What it has told could not be kept any more.
                () = broker.doubted() => return stops.stop.cancelled().await,
                _ = looks.tick() => match self.look(&broker, begins).await {
                    Ok(late) => late,
                    Err(error) => {
                        tracing::warn!(function.id = %self.function, error = %error, "whether a notice is late could not be looked up");
                        None
                    }
                },
                rung = self.bell.changed() => match rung {
                    Ok(()) => Some(*self.bell.borrow_and_update()),
                    Err(_) => return,
                },
            };
            let Some(until) = untold.filter(|until| *until > self.told) else { continue };
            // What rang while another notice failed may be done by now.
            if std::mem::take(&mut self.failed) && matches!(self.is_owed(&broker, until).await, Ok(false)) {
                self.move_on(&broker, until);
                continue;
            }
            tokio::select! {
                () = stops.cut.cancelled() => return,
                told = self.tell(&broker, until, &stops.stop) => if told {
                    self.move_on(&broker, until);
                } else {
                    self.failed = true;
                }
            }
        }
    }

    /// Tells it of everything before a position, once; whether nobody needs to tell it any more.
    async fn tell<R: Reader>(&self, broker: &Broker<R>, until: u64, stop: &CancellationToken) -> bool {
        let name = name(broker.key().name(), &self.function, until);
        let mut pause = NOTICE_BACKOFF;
        for left in (0..NOTICE_TRIES_MAX).rev() {
            let why = match tokio::time::timeout(NOTICE_SEND_MAX, self.way.tell(&name)).await {
                Ok(Ok(())) => return true,
                Ok(Err(why)) => why,
                Err(_) => String::from("no answer in time"),
            };
            if left == 0 {
                tracing::warn!(function.id = %self.function, error = %why, "a notice by {} was not delivered; it is tried again later", self.way.name());
                return false;
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(pause) => pause = pause.saturating_mul(4),
            }
            // Meanwhile another broker may have told it, or somebody may have done what it would be told of.
            if matches!(self.is_owed(broker, until).await, Ok(false)) {
                return true;
            }
        }
        false
    }

    fn move_on<R: Reader>(&mut self, broker: &Broker<R>, until: u64) {
        self.told = until;
        broker.noticed(&self.function, self.way.name(), until);
    }

    /// Whether nobody has told it yet of what came before a position, and some of that still waits, or may.
    async fn is_owed<R: Reader>(&self, broker: &Broker<R>, until: u64) -> Result<bool, AskError> {
        let told = self.kept(broker).await?.unwrap_or_default().max(self.told);
        let (end, waits) = self.all_between(broker, (told, until)).await?;
        Ok(waits || end < until)
    }

    /// How far it was told, as the database has it.
    async fn kept<R: Reader>(&self, broker: &Broker<R>) -> Result<Option<u64>, AskError> {
        let (function, way) = (self.function.to_string(), self.way.name());
        let rows = broker.readers().ask(move |reader| Box::pin(async move { reader.noticed(&function).await })).await?;
        Ok(rows.iter().find(|row| row.way == way).and_then(|row| u64::try_from(row.position).ok()))
    }

    /// Where the latest entry ends that was there at the last look, if something of what nobody was told of still waits.
    async fn look<R: Reader>(&mut self, broker: &Broker<R>, begins: u64) -> Result<Option<u64>, AskError> {
        let size = *broker.head().borrow();
        let kept = self.kept(broker).await?;
        if kept.is_none() && self.told == 0 {
            // Nobody was ever told in this way.
            self.move_on(broker, begins);
        }
        self.told = self.told.max(kept.unwrap_or_default());
        let before = std::mem::replace(&mut self.late_before, size);
        let (end, waits) = self.all_between(broker, (self.told, before)).await?;
        if !waits && end > self.told {
            // All of it is done: nobody needs to hear of it any more.
            self.move_on(broker, end);
        }
        Ok(waits.then_some(end))
    }

    /// The entries between two positions, as many as are looked at: where they end, and whether one of them still waits.
    async fn all_between<R: Reader>(&self, broker: &Broker<R>, (from, before): (u64, u64)) -> Result<(u64, bool), AskError> {
        let (mut end, mut any_waits) = (from, false);
        for _ in 0..LATE_PAGES_MAX {
            let Some((last, waits)) = self.next_between(broker, (end, before)).await? else { break };
            (end, any_waits) = (last, any_waits || waits);
        }
        Ok((end, any_waits))
    }

    /// The next entries between two positions: where they end, and whether one of them still waits.
    async fn next_between<R: Reader>(&self, broker: &Broker<R>, (from, before): (u64, u64)) -> Result<Option<(u64, bool)>, AskError> {
        let (function, table) = (self.function.to_string(), Arc::clone(broker.table()));
        let after = After { after: i64::try_from(from).unwrap_or(i64::MAX).saturating_sub(1), limit: LATE_ENTRIES };
        let late = broker.readers().ask(move |reader| {
            Box::pin(async move {
                let mut entries = reader.inbox(&function, after).await?;
                entries.retain(|entry| end(entry) <= before);
                let Some(last) = entries.last().map(end) else { return Ok(None) };
                let mut ids: Vec<Blob> = entries.iter().map(|entry| entry.referral.clone()).collect();
                ids.sort_unstable();
                ids.dedup();
                let rows = reader.referrals(&ids).await?;
                let mut waits = false;
                for rows in &rows {
                    let referral = projection::referral(rows)?;
                    let own = entries.iter().filter(|entry| entry.referral == rows.referral.id);
                    waits |= own.into_iter().any(|entry| still_waits(&entry.kind, &referral, &table));
                }
                Ok::<_, StoreError>(Some((last, waits)))
            })
        });
        late.await
    }
}

/// Whether an entry still asks for something: somebody has to act on it, or to hear of it.
fn still_waits(kind: &str, referral: &Referral, table: &GroundTable) -> bool {
    match InboxKind::from_text(kind) {
        Some(InboxKind::Offered | InboxKind::SectionsOffered) => referral.sections.iter().any(|section| section.offered && !section.has_left()),
        // The clock of a reminder runs still, or an emergency waits for its review, or time ran out with the content, which is not done by anybody.
        Some(InboxKind::Reminder) => {
            let reminded = Duty::senders_level(table, referral).max(Duty::recipients_level(table, referral));
            let ran_out = Mark { clock: ClockName::Keep, level: ClockLevel::Overdue };
            reminded.is_some()
                || referral.emergencies.iter().any(|emergency| emergency.review.is_none())
                || (!referral.stage.is_ended() && referral.marks.contains(&ran_out))
        }
        Some(InboxKind::StopUse) => referral.notices.iter().any(|notice| notice.answer.is_none()),
        Some(InboxKind::OfferWithdrawn | InboxKind::Retracted | InboxKind::ContentDestroyed) | None => true,
    }
}

/// The name of a notice, by which a mail server or a webhook knows one that it has had. It tells nothing to who does not know the log.
fn name(log: &str, function: &FunctionId, until: u64) -> String {
    let mut name = hex::encode(Sha256::digest(format!("{log}\n{function}\n{until}")));
    name.truncate(NAME_DIGITS);
    name
}

/// Hexadecimal digits of a notice's name.
const NAME_DIGITS: usize = 32;
