//! One function that is told in one way, as long as the broker runs.

use std::sync::Arc;
use std::time::Duration;

use brygga_domain::{FunctionId, Referral};
use brygga_engine::Broker;
use brygga_engine::projection;
use brygga_engine::readers::AskError;
use brygga_engine::rows::Blob;
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
/// How often it is looked for what nobody was told of. Longer than all tries of a notice: what was there at the last look and is still
/// untold is nobody's any more, because its broker was lost or gave up.
pub const NOTICE_LOOK: Duration = Duration::from_mins(5);
/// Entries of the inbox that are looked at together.
const LATE_ENTRIES: u32 = 256;

/// A function and a way.
pub struct Outside {
    way: Way,
    function: FunctionId,
    bell: watch::Receiver<u64>,
    /// The size of the log that it was told of.
    told: u64,
    /// The size of the log at the last look.
    looked: Option<u64>,
}

impl Outside {
    pub(super) fn new(way: Way, function: FunctionId, bell: watch::Receiver<u64>) -> Self {
        Self { way, function, bell, told: 0, looked: None }
    }

    /// Tells it until the broker stops. A try that has begun is waited for: what was heard is kept.
    pub async fn run<R: Reader>(mut self, broker: Arc<Broker<R>>, stop: CancellationToken) {
        let mut looks = tokio::time::interval(NOTICE_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let size = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = looks.tick() => match self.look(&broker).await {
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
            let Some(size) = size.filter(|size| *size > self.told) else { continue };
            if self.tell(&name(broker.key().name(), &self.function, size), &stop).await {
                self.move_on(&broker, size);
            }
        }
    }

    /// Tells it once; whether it has heard.
    async fn tell(&self, name: &str, stop: &CancellationToken) -> bool {
        let mut pause = NOTICE_BACKOFF;
        for left in (0..NOTICE_TRIES_MAX).rev() {
            let why = match tokio::time::timeout(NOTICE_SEND_MAX, self.way.tell(name)).await {
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
        }
        false
    }

    fn move_on<R: Reader>(&mut self, broker: &Broker<R>, size: u64) {
        self.told = size;
        broker.noticed(&self.function, self.way.name(), size);
    }

    /// The size of the log, if something that came long ago still waits and nobody was told of it.
    async fn look<R: Reader>(&mut self, broker: &Broker<R>) -> Result<Option<u64>, AskError> {
        let size = *broker.head().borrow();
        let (function, way) = (self.function.to_string(), self.way.name());
        let rows = broker.readers().ask(move |reader| Box::pin(async move { reader.noticed(&function).await })).await?;
        let stored = rows.iter().find(|row| row.way == way).and_then(|row| u64::try_from(row.position).ok());
        self.told = self.told.max(stored.unwrap_or_default());
        if self.told == 0 {
            // Nobody was ever told in this way: it begins now.
            self.move_on(broker, size);
            return Ok(None);
        }
        let before = self.looked.replace(size).unwrap_or(size);
        while let Some((last, waits)) = self.late(broker, before).await? {
            if waits {
                return Ok(Some(size));
            }
            // All of it is done: nobody needs to hear of it any more.
            self.move_on(broker, last.saturating_add(1));
        }
        Ok(None)
    }

    /// The next entries that nobody was told of and that came before that position: where they end, and whether one of them still waits.
    async fn late<R: Reader>(&self, broker: &Broker<R>, before: u64) -> Result<Option<(u64, bool)>, AskError> {
        let function = self.function.to_string();
        let after = After { after: i64::try_from(self.told).unwrap_or(i64::MAX).saturating_sub(1), limit: LATE_ENTRIES };
        let late = broker.readers().ask(move |reader| {
            Box::pin(async move {
                let mut entries = reader.inbox(&function, after).await?;
                entries.retain(|entry| u64::try_from(entry.position).is_ok_and(|position| position < before));
                let Some(last) = entries.last().and_then(|entry| u64::try_from(entry.position).ok()) else { return Ok(None) };
                let mut referrals: Vec<Blob> = entries.into_iter().map(|entry| entry.referral).collect();
                referrals.sort_unstable();
                referrals.dedup();
                let rows = reader.referrals(&referrals).await?;
                let found: Vec<Referral> = rows.iter().map(projection::referral).collect::<Result<_, _>>()?;
                Ok::<_, StoreError>(Some((last, found.iter().any(waits))))
            })
        });
        late.await
    }
}

/// Whether somebody still has to act on a referral, or to hear that it is over.
fn waits(referral: &Referral) -> bool {
    !referral.stage.is_ended() || referral.waits_for_recipient()
}

/// The name of a notice, by which a mail server or a webhook knows one that it has had. It tells nothing to who does not know the log.
fn name(log: &str, function: &FunctionId, size: u64) -> String {
    let mut name = hex::encode(Sha256::digest(format!("{log}\n{function}\n{size}")));
    name.truncate(NAME_DIGITS);
    name
}

/// Hexadecimal digits of a notice's name.
const NAME_DIGITS: usize = 32;
