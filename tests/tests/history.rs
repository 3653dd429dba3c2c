//! The checker of histories is itself tried: a good history passes, and each bug that is planted in it is found and named.

use std::time::Duration;

use brygga_domain::{Event, EventId, Fact};
use brygga_merkle::{Checkpoint, Ed25519Signer, Frontier, Hash, NoteKey, leaf_hash, sign_checkpoint};
use brygga_tests::harness::Broker;
use brygga_tests::history::{Call, Guarantee, History, Log, Outcome, Told};
use brygga_tests::load::{Pair, Players, Random, whole_log};
use brygga_tests::requests::{AUDITOR, BOARD, POLICE};
use bytes::Bytes;

/// Answers of the history that bugs are planted in.
const ANSWERS_MIN: u64 = 60;

/// A history, its log, and the key that signed it: what a broker with a bug has as well.
#[derive(Clone)]
struct Run {
    history: History,
    log: Log,
    key: NoteKey,
    seed: [u8; 32],
}

fn root(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for hash in hashes {
        let _tiles = frontier.append(*hash);
    }
    frontier.root()
}

/// The inclusion proof of RFC 6962, by its definition.
fn path(index: usize, hashes: &[Hash]) -> Vec<Hash> {
    if hashes.len() == 1 {
        return Vec::new();
    }
    let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
    let (mut path, other) = if index < left.len() { (path(index, left), right) } else { (path(index - left.len(), right), left) };
    path.push(root(other));
    path
}

impl Run {
    async fn play() -> Self {
        let home = tempfile::tempdir().unwrap();
        let broker = Broker::start(&home.path().join("world"), "").await;
        let pair = Pair::Calls(broker.client(POLICE, "klara"), broker.client(BOARD, "sara"));
        let players = Players::start([pair.clone(), pair.streamed()], &mut Random(1));
        while players.answers() < ANSWERS_MIN {
            players.all_answered(Duration::from_secs(60)).await;
        }
        let history = players.end().await;
        let auditor = broker.client(AUDITOR, "eva");
        let log = whole_log(&auditor).await;
        let mut seed = [0; 32];
        hex::decode_to_slice(std::fs::read_to_string(broker.folder().join("log.seed")).unwrap().trim(), &mut seed).unwrap();
        assert_eq!(broker.stop().await, Some(0));
        Self { history, log, key: auditor.log_key().clone(), seed }
    }

    fn hashes(&self) -> Vec<Hash> {
        self.log.entries.iter().map(|(_, leaf)| leaf_hash(leaf)).collect()
    }

    /// A head over these leaves, signed with the log's key.
    fn sign(&self, hashes: &[Hash]) -> Bytes {
        let head = Checkpoint { origin: self.key.name().to_owned(), size: u64::try_from(hashes.len()).unwrap(), root: root(hashes) };
        sign_checkpoint(&head, self.key.name(), &Ed25519Signer::from_seed(self.seed)).unwrap().into()
    }

    /// Signs the log as it is now.
    fn seal(&mut self) {
        self.log.note = self.sign(&self.hashes());
    }

    /// Signs the log as it is now, and gives every receipt as a broker would have that always had it so.
    fn seal_all(&mut self) {
        self.seal();
        let hashes = self.hashes();
        let (key, entries) = (self.key.clone(), self.log.entries.clone());
        let heads: Vec<Bytes> = (0..=hashes.len()).map(|size| if size == 0 { Bytes::new() } else { self.sign(&hashes[..size]) }).collect();
        for told in self.history.calls.iter_mut().filter_map(told) {
            let size = usize::try_from(brygga_merkle::open(&told.receipt.checkpoint, &key).unwrap().size).unwrap();
            told.receipt.checkpoint = heads[size].clone();
            for leaf in &mut told.receipt.leaves {
                let index = usize::try_from(leaf.position).unwrap();
                leaf.leaf = entries[index].1.clone();
                leaf.proof = path(index, &hashes[..size]).into_iter().map(|hash| Bytes::copy_from_slice(hash.as_bytes())).collect();
            }
        }
    }

    fn call(&mut self, kind: &str) -> &mut Call {
        self.history.calls.iter_mut().find(|call| call.kind == kind && matches!(call.outcome, Outcome::Told(_))).unwrap()
    }

    fn told(&mut self, kind: &str) -> &mut Told {
        told(self.call(kind)).unwrap()
    }

    fn event(&self, position: u64) -> Event {
        brygga_journal::decode(&self.log.entries[usize::try_from(position).unwrap()].1).unwrap()
    }

    /// The first event of a name.
    fn first(&self, name: &str) -> u64 {
        (0..).find(|position| self.event(*position).fact.name() == name).unwrap()
    }

    fn put(&mut self, position: u64, event: &Event) {
        self.log.entries[usize::try_from(position).unwrap()].1 = brygga_journal::encode(event);
    }

