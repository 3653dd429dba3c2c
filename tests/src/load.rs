//! Load, and what it must have left in the journal: for every test that kills something.
//!
//! Clients play whole referrals and keep what they were told; afterwards the journal must hold that exactly once, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use brygga_client::{Answer, Client, ClientConfig, ClientError, InboxStream, ReferralStream, Write, v1};
use brygga_domain::entropy::commit;
use brygga_domain::{Event, Fact};
use brygga_verify::{Auditor, Expected, Trust, Verdict};
use brygga_wire::contract::{InboxCommands, ReferralCommands, StreamedOn};
use bytes::Bytes;

use crate::requests::{request_id, submission};

/// How long one command may take over all restarts.
const COMMAND_DEADLINE: Duration = Duration::from_secs(120);
/// How long the whole log may take to be read.
const TAIL_DEADLINE: Duration = Duration::from_secs(120);
/// Who causes the events of the broker itself.
const BROKER_NAME: &str = "brygga";

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

/// What a client was told and holds proof of.
#[derive(Default)]
pub struct Acknowledged {
    /// How many commands.
    pub commands: usize,
    /// Leaves of the receipts by position; each was verified under the log's key.
    pub leaves: BTreeMap<u64, Bytes>,
    /// The event that each command is known by: its kind, the request, its position.
    pub written: Vec<(&'static str, String, u64)>,
    /// Released sections as they came: position of the release, section, revision, salt, content.
    pub contents: Vec<(u64, v1::ReleasedSection)>,
    /// How many referrals were submitted.
    pub referrals: usize,
}

impl Acknowledged {
    /// Adds an answer; `kind` is the event that its command makes.
    ///
    /// # Panics
    /// When it contradicts what was told before.
    pub fn add<R: brygga_wire::contract::WriteResponse>(&mut self, kind: &'static str, answer: &Answer<R>) {
        self.commands += 1;
        for leaf in &answer.response.receipt().unwrap().leaves {
            let held = self.leaves.insert(leaf.position, leaf.leaf.clone());
            assert!(held.is_none_or(|held| held == leaf.leaf), "two receipts name different events at {}", leaf.position);
        }
        let own = answer.proof.events().iter().filter(|(_, event)| event.fact.name() == kind);
        let positions: Vec<u64> = own.map(|(position, _)| position.0).collect();
        assert_eq!(positions.len(), 1, "one {kind} for request {}", answer.request_id);
        self.written.push((kind, answer.request_id.clone(), positions[0]));
    }

