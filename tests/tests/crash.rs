//! SIGKILL at random moments under load: what was acknowledged is in the journal exactly once, and nothing else is.
//!
//! `KILL_CYCLES` sets how often (nightly: 500), `SEED` repeats a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use brygga_client::{Answer, Client, ClientConfig, Write, v1};
use brygga_domain::entropy::commit;
use brygga_domain::{Event, Fact};
use brygga_tests::harness::{Broker, bryggad};
use brygga_tests::requests::{AUDITOR, BOARD, POLICE, request_id, submission};
use brygga_verify::{Auditor, Expected, Trust, Verdict};
use bytes::Bytes;
use tokio::process::Command;

const KILL_CYCLES: usize = 50;
const CLIENTS: u64 = 4;
/// Shortest and longest load between a start and the kill.
const LOAD_MILLIS: (u64, u64) = (40, 600);
/// Latest kill of a broker that is still starting; one start in eight is not waited for.
const START_MILLIS_MAX: u64 = 150;
/// How long one command may take over all restarts.
const COMMAND_DEADLINE: Duration = Duration::from_secs(120);
/// How long the whole log may take to be read.
const TAIL_DEADLINE: Duration = Duration::from_secs(120);
/// Who causes the events of the broker itself.
const BROKER_NAME: &str = "brygga";

/// SplitMix64: the same seed gives the same run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn id(&mut self) -> String {
        request_id(u128::from(self.next()) << 64 | u128::from(self.next()))
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// What a client was told and holds proof of.
#[derive(Default)]
struct Acknowledged {
    commands: usize,
    /// Leaves of the receipts by position; each was verified under the log's key.
    leaves: BTreeMap<u64, Bytes>,
    /// The event that each command is known by: its kind, the request, its position.
    written: Vec<(&'static str, String, u64)>,
    /// Released sections as they came: position of the release, section, revision, salt, content.
    contents: Vec<(u64, v1::ReleasedSection)>,
    referrals: usize,
}

impl Acknowledged {
    fn add<R: brygga_wire::contract::WriteResponse>(&mut self, kind: &'static str, answer: &Answer<R>) {
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

    fn join(&mut self, other: Self) {
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
async fn until_acknowledged<W: Write>(client: &Client, request: W) -> Answer<W::Response> {
    let began = Instant::now();
    assert!(!request.request_id().is_empty());
    loop {
        match client.write(request.clone()).await {
            Ok(answer) => return answer,
            Err(error) if error.safe_to_repeat() && began.elapsed() < COMMAND_DEADLINE => {}
            Err(error) => panic!("{} after {:?}: {error}", error.name(), began.elapsed()),
        }
    }
}

/// One client of each agency plays referrals to their end until it is told to stop.
async fn play((police, board): (Client, Client), mut random: Random, stop: Arc<AtomicBool>) -> Acknowledged {
    let mut told = Acknowledged::default();
    while !stop.load(Ordering::Relaxed) {
        let submitted = until_acknowledged(&police, v1::SubmitReferralRequest { request_id: random.id(), ..submission() }).await;
        told.add("ReferralSubmitted", &submitted);
        told.referrals += 1;
        let referral = submitted.response.referral.clone().unwrap().id;
        let open = v1::OpenReferralRequest { request_id: random.id(), referral: referral.clone(), ..Default::default() };
        let opened = until_acknowledged(&board, open).await;
        told.add("SectionsReleased", &opened);
        assert_eq!(opened.response.sections.len(), 3);
        let release = opened.response.release;
        told.contents.extend(opened.response.sections.iter().map(|section| (release, section.clone())));
        let accept = v1::AcceptReferralRequest { request_id: random.id(), referral: referral.clone(), ..Default::default() };
        told.add("ReferralAccepted", &until_acknowledged(&board, accept).await);
        if random.within(0, 1) == 0 {
            let consent_id = opened.proof.events().values().find_map(consent_of).unwrap();
            let withdraw = v1::WithdrawConsentRequest { request_id: random.id(), referral, consent_id, ..Default::default() };
            told.add("ConsentWithdrawn", &until_acknowledged(&police, withdraw).await);
        }
    }
    told
}

fn consent_of(event: &Event) -> Option<String> {
    if let Fact::ConsentRecorded(given) = &event.fact { Some(given.consent.to_string()) } else { None }
}

/// A world whose broker comes back at the same address, below the range that the system gives to outgoing connections.
async fn world(folder: &Path, random: &mut Random) {
    let broker = Broker::start(folder, "").await;
    assert_eq!(broker.stop().await, Some(0));
    let port = loop {
        let port = random.within(20_000, 31_999);
        if std::net::TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).is_ok() {
            break port;
        }
    };
    let file = folder.join("bryggad.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("address = \"127.0.0.1:0\"", &format!("address = \"127.0.0.1:{port}\""), 1)).unwrap();
}

/// Waits until nobody holds the database: a killed process may take a moment to be gone.
async fn until_free(folder: &Path) {
    let lock = std::fs::File::options().create(true).truncate(false).write(true).open(folder.join("brygga.db.lock")).unwrap();
    let free = async {
        while lock.try_lock().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), free).await.expect("a killed broker still holds the database");
}

async fn start_timed(folder: &Path, times: &mut Vec<Duration>) -> Broker {
    until_free(folder).await;
    let began = Instant::now();
    let broker = Broker::start(folder, "").await;
    times.push(began.elapsed());
    assert!(broker.ready()["in_doubt"].is_null(), "a kill is no reason for doubt: {}", broker.ready());
    broker
}

/// The whole log as an auditor gets it: every leaf, and the signed head over exactly these.
async fn whole_log(auditor: &Client) -> (Vec<Bytes>, Bytes) {
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

fn check_journal(told: &Acknowledged, leaves: &[Bytes]) {
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

fn audit(client: &Client, leaves: &[Bytes], note: &[u8]) {
    let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(client.log_key().clone()), pin: None, tables: Vec::new() });
    leaves.iter().for_each(|leaf| auditor.leaf(leaf));
    let report = auditor.report(note);
    assert_eq!(report.verdict, Verdict::Verified, "{:?} {:?}", report.findings, report.doubts);
}

async fn replay(folder: &Path) -> (Option<i32>, String) {
    let ran = Command::new(bryggad()).arg("replay").arg("--config").arg(folder.join("bryggad.toml")).output().await.unwrap();
    (ran.status.code(), format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)))
}

