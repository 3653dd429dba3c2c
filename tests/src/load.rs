//! Load, and what it must have left in the journal: for every test that kills something.
//!
//! Players carry whole referrals through and keep what they saw; afterwards it is held against the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use brygga_client::{Answer, Client, ClientConfig, ClientError, InboxStream, ReferralStream, Write, v1};
use brygga_domain::{Event, Fact};
use brygga_wire::contract::{InboxCommands, ReferralCommands, StreamedOn};
use tokio::task::JoinHandle;

use crate::history::{Brings, History, Log};
use crate::requests::{BOARD, POLICE, request_id, submission};

/// How long one command may take over all restarts.
const COMMAND_DEADLINE: Duration = Duration::from_secs(120);
/// How long the whole log may take to be read.
const TAIL_DEADLINE: Duration = Duration::from_secs(120);
/// One referral in so many has commands sent again.
const REPEATS_ONE_IN: u64 = 4;
/// How many violations a failing test names.
const VIOLATIONS_SHOWN_MAX: usize = 20;
/// Longest time that anybody may wait for an answer once every process is back.
pub const STUCK_MAX: Duration = Duration::from_secs(5);

/// SplitMix64: the same seed gives the same run.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high - low + 1)
    }

    /// A request id.
    pub fn id(&mut self) -> String {
        request_id(u128::from(self.draw()) << 64 | u128::from(self.draw()))
    }
}

/// A switch out of the environment.
///
/// # Panics
/// When it is no number.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Sends a command under one request id until nothing more can be done about it, whatever happens to the broker meanwhile.
async fn until_settled<W, F>(request: W, send: impl Fn(W) -> F) -> Result<Answer<W::Response>, ClientError>
where
    W: Write,
    F: Future<Output = Result<Answer<W::Response>, ClientError>>,
{
    let began = Instant::now();
    assert!(!request.request_id().is_empty());
    loop {
        match send(request.clone()).await {
            Err(error) if error.safe_to_repeat() && began.elapsed() < COMMAND_DEADLINE => {}
            settled => return settled,
        }
    }
}

/// A client of each agency, and how it sends its commands.
#[derive(Clone)]
pub enum Pair {
    /// A call for each.
    Calls(Client, Client),
    /// Over streams, which clones share.
    Streams(ReferralStream, InboxStream),
}

impl Pair {
    /// The same clients with streams.
    #[must_use]
    pub fn streamed(self) -> Self {
        match self {
            Self::Calls(police, board) => Self::Streams(police.stream_referrals(), board.stream_inbox()),
            Self::Streams(..) => self,
        }
    }