    /// Adds an event that is like another.
    fn repeat(&mut self, position: u64) {
        let event = Event { id: EventId(uuid::Uuid::from_u128(7)), ..self.event(position) };
        let next = u64::try_from(self.log.entries.len()).unwrap();
        self.log.entries.push((next, brygga_journal::encode(&event)));
        self.seal();
    }

    /// The withdrawal of a consent, and the opening under that consent.
    fn withdrawn(&mut self) -> (Call, Call) {
        let withdrawal = self.call("ConsentWithdrawn").clone();
        let Outcome::Told(told) = &withdrawal.outcome else { panic!("not told") };
        let referral = self.event(told.position).fact.referral();
        let opening = self.history.told().find(|(call, told)| call.kind == "SectionsReleased" && self.event(told.position).fact.referral() == referral);
        let opening = opening.unwrap().0.clone();
        (withdrawal, opening)
    }
}

fn told(call: &mut Call) -> Option<&mut Told> {
    if let Outcome::Told(told) = &mut call.outcome { Some(told) } else { None }
}

/// A bug: what it is, how it shows, the guarantee that it breaks and words of what is said of it.
type Bug = (&'static str, fn(&mut Run), Guarantee, &'static str);

const OF_ANSWERS: &[Bug] = &[
    (
        "an acknowledged event is missing",
        |run| {
            let last = run.history.told().map(|(_, told)| told.position).max().unwrap();
            run.log.entries.truncate(usize::try_from(last).unwrap());
            run.seal();
        },
        Guarantee::DurableAnswer,
        "is not in the log",
    ),
    (
        "an acknowledged event is another one",
        |run| {
            let at = run.told("ReferralAccepted").position;
            let event = Event { blinding: [7; 32], ..run.event(at) };
            run.put(at, &event);
            run.seal();
        },
        Guarantee::DurableAnswer,
        "is not in the log",
    ),
    (
        "an acknowledged event stands twice",
        |run| {
            let (at, next) = (run.told("ReferralAccepted").position, u64::try_from(run.log.entries.len()).unwrap());
            run.log.entries.push((next, run.log.entries[usize::try_from(at).unwrap()].1.clone()));
            run.seal();
        },
        Guarantee::DurableAnswer,
        "stands twice",
    ),
    (
        "two commands have one event",
        |run| {
            let outcome = run.call("ReferralAccepted").outcome.clone();
            run.history.calls.iter_mut().rfind(|call| call.kind == "ReferralAccepted").unwrap().outcome = outcome;
        },
        Guarantee::DurableAnswer,
        "two commands were acknowledged",
    ),
    (
        "an event that nobody asked for",
        |run| {
            let id = run.call("ReferralAccepted").request_id.clone();
            run.history.calls.retain(|call| call.request_id != id);
        },
        Guarantee::NoGhost,
        "nobody was told of the ReferralAccepted",
    ),
    (
        "a refused command has an effect",
        |run| run.call("ConsentWithdrawn").outcome = Outcome::Refused,
        Guarantee::NoGhost,
        "nobody was told of the ConsentWithdrawn",
    ),
    (
        "one key, two receipts",
        |run| {
            let mut again = run.call("ReferralSubmitted").clone();
            let told = told(&mut again).unwrap();
            told.receipt.leaves.retain(|leaf| leaf.position == told.position);
            run.history.calls.push(again);
        },
        Guarantee::Idempotence,
        "has two receipts",
    ),
    (
        "one key, two requests",
        |run| {
            let again = Call { asked: leaf_hash(b"something else"), ..run.call("ReferralSubmitted").clone() };
            run.history.calls.push(again);
        },
        Guarantee::Idempotence,
        "acknowledged for two requests",
    ),
];

const OF_RELEASES: &[Bug] = &[
    (
        "a release without clearance",
        |run| {
            let at = run.first("ClearanceDecided");
            let mut event = run.event(at);
            let Fact::ClearanceDecided(decision) = &mut event.fact else { panic!("no decision") };
            decision.cells.retain(|cell| cell.cell.section != 1);
            run.put(at, &event);
            run.seal_all();
        },
        Guarantee::LegalBasis,
        "CLEARANCE_MISSING",
    ),
    (
        "a release under a consent for another recipient",
        |run| {
            let at = run.first("ConsentRecorded");
            let mut event = run.event(at);
            let Fact::ConsentRecorded(given) = &mut event.fact else { panic!("no consent") };
            given.recipient = "solna-mottagning".parse().unwrap();
            run.put(at, &event);
            run.seal_all();
        },
        Guarantee::Consent,
        "CONSENT_OTHER_RECIPIENT",
    ),
    (
        "a section that the release does not name",
        |run| {
            let sections = &mut run.told("SectionsReleased").sections;
            let another = brygga_client::v1::ReleasedSection { number: 9, ..sections[0].clone() };
            sections.push(another);
        },
        Guarantee::SectionSet,
        "names",
    ),
    ("a section that did not come", |run| drop(run.told("SectionsReleased").sections.pop()), Guarantee::SectionSet, "names"),
    (
        "content without a release",
        |run| {
            let at = run.told("ReferralAccepted").position;
            run.told("SectionsReleased").position = at;
        },
        Guarantee::LogFirst,
        "without a release",
    ),
    (
        "content that was not released",
        |run| run.told("SectionsReleased").sections[0].content = Bytes::from_static(b"other"),
        Guarantee::LogFirst,
        "not the bytes",
    ),
    ("content to somebody else", |run| run.call("SectionsReleased").agency = POLICE, Guarantee::LogFirst, "came to vasterort-polis"),
    (
        "a release after the withdrawal",
        |run| {
            let (_, mut opening) = run.withdrawn();
            let at = told(&mut opening).unwrap().position;
            run.repeat(at);
        },
        Guarantee::WithdrawalStops,
        "rests on the consent that was withdrawn",
    ),
    (
        "the same content again after the withdrawal was answered",
        |run| {
            let (withdrawal, opening) = run.withdrawn();
            let began = withdrawal.ended + Duration::from_millis(1);
            run.history.calls.push(Call { began, ended: began + Duration::from_millis(1), ..opening });
        },
        Guarantee::WithdrawalStopsAtOnce,
        "after the withdrawal was answered",
    ),
    (
        "a referral that is accepted twice",
        |run| {
            let at = run.told("ReferralAccepted").position;
            run.repeat(at);
        },
        Guarantee::SingleDecision,
        "STAGE_WRONG",
    ),
];