    /// Adds what another client was told.
    ///
    /// # Panics
    /// When the two contradict each other.
    pub fn join(&mut self, other: Self) {
        self.commands += other.commands;
        self.referrals += other.referrals;
        self.written.extend(other.written);
        self.contents.extend(other.contents);
        for (position, leaf) in other.leaves {
            let held = self.leaves.insert(position, leaf.clone());
            assert!(held.is_none_or(|held| held == leaf), "two receipts name different events at {position}");
        }
    }
}

/// Sends a command under one request id until it is acknowledged, whatever happens to the broker meanwhile.
///
/// # Panics
/// When it is refused, or not acknowledged in time.
pub async fn until_acknowledged<W: Write>(client: &Client, request: W) -> Answer<W::Response> {
    until_answered(request, |request| client.write(request)).await
}

async fn until_answered<W, F>(request: W, send: impl Fn(W) -> F) -> Answer<W::Response>
where
    W: Write,
    F: Future<Output = Result<Answer<W::Response>, ClientError>>,
{
    let began = Instant::now();
    assert!(!request.request_id().is_empty());
    loop {
        match send(request.clone()).await {
            Ok(answer) => return answer,
            Err(error) if error.safe_to_repeat() && began.elapsed() < COMMAND_DEADLINE => {}
            Err(error) => panic!("{} after {:?}: {error}", error.name(), began.elapsed()),
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

    async fn police<W: Write + StreamedOn<ReferralCommands>>(&self, request: W) -> Answer<W::Response> {
        match self {
            Self::Calls(police, _) => until_acknowledged(police, request).await,
            Self::Streams(police, _) => until_answered(request, |request| police.call(request)).await,
        }
    }

    async fn board<W: Write + StreamedOn<InboxCommands>>(&self, request: W) -> Answer<W::Response> {
        match self {
            Self::Calls(_, board) => until_acknowledged(board, request).await,
            Self::Streams(_, board) => until_answered(request, |request| board.call(request)).await,
        }
    }
}

/// One client of each agency plays referrals to their end until it is told to stop.
///
/// # Panics
/// When an answer is not what the command asked for.
pub async fn play(pair: Pair, mut random: Random, stop: Arc<AtomicBool>) -> Acknowledged {
    let mut told = Acknowledged::default();
    while !stop.load(Ordering::Relaxed) {
        let submitted = pair.police(v1::SubmitReferralRequest { request_id: random.id(), ..submission() }).await;
        told.add("ReferralSubmitted", &submitted);
        told.referrals += 1;
        let referral = submitted.response.referral.clone().unwrap().id;
        let open = v1::OpenReferralRequest { request_id: random.id(), referral: referral.clone(), ..Default::default() };
        let opened = pair.board(open).await;
        told.add("SectionsReleased", &opened);
        assert_eq!(opened.response.sections.len(), 3);
        let release = opened.response.release;
        told.contents.extend(opened.response.sections.iter().map(|section| (release, section.clone())));
        let accept = v1::AcceptReferralRequest { request_id: random.id(), referral: referral.clone(), ..Default::default() };
        told.add("ReferralAccepted", &pair.board(accept).await);
        if random.within(0, 1) == 0 {
            let consent_id = opened.proof.events().values().find_map(consent_of).unwrap();
            let withdraw = v1::WithdrawConsentRequest { request_id: random.id(), referral, consent_id, ..Default::default() };
            told.add("ConsentWithdrawn", &pair.police(withdraw).await);
        }
    }
    told
}

fn consent_of(event: &Event) -> Option<String> {
    if let Fact::ConsentRecorded(given) = &event.fact { Some(given.consent.to_string()) } else { None }
}

/// The whole log as an auditor gets it: every leaf, and the signed head over exactly these.
///
/// # Panics
/// When an entry is missing.
pub async fn whole_log(auditor: &Client) -> (Vec<Bytes>, Bytes) {
    let head = auditor.checkpoint().await.unwrap();
    let note = auditor.pinned_note().unwrap();
    let mut tail = auditor.tail(0);
    let mut leaves = Vec::new();
    let reading = async {
        while u64::try_from(leaves.len()).unwrap() < head.size {
            let entry = tail.next().await.unwrap();
            assert_eq!(entry.position, u64::try_from(leaves.len()).unwrap(), "an entry is left out");
            leaves.push(entry.leaf);
        }
    };
    tokio::time::timeout(TAIL_DEADLINE, reading).await.expect("the whole log does not come");
    (leaves, note)
}

/// What was acknowledged is in the journal exactly once, and nothing else is.
///
/// # Panics
/// When that is not so.
pub fn check_journal(told: &Acknowledged, leaves: &[Bytes]) {
    let events: Vec<Event> = leaves.iter().map(|leaf| brygga_journal::decode(leaf).unwrap()).collect();
    let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), events.len(), "an event stands twice");
    for (position, leaf) in &told.leaves {
        let found = leaves.get(usize::try_from(*position).unwrap());
        assert_eq!(found, Some(leaf), "the acknowledged event at {position} is not in the journal");
    }
    // Exactly once: as many events of each kind as were acknowledged, each at the place that its receipt named.
    for kind in ["ReferralSubmitted", "SectionsReleased", "ReferralAccepted", "ConsentWithdrawn"] {
        let acknowledged: Vec<u64> = told.written.iter().filter(|(written, ..)| *written == kind).map(|(_, _, position)| *position).collect();
        let distinct: BTreeSet<u64> = acknowledged.iter().copied().collect();
        assert_eq!(distinct.len(), acknowledged.len(), "two commands were acknowledged with one {kind}");
        let found = events.iter().zip(0_u64..).filter(|(event, _)| event.fact.name() == kind).map(|(_, position)| position).collect();
        assert_eq!(distinct, found, "{kind}: acknowledged, and found in the journal");
    }
    let requests: BTreeSet<&str> = told.written.iter().map(|(_, request, _)| request.as_str()).collect();
    assert_eq!(requests.len(), told.commands);
    // No ghost: whatever an agency caused stands in a receipt that a client holds.
    let ghosts: Vec<(u64, &str)> = (0_u64..)
        .zip(&events)
        .filter(|(position, event)| event.agency.as_str() != BROKER_NAME && !told.leaves.contains_key(position))
        .map(|(position, event)| (position, event.fact.name()))
        .collect();
    assert_eq!(ghosts, Vec::new(), "events that no command was acknowledged for");
    for (release, section) in &told.contents {
        let Fact::SectionsReleased { released, .. } = &events[usize::try_from(*release).unwrap()].fact else { panic!("no release at {release}") };
        let salt: &[u8; 32] = section.salt.as_ref().try_into().unwrap();
        let logged = released.sections().iter().find(|logged| (logged.section, logged.revision) == (section.number, section.revision)).unwrap();
        assert_eq!(logged.commitment, commit(salt, &section.content), "content that left is not what the release at {release} says");
    }
}

/// The independent auditor finds nothing.
///
/// # Panics
/// When it finds something.
pub fn audit(client: &Client, leaves: &[Bytes], note: &[u8]) {
    let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(client.log_key().clone()), pin: None, tables: Vec::new() });
    leaves.iter().for_each(|leaf| auditor.leaf(leaf));
    let report = auditor.report(note);
    assert_eq!(report.verdict, Verdict::Verified, "{:?} {:?}", report.findings, report.doubts);
}

/// The same settings with a pin of its own.
pub fn own_pin(config: ClientConfig, name: &str) -> ClientConfig {
    ClientConfig { pin: config.pin.with_file_name(name), ..config }
}