    async fn police<W>(&self, seen: &mut History, kind: &'static str, request: &W) -> Result<Answer<W::Response>, ClientError>
    where
        W: Write<Response: Brings> + StreamedOn<ReferralCommands>,
    {
        let send = async {
            match self {
                Self::Calls(police, _) => until_settled(request.clone(), |request| police.write(request)).await,
                Self::Streams(police, _) => until_settled(request.clone(), |request| police.call(request)).await,
            }
        };
        seen.ask((POLICE, kind), request, send).await
    }

    async fn board<W>(&self, seen: &mut History, kind: &'static str, request: &W) -> Result<Answer<W::Response>, ClientError>
    where
        W: Write<Response: Brings> + StreamedOn<InboxCommands>,
    {
        let send = async {
            match self {
                Self::Calls(_, board) => until_settled(request.clone(), |request| board.write(request)).await,
                Self::Streams(_, board) => until_settled(request.clone(), |request| board.call(request)).await,
            }
        };
        seen.ask((BOARD, kind), request, send).await
    }
}

/// One client of each agency plays referrals to their end until it is told to stop.
async fn play(pair: Pair, mut random: Random, stop: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> History {
    let mut seen = History::default();
    while !stop.load(Ordering::Relaxed) {
        let submit = v1::SubmitReferralRequest { request_id: random.id(), ..submission() };
        let submitted = pair.police(&mut seen, "ReferralSubmitted", &submit).await.unwrap();
        answered.fetch_add(1, Ordering::Relaxed);
        let referral = submitted.response.referral.clone().unwrap().id;
        let open = v1::OpenReferralRequest { request_id: random.id(), referral: referral.clone(), ..Default::default() };
        let opened = pair.board(&mut seen, "SectionsReleased", &open).await.unwrap();
        answered.fetch_add(1, Ordering::Relaxed);
        assert_eq!(opened.response.sections.len(), 3);
        let accept = v1::AcceptReferralRequest { request_id: random.id(), referral: referral.clone(), ..Default::default() };
        pair.board(&mut seen, "ReferralAccepted", &accept).await.unwrap();
        answered.fetch_add(1, Ordering::Relaxed);
        if random.within(0, 1) == 0 {
            let consent_id = opened.proof.events().values().find_map(consent_of).unwrap();
            let withdraw = v1::WithdrawConsentRequest { request_id: random.id(), referral, consent_id, ..Default::default() };
            pair.police(&mut seen, "ConsentWithdrawn", &withdraw).await.unwrap();
            answered.fetch_add(1, Ordering::Relaxed);
        }
        // Some commands are sent again under their keys, and something else under a key that is taken. The same receipt must come, and after
        // a withdrawal no content: what did come is in the history, and the checker's to judge.
        if random.within(0, REPEATS_ONE_IN - 1) == 0 {
            pair.police(&mut seen, "ReferralSubmitted", &submit).await.unwrap();
            let other = v1::SubmitReferralRequest { sections: submit.sections[1..].to_vec(), ..submit };
            drop(pair.police(&mut seen, "ReferralSubmitted", &other).await);
            drop(pair.board(&mut seen, "SectionsReleased", &open).await);
        }
    }
    seen
}

/// Players of referrals, each on its way until all are ended.
pub struct Players {
    stop: Arc<AtomicBool>,
    /// How many answers each has had.
    answered: Vec<Arc<AtomicU64>>,
    playing: Vec<JoinHandle<History>>,
}

impl Players {
    /// Starts a player for each pair.
    pub fn start(pairs: impl IntoIterator<Item = Pair>, random: &mut Random) -> Self {
        let mut players = Self { stop: Arc::default(), answered: Vec::new(), playing: Vec::new() };
        for pair in pairs {
            let answered = Arc::<AtomicU64>::default();
            let player = play(pair, Random(random.draw()), Arc::clone(&players.stop), Arc::clone(&answered));
            players.answered.push(answered);
            players.playing.push(tokio::spawn(player));
        }
        players
    }

    /// How many answers all have had.
    pub fn answers(&self) -> u64 {
        self.answered.iter().map(|answered| answered.load(Ordering::Relaxed)).sum()
    }

    /// Waits until every player has had an answer from now on, and says how long the slowest waited.
    ///
    /// # Panics
    /// When one has none in time: its call, or its stream, is stuck.
    pub async fn all_answered(&self, max: Duration) -> Duration {
        let counts = || self.answered.iter().map(|answered| answered.load(Ordering::Relaxed));
        let (began, before) = (Instant::now(), counts().collect::<Vec<_>>());
        let stuck = || (0..).zip(counts().zip(&before)).filter(|(_, (now, before))| now == *before).map(|(player, _)| player).collect::<Vec<usize>>();
        while !stuck().is_empty() {
            assert!(began.elapsed() <= max, "no answer within {max:?} for players {:?} of {}", stuck(), before.len());
            assert!(!self.playing.iter().any(JoinHandle::is_finished), "a player has failed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }

    /// Lets everybody end the referral at hand, and gives what they saw.
    ///
    /// # Panics
    /// When an answer was not what its command asked for.
    pub async fn end(self) -> History {
        self.stop.store(true, Ordering::Relaxed);
        let mut seen = History::default();
        for player in self.playing {
            seen.join(player.await.unwrap());
        }
        seen
    }
}

fn consent_of(event: &Event) -> Option<String> {
    if let Fact::ConsentRecorded(given) = &event.fact { Some(given.consent.to_string()) } else { None }
}

/// The whole log as an auditor gets it: every leaf, and the signed head over exactly these.
///
/// # Panics
/// When an entry is missing.
pub async fn whole_log(auditor: &Client) -> Log {
    let head = auditor.checkpoint().await.unwrap();
    let note = auditor.pinned_note().unwrap();
    let mut tail = auditor.tail(0);
    let mut entries = Vec::new();
    let reading = async {
        while u64::try_from(entries.len()).unwrap() < head.size {
            let entry = tail.next().await.unwrap();
            entries.push((entry.position, entry.leaf));
        }
    };
    tokio::time::timeout(TAIL_DEADLINE, reading).await.expect("the whole log does not come");
    Log { entries, note }
}

/// Reads the whole log and holds what clients saw against it.
///
/// # Panics
/// When a guarantee does not hold.
pub async fn judge(seen: &History, auditor: &Client) -> Log {
    judge_under(&[], seen, auditor).await
}

/// The same of a log that other tables of law stood in force in, too.
///
/// # Panics
/// When a guarantee does not hold.
pub async fn judge_under(laws: &[String], seen: &History, auditor: &Client) -> Log {
    let log = whole_log(auditor).await;
    let found = seen.check_under(laws, &log, auditor.log_key());
    let named: Vec<String> = found.iter().take(VIOLATIONS_SHOWN_MAX).map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), named.join("\n"));
    log
}

/// The same settings with a pin of its own.
pub fn own_pin(config: ClientConfig, name: &str) -> ClientConfig {
    ClientConfig { pin: config.pin.with_file_name(name), ..config }
}