const OF_THE_LOG: &[Bug] = &[
    ("a gap in the positions", |run| drop(run.log.entries.remove(5)), Guarantee::AppendOnly, "stands at place 5"),
    (
        "a position twice",
        |run| {
            let entry = run.log.entries[5].clone();
            run.log.entries.insert(5, entry);
        },
        Guarantee::AppendOnly,
        "stands at place 6",
    ),
    (
        "a log that was written anew",
        |run| {
            let at = run.first("AgencyRegistered");
            let event = Event { blinding: [7; 32], ..run.event(at) };
            run.put(at, &event);
            run.seal();
        },
        Guarantee::AppendOnly,
        "does not begin with",
    ),
    (
        "a log that lost what was signed",
        |run| {
            run.log.entries.truncate(30);
            run.seal();
        },
        Guarantee::AppendOnly,
        "events were signed, the log has 30",
    ),
    (
        "a proof that does not hold",
        |run| {
            let leaf = &mut run.told("ReferralSubmitted").receipt.leaves[0];
            leaf.proof[0] = Bytes::from_static(&[7; 32]);
        },
        Guarantee::Proofs,
        "does not prove its event",
    ),
    (
        "a receipt of another event",
        |run| {
            let told = run.told("SectionsReleased");
            let basis = told.receipt.leaves.iter_mut().find(|leaf| leaf.position != told.position).unwrap();
            basis.leaf = Bytes::from_static(b"another");
        },
        Guarantee::Proofs,
        "shows another event",
    ),
    (
        "a fork",
        |run| {
            let mut hashes = run.hashes();
            *hashes.last_mut().unwrap() = leaf_hash(b"another");
            let fork = run.sign(&hashes);
            run.told("ReferralSubmitted").receipt.checkpoint = fork;
        },
        Guarantee::OneHistory,
        "have different roots",
    ),
    (
        "a head that somebody else signed",
        |run| {
            run.seed = [7; 32];
            let foreign = run.sign(&run.hashes());
            run.told("ReferralSubmitted").receipt.checkpoint = foreign;
        },
        Guarantee::OneHistory,
        "is not the log's",
    ),
    (
        "an event before one that was answered earlier",
        |run| {
            let latest = run.history.calls.iter().map(|call| call.ended).max().unwrap();
            let call = run.call("ReferralAccepted");
            (call.began, call.ended) = (latest + Duration::from_millis(1), latest + Duration::from_millis(2));
        },
        Guarantee::OneHistory,
        "had been answered",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_bug_is_found_and_named() {
    let good = Run::play().await;
    assert_eq!(good.history.check(&good.log, &good.key), Vec::new(), "a good history");
    let mut same = good.clone();
    same.seal_all();
    assert_eq!(same.history.check(&same.log, &same.key), Vec::new(), "receipts made anew for the same log");
    let mut unknown = good.clone();
    unknown.call("ConsentWithdrawn").outcome = Outcome::Unknown;
    assert_eq!(unknown.history.check(&unknown.log, &unknown.key), Vec::new(), "what nobody knows may have happened");
    let mut broken = Vec::new();
    for (what, plant, guarantee, said) in [OF_ANSWERS, OF_RELEASES, OF_THE_LOG].into_iter().flatten() {
        let mut run = good.clone();
        plant(&mut run);
        let found = run.history.check(&run.log, &run.key);
        assert!(found.iter().any(|found| found.guarantee == *guarantee && found.what.contains(said)), "{what}: not {guarantee} \"{said}\" in {found:#?}");
        broken.push(*guarantee);
    }
    broken.sort_unstable();
    broken.dedup();
    assert_eq!(broken, Guarantee::ALL, "a guarantee that no bug was planted for");
}
