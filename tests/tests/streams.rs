//! Streams of commands against the real broker: many at once, refusals between them, clients that vanish or do not read, and nonsense.
//!
//! `CANCELLED_CALLS` sets how many are given up at random points, `SEED` repeats a run.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use brygga_client::{Client, v1};
use brygga_domain::{Fact, Reason};
use brygga_engine::store::{After, Reader as _};
use brygga_store::SqliteReader;
use brygga_tests::harness::{Broker, on_postgres, replayed, settle};
use brygga_tests::load::{Random, own_pin, setting, whole_log};
use brygga_tests::postgres;
use brygga_tests::requests::{AUDITOR, BOARD, POLICE, held_submission, minutes_ago, offer, request_id, submission};
use brygga_tests::wire::{call, channel, frame, framed, within};
use brygga_wire::contract::{CommandStream as _, InboxCommands, ReferralCommands};
use brygga_wire::envelope::Enveloped;
use brygga_wire::v1::stream_service_client::StreamServiceClient;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_types::StatusExt;

/// Commands of the long stream.
const COMMANDS: u64 = 2_000;
/// Calls and streams that are given up.
const CANCELLED_CALLS: u64 = 10_000;
/// Longest life of one that is given up.
const LIFE_MICROS_MAX: u64 = 6_000;
/// Clients of the test that gives up.
const CLIENTS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_commands_over_one_stream_each_get_their_own_answer() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let (police, board) = (broker.client(POLICE, "klara"), broker.client(BOARD, "sara"));
    let (sending, receiving) = (police.stream_referrals(), board.stream_inbox());
    let mut players = JoinSet::new();
    for number in 0..COMMANDS {
        let (sending, receiving) = (sending.clone(), receiving.clone());
        players.spawn(async move {
            let id = request_id(u128::from(number) + 1);
            match number % 4 {
                0 => {
                    let request = v1::SubmitReferralRequest { request_id: id, officer: String::from("klara"), ..submission() };
                    let answer = sending.call(request.clone()).await.unwrap();
                    let referral = answer.response.referral.clone().unwrap().id;
                    let opened = receiving.call(v1::OpenReferralRequest { referral, ..Default::default() }).await.unwrap();
                    assert_eq!(opened.response.sections.len(), 3);
                    Some((request, answer.response))
                }
                1 => {
                    let unknown = v1::AcceptReferralRequest { referral: id, ..Default::default() };
                    assert_eq!(receiving.call(unknown).await.err().unwrap().reason(), Some(Reason::NotFound));
                    None
                }
                2 => {
                    let faulty = v1::SubmitReferralRequest { request_id: id, recipient: String::new(), ..held_submission() };
                    let error = sending.call(faulty).await.err().unwrap();
                    assert_eq!((error.reason(), error.violations()[0].field.as_str()), (Some(Reason::MalformedMessage), "recipient"));
                    None
                }
                _ => {
                    assert_eq!(sending.call(offer(id.clone())).await.unwrap().request_id, id);
                    None
                }
            }
        });
    }
    let mut submitted = Vec::new();
    while let Some(done) = within("an answer", players.join_next()).await {
        submitted.extend(done.unwrap());
    }
    assert_eq!(submitted.len(), usize::try_from(COMMANDS / 4).unwrap());
    let referrals: BTreeSet<&str> = submitted.iter().map(|(_, response)| response.referral.as_ref().unwrap().id.as_str()).collect();
    assert_eq!(referrals.len(), submitted.len());
    // The same key by a call of its own gives the same receipt, byte for byte, and so does another stream.
    let (request, response) = submitted.swap_remove(submitted.len() / 2);
    assert_eq!(police.submit_referral(request.clone()).await.unwrap().response.receipt, response.receipt);
    assert_eq!(police.stream_referrals().call(request).await.unwrap().response.receipt, response.receipt);
    assert_eq!(police.pin().unwrap().origin, broker.ready()["log_key"].as_str().unwrap().split('+').next().unwrap());
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_ends_a_stream_as_the_clients_fault() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let wire = channel(&broker.config(POLICE));
    let large = vec![0; 1024 * 1024 + 1];
    let cases = [
        ("no command", frame(&[]), Reason::MalformedMessage),
        ("no protobuf", frame(&[0xff, 0xff]), Reason::MalformedMessage),
        ("two commands", frame(&[0x0a, 0, 0x0a, 0]), Reason::MalformedMessage),
        ("a command of no number", frame(&[0xea, 0x06, 0]), Reason::MalformedMessage),
        ("a number", frame(&[0x08, 1]), Reason::MalformedMessage),
        ("no request in a command", frame(&[0x0a, 2, 0xff, 0xff]), Reason::MalformedMessage),
        ("compressed", framed(1, 2, &[0x0a, 0]), Reason::MalformedMessage),
        ("half a frame", framed(0, 9, &[0x0a, 0]), Reason::MalformedMessage),
        ("too large", frame(&large), Reason::MessageTooLarge),
    ];
    for path in [ReferralCommands::PATH, InboxCommands::PATH] {
        for (what, body, reason) in &cases {
            let status = call(&wire, path, body.clone()).await.unwrap_err();
            let said = status.get_details_error_info().unwrap_or_else(|| panic!("{path}, {what}: {status:?}"));
            assert_eq!((status.code(), said.reason.as_str()), (Code::InvalidArgument, reason.code()), "{path}, {what}");
        }
    }
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_stalls_nobody_else_and_no_stop() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let mut silent = Vec::new();
    for agency in [POLICE, "vasterort-aklagare"] {
        let (commands, queue) = mpsc::channel(16);
        let answers = StreamServiceClient::new(channel(&broker.config(agency))).stream_referrals(ReceiverStream::new(queue)).await.unwrap().into_inner();
        let mut sent = 0_u64;
        loop {
            // Whole referrals: who lets thousands of small frames pile up unread is cut by HTTP/2 itself (ENHANCE_YOUR_CALM, RFC 9113, 7).
            let request = v1::SubmitReferralRequest { request_id: request_id(u128::from(sent) + 1), officer: String::from("klara"), ..submission() };
            let command = Enveloped::of::<ReferralCommands, _>(&request);
            match tokio::time::timeout(Duration::from_secs(1), commands.send(command)).await {
                Ok(taken) => taken.unwrap(),
                Err(_) => break,
            }
            sent += 1;
            assert!(sent < 100_000, "answers pile up without end");
        }
        silent.push((commands, answers));
    }
    let began = std::time::Instant::now();
    let other = broker.client(POLICE, "klara").stream_referrals();
    for number in 0..50 {
        within("an answer", other.call(offer(request_id((7 << 64) + number)))).await.unwrap();
    }
    println!("50 commands beside two silent streams: {:?}", began.elapsed());
    assert_eq!(broker.stop().await, Some(0));
    drop(silent);
}

