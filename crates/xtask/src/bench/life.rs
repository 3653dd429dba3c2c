//! The load: life cycles of a contact request with 2 KiB of content, each call verified by the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use brygga_client::content_v1::{Identity, SafeContact, VictimIdentity, content::Section};
use brygga_client::{Client, ClientError, InboxStream, ReferralStream, content, v1};
use brygga_domain::{Category, ClosingOutcome, Code as _, ConsentForm, FactCode, GdprBasis, Purpose, ReferralKind, Time, Urgency};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::broker::Broker;

/// Who sends, who receives, and where.
const POLICE: &str = "vasterort-polis";
pub const BOARD: &str = "solna-soc";
pub const RVC: &str = "solna-rvc";
/// Content of a referral, in two sections.
const SECTION_BYTES: usize = 1024;
const MINUTES_PER_DAY: u32 = 24 * 60;
/// Life cycles that may be under way at a fixed rate: more means that the broker falls behind for good.
const OPEN_LOOP_LIVES_MAX: usize = 4096;

/// How commands are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A call for each.
    Calls,
    /// Over the streams of the connection.
    Streams,
}

/// A connection of each agency.
enum Pair {
    Calls(Client, Client),
    Streams(ReferralStream, InboxStream),
}

impl Pair {
    async fn submit(&self, request: v1::SubmitReferralRequest) -> Result<v1::SubmitReferralResponse, ClientError> {
        match self {
            Self::Calls(police, _) => police.submit_referral(request).await,
            Self::Streams(police, _) => police.call(request).await,
        }
        .map(|answer| answer.response)
    }

    async fn open(&self, request: v1::OpenReferralRequest) -> Result<v1::OpenReferralResponse, ClientError> {
        match self {
            Self::Calls(_, board) => board.open_referral(request).await,
            Self::Streams(_, board) => board.call(request).await,
        }
        .map(|answer| answer.response)
    }

    async fn accept(&self, request: v1::AcceptReferralRequest) -> Result<v1::AcceptReferralResponse, ClientError> {
        match self {
            Self::Calls(_, board) => board.accept_referral(request).await,
            Self::Streams(_, board) => board.call(request).await,
        }
        .map(|answer| answer.response)
    }

    async fn close(&self, request: v1::CloseReferralRequest) -> Result<v1::CloseReferralResponse, ClientError> {
        match self {
            Self::Calls(_, board) => board.close_referral(request).await,
            Self::Streams(_, board) => board.call(request).await,
        }
        .map(|answer| answer.response)
    }
}

/// When the life cycle of that number is due, at so many a second.
fn due_after(rate: u32, number: u32) -> Duration {
    Duration::from_secs(1) * number / rate.max(1)
}

/// The connections.
#[derive(Clone)]
pub struct Load {
    pairs: Arc<Vec<Pair>>,
    letter: Arc<v1::SubmitReferralRequest>,
    /// Whether each life cycle is closed at its end.
    closes: bool,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Each life cycle.
    pub lives: Vec<Duration>,
    /// Each submission.
    pub submits: Vec<Duration>,
    /// From the first call until the last answer.
    pub took: Duration,
}

impl Measured {
    fn add(&mut self, (life, submit): (Duration, Duration)) {
        self.lives.push(life);
        self.submits.push(submit);
    }
}

impl Load {
    /// Makes the clients; each connects at its first command.
    pub fn connect(broker: &Broker, connections: usize, way: Way) -> anyhow::Result<Self> {
        let pair = |number| {
            let police = Client::connect(&broker.config(POLICE, &[], number)?)?.as_officer("klara");
            let board = Client::connect(&broker.config(BOARD, &[RVC], number)?)?.as_officer("sara");
            Ok(match way {
                Way::Calls => Pair::Calls(police, board),
                Way::Streams => Pair::Streams(police.stream_referrals(), board.stream_inbox()),
            })
        };
        let pairs: anyhow::Result<Vec<_>> = (0..connections.max(1)).map(pair).collect();
        Ok(Self { pairs: Arc::new(pairs?), letter: Arc::new(letter()?), closes: false })
    }

    /// The same, with each life cycle closed at its end.
    #[must_use]
    pub fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    /// Events of one life cycle.
    pub fn events_of_a_life(&self) -> u64 {
        if self.closes { 7 } else { 6 }
    }

    fn pair(&self, number: usize) -> anyhow::Result<&Pair> {
        self.pairs.get(number % self.pairs.len().max(1)).context("no connection")
    }

    async fn submit(&self, pair: &Pair) -> anyhow::Result<String> {
        let answer = pair.submit(v1::SubmitReferralRequest::clone(&self.letter)).await?;
        Ok(answer.referral.context("an answer without a referral")?.id)
    }

    /// One life cycle; how long it took, and its submission.
    async fn live(&self, number: usize) -> anyhow::Result<(Duration, Duration)> {
        let pair = self.pair(number)?;
        let began = Instant::now();
        let referral = self.submit(pair).await?;
        let submitted = began.elapsed();
        let opened = pair.open(v1::OpenReferralRequest { referral: referral.clone(), ..Default::default() }).await?;
        anyhow::ensure!(opened.sections.len() == self.letter.sections.len(), "sections are missing");
        pair.accept(v1::AcceptReferralRequest { referral: referral.clone(), ..Default::default() }).await?;
        if self.closes {
            let closing = v1::Closing { outcome: ClosingOutcome::Supported.number(), ..Default::default() };
            pair.close(v1::CloseReferralRequest { referral, closing: Some(closing), ..Default::default() }).await?;
        }
        Ok((began.elapsed(), submitted))
    }

    /// One life cycle on each connection, so that handshakes are not measured.
    pub async fn warm_up(&self) -> anyhow::Result<()> {
        for number in 0..self.pairs.len() {
            self.live(number).await?;
        }
        Ok(())
    }

