//! Finds which clocks are due and has their marks made, and which content has had its days and has it destroyed. Started by the server, and by tests with a clock of their own.
//!
//! It reads an index that holds referrals only that are open or have content, and gives the committer one command for each: the decision is made there, under the
//! head's lock. So several brokers may look at once, and a mark is still made once, and content destroyed once. What it does not get done it finds again at the next look.

use brygga_domain::clocks::NEVER;
use brygga_domain::{Action, AgencyId, Command, Digest, ReferralId, ReferralName, RequestId, Time};
use tokio::sync::oneshot;

use crate::broker::{Broker, NoAnswer};
use crate::clock::NoRandomness;
use crate::committer::Answer;
use crate::readers::AskError;
use crate::rows::DueRow;
use crate::store::{Corrupt, DuePage, Reader, StoreError};

/// How many referrals are looked at with one question.
pub const DUE_AT_ONCE_MAX: u32 = 64;

/// Why a look was not finished. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// What is due can't be read.
    #[error("reading what is due")]
    Read(#[from] AskError),
    /// A mark was not made.
    #[error("a mark was not made: {0:?}")]
    NotMade(NoAnswer),
    /// There is no randomness for its event.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The timer.
pub struct Timer<'b, R> {
    broker: &'b Broker<R>,
    name: &'b AgencyId,
}

impl<'b, R: Reader> Timer<'b, R> {
    /// A timer of a broker; its events carry the broker's own name.
    pub fn new(broker: &'b Broker<R>, name: &'b AgencyId) -> Self {
        Self { broker, name }
    }

    /// Has the marks made that are due now; gives how many referrals were looked at.
    pub async fn tick(&self) -> Result<u64, LookError> {
        self.look(self.broker.now()).await
    }

    /// Looks at every open referral, for another table or directory may have moved what is due.
    pub async fn sweep(&self) -> Result<u64, LookError> {
        self.look(NEVER).await
    }

    async fn look(&self, until: Time) -> Result<u64, LookError> {
        let mut page = DuePage { until: until.micros(), after: i64::MIN, after_position: -1, limit: DUE_AT_ONCE_MAX };
        let mut looked = 0_u64;
        loop {
            let rows = self.broker.readers().ask(move |reader| Box::pin(async move { reader.due(page).await })).await?;
            let Some(last) = rows.last() else { return Ok(looked) };
            (page.after, page.after_position) = (last.next_due_at, last.first_position);
            let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            self.make(&rows).await?;
            looked = looked.saturating_add(u64::from(count));
            if count < page.limit {
                return Ok(looked);
            }
        }
    }

    /// Hands all of them to the committer before the first answer is waited for, so that they make few batches.
    async fn make(&self, rows: &[DueRow]) -> Result<(), LookError> {
        let mut answers = Vec::with_capacity(rows.len());
        for row in rows {
            answers.push(self.broker.hand_over_in_turn(self.command(row)?).await.map_err(LookError::NotMade)?);
        }
        for answer in answers {
            made(answer).await?;
        }
        Ok(())
    }

    fn command(&self, row: &DueRow) -> Result<Command, LookError> {
        let corrupt = || AskError::Store(StoreError::Corrupt(Corrupt { table: "referral", row: row.first_position.to_string(), column: "id" }));
        let id = ReferralId::from_bytes(&row.id.0).map_err(|_| corrupt())?;
        let entropy = self.broker.entropy()?;
        let (request, digest) = (RequestId(entropy.uuid("request", 0)), Digest(entropy.bytes("request", 0)));
        Ok(Command { agency: self.name.clone(), officer: None, request, digest, entropy, action: Action::MakeMarks(ReferralName::Id(id)) })
    }
}

async fn made(answer: oneshot::Receiver<Answer>) -> Result<(), LookError> {
    let answer = answer.await.map_err(|_| LookError::NotMade(NoAnswer::Gone))?;
    answer.map(drop).map_err(|failure| LookError::NotMade(NoAnswer::Failed(failure)))
}
