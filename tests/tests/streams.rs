//! Streams of commands against the real broker: many at once, refusals between them, clients that vanish or do not read, and nonsense.
//!
//! `CANCELLED_CALLS` sets how many are given up at random points, `SEED` repeats a run.

use std::collections::BTreeSet;
use std::time::Duration;

use brygga_client::{Client, v1};
use brygga_domain::{Code as _, Fact, OfferAnswer, Reason};
use brygga_tests::harness::{Broker, on_postgres};
use brygga_tests::load::{Random, own_pin, setting, whole_log};
use brygga_tests::postgres;
use brygga_tests::requests::{AUDITOR, BOARD, POLICE, held_submission, minutes_ago, request_id, submission};
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

fn offer(id: String) -> v1::RecordOfferRequest {
    let result = Some(v1::offer::Result::Answer(OfferAnswer::Yes.number()));
    let offer = v1::Offer { result, reported_at: Some(brygga_wire::view::timestamp(minutes_ago(30))), ..Default::default() };
    v1::RecordOfferRequest { request_id: id, officer: String::from("klara"), offer: Some(offer), ..Default::default() }
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_run_again_submits_nothing_twice() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let example =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/examples/contact-request.json")).unwrap();
    // A batch names moments: the same line says the same whenever the file is run.
    let day = |time: brygga_domain::Time| format!("\"{}\"", time.to_string().split('T').next().unwrap());
    let example = example.replace("\"-1d\"", &day(minutes_ago(24 * 60))).replace("\"-0d\"", &day(minutes_ago(0)));
    let example = example.replace("\"+30d\"", &day(minutes_ago(0).plus_minutes(30 * 24 * 60)));
    let whole: serde_json::Value = serde_json::from_str(&example).unwrap();
    let line = |number: usize, recipient: &str| {
        let mut line = whole.clone();
        line["reported_at"] = minutes_ago(30 + u64::try_from(number).unwrap()).to_string().into();
        line["sender_reference"] = format!("made-up-{number}").into();
        line["recipient"] = recipient.into();
        line.to_string()
    };
    let mut lines: Vec<String> = (0..40).map(|number| line(number, "solna-rvc")).collect();
    lines[7] = line(7, "no-such-function");
    lines[9] = String::from("{ not json");
    // No child is one of many.
    let concern =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/examples/child-concern.json")).unwrap();
    lines[11] = serde_json::from_str::<serde_json::Value>(&concern).unwrap().to_string();
    let file = home.path().join("lines.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let run = async || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = ["brygga", "referral", "submit", "--officer", "klara", "-o", "json", "--as", POLICE, "--world"].map(str::to_owned);
        let rest = [broker.folder().display().to_string(), String::from("--batch"), file.display().to_string()];
        let code = brygga_cli::run(args.into_iter().chain(rest).collect(), &mut out, &mut err).await;
        let said: Vec<serde_json::Value> = String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (code, said, String::from_utf8(err).unwrap())
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