    /// Life cycles, so many in flight, until the time is over; those under way are finished.
    pub async fn run(&self, in_flight: usize, lasts: Duration) -> anyhow::Result<Measured> {
        let began = Instant::now();
        let mut workers = JoinSet::new();
        for number in 0..in_flight {
            let load = self.clone();
            workers.spawn(async move {
                let mut measured = Measured::default();
                while began.elapsed() < lasts {
                    measured.add(load.live(number).await?);
                }
                anyhow::Ok(measured)
            });
        }
        gathered(workers, began).await
    }

    /// Life cycles that are due at a fixed rate, whatever the broker does; each is timed from when it was due, so that no wait is left out.
    pub async fn run_at(&self, rate: u32, lasts: Duration) -> anyhow::Result<Measured> {
        let began = Instant::now();
        let (mut lives, mut all) = (JoinSet::new(), Measured::default());
        for number in 0_u32.. {
            let due = began + due_after(rate, number);
            if due - began >= lasts {
                break;
            }
            tokio::time::sleep_until(due).await;
            anyhow::ensure!(lives.len() < OPEN_LOOP_LIVES_MAX, "the broker does not keep up with {rate} life cycles a second");
            let load = self.clone();
            lives.spawn(async move {
                let late = due.elapsed();
                let (life, submit) = load.live(usize::try_from(number)?).await?;
                anyhow::Ok((late + life, late + submit))
            });
            while let Some(done) = lives.try_join_next() {
                all.add(done??);
            }
        }
        while let Some(done) = lives.join_next().await {
            all.add(done??);
        }
        all.took = began.elapsed();
        Ok(all)
    }

    /// Submits so many referrals, or lives so many whole life cycles, so many in flight. A submission alone counts as a life.
    pub async fn fill(&self, in_flight: usize, referrals: u64, whole: bool) -> anyhow::Result<Measured> {
        let (taken, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let mut workers = JoinSet::new();
        for number in 0..in_flight {
            let (load, taken) = (self.clone(), Arc::clone(&taken));
            workers.spawn(async move {
                let mut measured = Measured::default();
                while taken.fetch_add(1, Ordering::Relaxed) < referrals {
                    if whole {
                        measured.add(load.live(number).await?);
                    } else {
                        let submitting = Instant::now();
                        load.submit(load.pair(number)?).await?;
                        measured.add((submitting.elapsed(), submitting.elapsed()));
                    }
                }
                anyhow::Ok(measured)
            });
        }
        gathered(workers, began).await
    }
}

/// What all workers measured since they began.
async fn gathered(mut workers: JoinSet<anyhow::Result<Measured>>, began: Instant) -> anyhow::Result<Measured> {
    let mut all = Measured::default();
    while let Some(done) = workers.join_next().await {
        let measured = done??;
        all.lives.extend(measured.lives);
        all.submits.extend(measured.submits);
    }
    all.took = began.elapsed();
    Ok(all)
}

/// A contact request that carries her consent and the decisions.
#[expect(clippy::disallowed_methods, reason = "the benchmark is a client and has no clock but the machine's")]
fn letter() -> anyhow::Result<v1::SubmitReferralRequest> {
    let micros = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    let reported = Time::from_micros(micros - 3_600_000_000);
    let filler = "x".repeat(SECTION_BYTES - 32);
    let victim =
        Section::VictimIdentity(VictimIdentity { identity: Some(Identity { given_name: filler.clone(), ..Default::default() }), ..Default::default() });
    let contact = Section::SafeContact(SafeContact { code_word: filler, ..Default::default() });
    let sections = [(1, Category::VictimIdentity, victim), (2, Category::SafeContact, contact)];
    let cell = |section| v1::CellDecision {
        cell: Some(v1::Cell { section, interest: String::from("victim-1") }),
        outcome: Some(v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: String::from("CONSENT"), ..Default::default() })),
    };
    let consent = v1::ConsentTerms {
        person: String::from("victim-1"),
        categories: vec![Category::VictimIdentity.number(), Category::SafeContact.number()],
        recipient: String::from(RVC),
        purpose: Purpose::Support.number(),
        given_at: Some(brygga_wire::view::timestamp(reported)),
        valid_until: Some(brygga_wire::view::timestamp(reported.plus_minutes(90 * MINUTES_PER_DAY))),
        form: ConsentForm::Oral.number(),
        gdpr_basis: GdprBasis::PublicTask.number(),
        ..Default::default()
    };
    let answers = v1::Answers { asserted: vec![FactCode::HarmExcluded.number()], ..Default::default() };
    Ok(v1::SubmitReferralRequest {
        kind: ReferralKind::ContactRequest.number(),
        recipient: String::from(RVC),
        urgency: Urgency::Urgent.number(),
        reported_at: Some(brygga_wire::view::timestamp(reported)),
        persons: vec![v1::Person { name: String::from("victim-1"), identifier: None, ..Default::default() }],
        sections: sections.map(|(number, category, section)| section_of(number, category, section)).into(),
        consents: vec![consent],
        decisions: vec![v1::Decision {
            cells: vec![cell(1), cell(2)],
            answers: Some(answers),
            reasons: String::from("She asks for support."),
            ..Default::default()
        }],
        ..Default::default()
    })
}

fn section_of(number: u32, category: Category, section: Section) -> v1::Section {
    v1::Section { number, category: category.number(), persons: vec![String::from("victim-1")], investigation: false, content: content::encode(section) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_cycles_at_a_fixed_rate_are_due_evenly() {
        let due: Vec<u128> = [0, 1, 3, 400].map(|number| due_after(400, number).as_micros()).to_vec();
        assert_eq!(due, [0, 2500, 7500, 1_000_000]);
    }
}