fn own_pin(config: ClientConfig, name: &str) -> ClientConfig {
    ClientConfig { pin: config.pin.with_file_name(name), ..config }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill_exactly_once() {
    let cycles = usize::try_from(setting("KILL_CYCLES", KILL_CYCLES.try_into().unwrap())).unwrap();
    let seed = setting("SEED", u64::from(std::process::id()));
    println!("SEED={seed} KILL_CYCLES={cycles}");
    let mut random = Random(seed);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    world(&folder, &mut random).await;
    let mut times = Vec::new();
    let mut broker = Some(start_timed(&folder, &mut times).await);
    let connect = |agency: &str, officer: &str, number: u64| {
        Client::connect(&own_pin(broker.as_ref().unwrap().config(agency), &format!("{number}.pin"))).unwrap().as_officer(officer)
    };
    let pairs: Vec<_> = (0..CLIENTS).map(|number| (connect(POLICE, "klara", number), connect(BOARD, "sara", number))).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let playing: Vec<_> = pairs.into_iter().map(|pair| tokio::spawn(play(pair, Random(random.next()), Arc::clone(&stop)))).collect();
    for _ in 0..cycles {
        if let Some(running) = broker.take() {
            tokio::time::sleep(Duration::from_millis(random.within(LOAD_MILLIS.0, LOAD_MILLIS.1))).await;
            running.kill().await;
        }
        if random.within(0, 7) == 0 {
            // Killed while it starts: dropping what waits for it sends SIGKILL.
            until_free(&folder).await;
            let early = Duration::from_millis(random.within(0, START_MILLIS_MAX));
            broker = tokio::time::timeout(early, Broker::start(&folder, "")).await.ok();
        } else {
            broker = Some(start_timed(&folder, &mut times).await);
        }
    }
    let broker = if let Some(running) = broker { running } else { start_timed(&folder, &mut times).await };
    stop.store(true, Ordering::Relaxed);
    let mut told = Acknowledged::default();
    for player in playing {
        told.join(player.await.unwrap());
    }
    let auditor = Client::connect(&broker.config(AUDITOR)).unwrap().as_officer("eva");
    let (leaves, note) = whole_log(&auditor).await;
    check_journal(&told, &leaves);
    audit(&auditor, &leaves, &note);
    let (code, said) = replay(&folder).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(broker.stop().await, Some(0));
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{cycles} kills, {} acknowledged commands ({} referrals, {} sections received), {} events; start to ready: median {median:?}, max {longest:?}",
        told.commands,
        told.referrals,
        told.contents.len(),
        leaves.len()
    );
    assert!(told.commands > cycles, "the load was too small to show anything");
}