/// Begins a call or a stream and gives it up; whether it was answered before does not matter.
async fn give_up(client: &Client, wire: &tonic::transport::Channel, random: u64, requests: Vec<v1::RecordOfferRequest>) {
    let life = Duration::from_micros(random % LIFE_MICROS_MAX);
    match random % 4 {
        3 => {
            // Questions, and a stream of what becomes of referrals: each is given up while a reader works for it.
            let mut questions = JoinSet::new();
            for _ in &requests {
                let client = client.clone();
                questions.spawn(async move { client.list_referrals(v1::ListReferralsRequest::default()).await.map(drop) });
            }
            drop(tokio::time::timeout(life, client.watch_referrals(0).next()).await);
        }
        0 => {
            let all = requests.into_iter().map(|request| client.record_offer(request));
            drop(
                tokio::time::timeout(life, async {
                    for call in all {
                        drop(call.await)
                    }
                })
                .await,
            );
        }
        1 => {
            let stream = client.stream_referrals();
            let mut calls = JoinSet::new();
            for request in requests {
                let stream = stream.clone();
                calls.spawn(async move { stream.call(request).await.map(drop) });
            }
            tokio::time::sleep(life).await;
            // Dropping the set gives all of them up.
            drop((calls, stream));
        }
        _ => {
            let (commands, queue) = mpsc::channel(16);
            let streamed = async {
                let mut answers = StreamServiceClient::new(wire.clone()).stream_referrals(ReceiverStream::new(queue)).await.unwrap().into_inner();
                for request in &requests {
                    commands.send(Enveloped::of::<ReferralCommands, _>(request)).await.unwrap();
                }
                while let Ok(Some(_)) = answers.message().await {}
            };
            drop(tokio::time::timeout(life, streamed).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_at_any_point_is_carried_out_once_or_not_yet() {
    let (count, seed) = (setting("CANCELLED_CALLS", CANCELLED_CALLS), setting("SEED", u64::from(std::process::id())));
    println!("SEED={seed} CANCELLED_CALLS={count}");
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let mut players = JoinSet::new();
    for player in 0..CLIENTS {
        let config = broker.config(POLICE);
        let wire = channel(&config);
        let client = Client::connect(&own_pin(config, &format!("{player}.pin"))).unwrap().as_officer("klara");
        let mut random = Random(seed.wrapping_add(player));
        players.spawn(async move {
            let mut all = Vec::new();
            for number in 0..count / CLIENTS {
                let some = 1 + u128::from(random.draw() % 4);
                let requests: Vec<_> = (0..some).map(|which| offer(request_id(u128::from(player + 1) << 96 | u128::from(number) << 8 | which))).collect();
                give_up(&client, &wire, random.draw(), requests.clone()).await;
                all.extend(requests);
            }
            // Whatever became of each: under its key it is there once, and a repeat gives its receipt.
            let stream = client.stream_referrals();
            let mut repeats = JoinSet::new();
            for request in all {
                let stream = stream.clone();
                repeats.spawn(async move { stream.call(request).await.unwrap().proof.positions_of("OfferRecorded")[0].0 });
            }
            repeats.join_all().await
        });
    }
    let mut positions = Vec::new();
    while let Some(found) = within("what was given up", players.join_next()).await {
        positions.extend(found.unwrap());
    }
    let distinct: BTreeSet<u64> = positions.iter().copied().collect();
    assert_eq!(distinct.len(), positions.len(), "two commands, one event");
    let auditor = broker.client(AUDITOR, "eva");
    let log = whole_log(&auditor).await;
    let is_offer = |leaf: &Bytes| matches!(brygga_journal::decode(leaf).unwrap().fact, Fact::OfferRecorded(_));
    let recorded: BTreeSet<u64> = log.entries.iter().filter(|(_, leaf)| is_offer(leaf)).map(|(position, _)| *position).collect();
    assert_eq!(recorded, distinct, "recorded, and acknowledged");
    if on_postgres() {
        postgres::no_session_in_transaction(broker.folder()).await;
    }
    // The readers are all there: more questions at once than there are readers are answered.
    let police = broker.client(POLICE, "klara");
    let mut questions = JoinSet::new();
    for _ in 0..64 {
        let police = police.clone();
        questions.spawn(async move { police.list_referrals(v1::ListReferralsRequest::default()).await.map(drop) });
    }
    assert!(within("the answers", questions.join_all()).await.iter().all(Result::is_ok));
    within("an answer", police.record_offer(offer(request_id(7 << 120)))).await.unwrap();
    assert_eq!(broker.stop().await, Some(0));
}

/// Content on its way, submissions and withdrawals, each given up; whether it was answered before does not matter.
async fn give_up_content(client: &Client, inbox: &Client, random: u64, given_up: &GivenUp) {
    let life = Duration::from_micros(random % LIFE_MICROS_MAX);
    let begun = async {
        match given_up {
            GivenUp::Submitted(request) => drop(client.submit_referral(*request.clone()).await),
            GivenUp::Opened(request) => drop(inbox.open_referral(request.clone()).await),
            GivenUp::OpenedOnStream(request) => drop(inbox.stream_inbox().call(request.clone()).await),
            GivenUp::Withdrawn(request) => drop(client.withdraw_consent(request.clone()).await),
        }
    };
    drop(tokio::time::timeout(life, begun).await);
}

enum GivenUp {
    Submitted(Box<v1::SubmitReferralRequest>),
    Opened(v1::OpenReferralRequest),
    OpenedOnStream(v1::OpenReferralRequest),
    Withdrawn(v1::WithdrawConsentRequest),
}

impl GivenUp {
    /// The next of a player's: of what it submitted itself some is opened, and little withdrawn.
    fn next(id: String, random: &mut Random, ready: &[(String, String)]) -> Self {
        let (referral, consent_id) = ready[usize::try_from(random.within(0, u64::try_from(ready.len()).unwrap() - 1)).unwrap()].clone();
        let open = v1::OpenReferralRequest { request_id: id.clone(), referral: referral.clone(), ..Default::default() };
        match random.within(0, 9) {
            0..4 => Self::Submitted(Box::new(v1::SubmitReferralRequest { request_id: id, ..submission() })),
            4..7 => Self::Opened(open),
            7..9 => Self::OpenedOnStream(open),
            _ => Self::Withdrawn(v1::WithdrawConsentRequest { request_id: id, referral, consent_id, ..Default::default() }),
        }
    }

    /// Under its key it was carried out once, or is now, or is refused for what a withdrawal has shut; gives what was submitted.
    async fn again(self, client: &Client, inbox: &Client) -> Option<String> {
        let may_be_shut = |outcome: Result<(), brygga_client::ClientError>| {
            let shut = [Reason::NotCleared, Reason::AlreadyWithdrawn, Reason::WrongStage, Reason::ConsentWithdrawn];
            assert!(outcome.as_ref().err().is_none_or(|error| error.reason().is_some_and(|reason| shut.contains(&reason))), "{outcome:?}");
        };
        match self {
            Self::Submitted(request) => return Some(client.submit_referral(*request).await.unwrap().response.referral.unwrap().id),
            Self::Opened(request) | Self::OpenedOnStream(request) => may_be_shut(inbox.open_referral(request).await.map(drop)),
            Self::Withdrawn(request) => may_be_shut(client.withdraw_consent(request).await.map(drop)),
        }
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_is_given_up_leaves_nothing_on_its_way() {
    // Each is a whole submission, opening or withdrawal, so there are fewer of them.
    let (count, seed) = (setting("CANCELLED_CALLS", CANCELLED_CALLS) / 5, setting("SEED", u64::from(std::process::id())));
    println!("SEED={seed} given up: {count}");
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let mut players = JoinSet::new();
    for player in 0..CLIENTS {
        let client = Client::connect(&own_pin(broker.config(POLICE), &format!("{player}.pin"))).unwrap().as_officer("klara");
        let inbox = Client::connect(&own_pin(broker.config(BOARD), &format!("{player}.pin"))).unwrap().as_officer("sara");
        let mut random = Random(seed.wrapping_add(player));
        players.spawn(async move {
            let (mut ready, mut all) = (Vec::new(), Vec::new());
            for _ in 0..20 {
                let answer = client.submit_referral(submission()).await.unwrap();
                let consent = answer
                    .proof
                    .events()
                    .values()
                    .find_map(|event| if let Fact::ConsentRecorded(given) = &event.fact { Some(given.consent.to_string()) } else { None });
                ready.push((answer.response.referral.unwrap().id, consent.unwrap()));
            }
            for number in 0..count / CLIENTS {
                let id = request_id(u128::from(player + 1) << 96 | u128::from(number));
                let given_up = GivenUp::next(id, &mut random, &ready);
                give_up_content(&client, &inbox, random.draw(), &given_up).await;
                all.push(given_up);
            }
            let mut submitted: Vec<String> = ready.into_iter().map(|(referral, _)| referral).collect();
            for given_up in all {
                submitted.extend(given_up.again(&client, &inbox).await);
            }
            submitted
        });
    }
    let submitted: Vec<String> = within("what was given up", players.join_all()).await.concat();
    let log = whole_log(&broker.client(AUDITOR, "eva")).await;
    let facts = || log.entries.iter().map(|(_, leaf)| brygga_journal::decode(leaf).unwrap().fact);
    let on_record: Vec<String> =
        facts().filter_map(|fact| if let Fact::ReferralSubmitted(new) = fact { Some(new.referral.to_string()) } else { None }).collect();
    let distinct = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!((on_record.len(), distinct(&on_record)), (submitted.len(), distinct(&submitted)), "recorded once, and acknowledged");
    assert!(
        facts().filter(|fact| matches!(fact, Fact::SectionsReleased { .. })).count() > 100 && facts().any(|fact| matches!(fact, Fact::ConsentWithdrawn { .. }))
    );
    within("nothing on its way", nothing_on_its_way(broker.folder())).await;
    replayed(broker.folder()).await;
    assert_eq!(broker.stop().await, Some(0));
}

/// Waits until the database says of nothing that it is on its way.
async fn nothing_on_its_way(world: &Path) {
    if on_postgres() {
        return postgres::nothing_on_its_way(world).await;
    }
    let mut reader = SqliteReader::open_beside(&world.join("brygga.db")).await.unwrap();
    let all = reader.all_referrals(After { after: -1, limit: 100_000 }).await.unwrap();
    for rows in all {
        while !reader.in_flight(rows.referral.first_position).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A made-up line of a batch by its number and recipient.
fn lines_of_a_batch() -> impl Fn(usize, &str) -> String {
    let example = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/examples/contact-request.json")).unwrap();
    // A batch names moments: the same line says the same whenever the file is run.
    let day = |time: brygga_domain::Time| format!("\"{}\"", time.to_string().split('T').next().unwrap());
    let example = example.replace("\"-1d\"", &day(minutes_ago(24 * 60))).replace("\"-0d\"", &day(minutes_ago(0)));
    let example = example.replace("\"+30d\"", &day(minutes_ago(0).plus_minutes(30 * 24 * 60)));
    let whole: serde_json::Value = serde_json::from_str(&example).unwrap();
    move |number, recipient| {
        let mut line = whole.clone();
        line["reported_at"] = minutes_ago(30 + u64::try_from(number).unwrap()).to_string().into();
        line["sender_reference"] = format!("made-up-{number}").into();
        line["recipient"] = recipient.into();
        line.to_string()
    }
}

/// `referral submit --batch`: its exit code, its answers and its talk.
async fn run_batch(world: &Path, file: &Path, format: &str) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["brygga", "referral", "submit", "--officer", "klara", "-o", format, "--as", POLICE, "--world"].map(str::to_owned);
    let rest = [world.display().to_string(), String::from("--batch"), file.display().to_string()];
    let code = brygga_cli::run(args.into_iter().chain(rest).collect(), &mut out, &mut err).await;
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_cut_short_is_taken_up_and_tells_how_far_it_is() {
    const LINES: usize = 1_100;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    assert_eq!(Broker::start(&folder, "").await.stop().await, Some(0));
    settle(&folder, (20_000, 29_999), &mut Random(u64::from(std::process::id())));
    let broker = Broker::start(&folder, "").await;
    let line = lines_of_a_batch();
    let lines: Vec<String> = (0..LINES).map(|number| line(number, "solna-rvc")).collect();
    let file = home.path().join("lines.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let police = broker.client(POLICE, "klara");
    let some_are_there = async {
        let all = || police.list_referrals(v1::ListReferralsRequest { page_size: 500, ..Default::default() });
        while all().await.unwrap().referrals.len() < 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        broker.kill().await;
        Broker::start(&folder, "").await
    };
    let ((code, ..), broker) = tokio::join!(run_batch(&folder, &file, "json"), some_are_there);
    println!("the batch whose broker was killed ended with {code}");
    let (code, said, talk) = run_batch(&folder, &file, "table").await;
    assert_eq!((code, said.lines().filter(|line| line.starts_with("line ")).count()), (0, LINES), "{talk}");
    assert!(talk.contains("submitting 1000 of 1100 lines"), "{talk}");
    let log = whole_log(&broker.client(AUDITOR, "eva")).await;
    let submitted = log.entries.iter().filter(|(_, leaf)| matches!(brygga_journal::decode(leaf).unwrap().fact, Fact::ReferralSubmitted(_)));
    assert_eq!(submitted.count(), LINES);
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_run_again_submits_nothing_twice() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let line = lines_of_a_batch();
    let mut lines: Vec<String> = (0..40).map(|number| line(number, "solna-rvc")).collect();
    lines[7] = line(7, "no-such-function");
    lines[9] = String::from("{ not json");
    // No child is one of many.
    let concern = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/examples/child-concern.json")).unwrap();
    lines[11] = serde_json::from_str::<serde_json::Value>(&concern).unwrap().to_string();
    let file = home.path().join("lines.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let run = async || {
        let (code, said, talk) = run_batch(broker.folder(), &file, "json").await;
        (code, said.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>(), talk)
    };
    let stored =
        |said: &[serde_json::Value]| -> BTreeSet<String> { said.iter().filter_map(|line| line["referral"]["id"].as_str().map(str::to_owned)).collect() };
    let (code, said, talk) = run().await;
    assert_eq!((code > 0, said.len()), (true, 40), "{talk}");
    let first = stored(&said);
    let refused: BTreeSet<u64> = said.iter().filter(|line| line["code"].is_string()).map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!((first.len(), refused), (37, BTreeSet::from([8, 10, 12])), "{talk}");
    assert!(said.iter().any(|line| line["line"] == 12 && line.to_string().contains("without --batch")), "{said:?}");
    // Mended and run again: the three are submitted, the others are repeats.
    lines[11] = line(11, "solna-rvc");
    lines[7] = line(7, "solna-rvc");
    lines[9] = line(9, "solna-rvc");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let (code, said, talk) = run().await;
    let second = stored(&said);
    assert_eq!((code, second.len(), second.is_superset(&first)), (0, 40, true), "{talk}");
    let police = broker.client(POLICE, "klara");
    let listed = police.list_referrals(v1::ListReferralsRequest { page_size: 500, ..Default::default() }).await.unwrap();
    assert_eq!(listed.referrals.len(), 40);
    assert_eq!(broker.stop().await, Some(0));
}
