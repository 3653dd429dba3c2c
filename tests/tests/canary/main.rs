//! Marked personal data in every field that a client can fill, and then a look at everything that the broker writes and says.
//!
//! The marks stand where they belong, in the content and in the openings, which can be erased; the same scan finds them there.

mod every_category;
mod every_method;

use std::fmt::Debug;
use std::path::Path;

use brygga_client::content::encode;
use brygga_client::content_v1::content::Section as Arm;
use brygga_client::content_v1::*;
use brygga_client::{Answered, Client, ClientConfig, ClientError, Deadlines, v1};
use brygga_engine::store::Reader as _;
use brygga_journal::v1 as codes;
use brygga_store::SqliteReader;
use brygga_tests::harness::Broker;
use brygga_tests::otlp::{Collector, get};
use brygga_tests::requests::{BOARD, POLICE, RVC, VICTIM, consent, decision, held_submission};
use brygga_tests::wire;
use brygga_wire::view::timestamp;
use bytes::Bytes;
use prost::Message as _;

/// Stands in every text; small letters and digits, so that it fits every field.
const MARK: &str = "zqkanarie7";
/// A published test number that belongs to nobody, as it is typed and as it is normalised.
const NUMBER: &str = "19121212-1212";
const NUMBER_PLAIN: &str = "191212121212";

/// What a scan looks for: each mark as it is and in hex, letters of either size.
fn needles() -> Vec<Vec<u8>> {
    let marks = [MARK, NUMBER, NUMBER_PLAIN, "1912-12-12"];
    let mut needles: Vec<Vec<u8>> = marks.iter().map(|mark| mark.as_bytes().to_vec()).collect();
    needles.extend(marks.iter().chain(&["ZQKANARIE7", "Zqkanarie7"]).map(|mark| hex::encode(mark).into_bytes()));
    needles
}

/// The marks that are found in some bytes, whatever the size of their letters.
fn hits(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.to_ascii_lowercase();
    let found = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle.as_slice());
    needles().into_iter().filter(found).map(|needle| String::from_utf8(needle).unwrap()).collect()
}

/// A text with the mark and letters of both sizes around it.
fn marked(what: &str) -> String {
    format!("{what} Zqkanarie7")
}

fn identity(person: &str) -> Option<Identity> {
    Some(Identity {
        person: person.to_owned(),
        given_name: marked("given"),
        family_name: marked("family"),
        personal_number: NUMBER.to_owned(),
        birth_date: String::from("1912-12-12"),
        ..Default::default()
    })
}

/// Content with the mark in each text.
fn contents() -> [(codes::Category, Bytes); 4] {
    let contact = SafeContact {
        telephone: marked("telephone"),
        email: String::from("zqkanarie7@example.invalid"),
        windows: vec![ContactWindow { days: vec![1], from: String::from("09:00"), until: String::from("11:00"), setting: marked("setting") }],
        who_may_answer: marked("who"),
        code_word: marked("code"),
        safe_third_person: marked("third"),
        do_not_contact: vec![marked("never")],
        ..Default::default()
    };
    let victim = VictimIdentity { identity: identity(VICTIM), residence_municipality: String::from("0184"), residence_district: marked("street") };
    let interpreter =
        Interpreter { language: String::from("som"), dialect: marked("dialect"), needed: true, gender_preference: marked("preference"), ..Default::default() };
    let heading = OffenceHeading { heading: marked("heading"), ..Default::default() };
    [
        (codes::Category::VictimIdentity, encode(Arm::VictimIdentity(victim))),
        (codes::Category::SafeContact, encode(Arm::SafeContact(contact))),
        (codes::Category::Interpreter, encode(Arm::Interpreter(interpreter))),
        (codes::Category::OffenceHeading, encode(Arm::OffenceHeading(heading))),
    ]
}

fn excluded() -> v1::Exclusion {
    v1::Exclusion { agency: String::from("solna-soc"), officer: format!("{MARK}-jav"), ..Default::default() }
}

fn submission(number: &str) -> v1::SubmitReferralRequest {
    let sections = contents().into_iter().map(|(category, content)| v1::Section {
        number: 0,
        category: category.into(),
        persons: vec![VICTIM.to_owned()],
        investigation: category == codes::Category::OffenceHeading,
        content,
    });
    let identifier = v1::Identifier { r#type: v1::IdentifierType::PersonalNumber.into(), value: NUMBER.to_owned() };
    v1::SubmitReferralRequest {
        sender_reference: format!("5000-{number}-zqkanarie7"),
        persons: vec![v1::Person { name: VICTIM.to_owned(), identifier: Some(identifier), protected_identity: codes::ProtectedIdentity::None.into() }],
        sections: sections.collect(),
        excluded: Some(v1::ExclusionList { exclusions: vec![excluded()] }),
        ..held_submission()
    }
}

fn offer() -> v1::RecordOfferRequest {
    let result = Some(v1::offer::Result::Answer(codes::OfferAnswer::Yes.into()));
    let reported_at = Some(timestamp(brygga_tests::requests::minutes_ago(30)));
    v1::RecordOfferRequest { offer: Some(v1::Offer { result, reported_at, ..Default::default() }), ..Default::default() }
}

/// Everything that a client saw of refusals, as text.
#[derive(Default)]
struct Said(Vec<String>);

impl Said {
    fn refused<T>(&mut self, what: &str, outcome: Result<T, ClientError>) {
        let Err(error) = outcome else { panic!("{what} was not refused") };
        // The id is what this side sent, kept by the client; everything else came from the broker.
        let answered = Answered { request_id: String::new(), ..error.answered().unwrap_or_else(|| panic!("{what}: {error}")).clone() };
        self.0.push(format!("{what}: {answered:?} {error}"));
    }

    fn of(&mut self, what: &str, outcome: Result<Bytes, tonic::Status>) {
        self.status(what, &outcome.err().unwrap_or_else(|| panic!("{what} was not refused")));
    }

    fn status(&mut self, what: &str, status: &tonic::Status) {
        self.0.push(format!("{what}: {status:?} {} {:?}", String::from_utf8_lossy(status.details()), status.metadata()));
    }
}

fn scan(place: &str, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    assert!(!bytes.is_empty(), "{place} is empty: the scan would show nothing");
    let found = hits(bytes);
    assert_eq!(found, Vec::<String>::new(), "{place} holds what it must not: {}", around(bytes, &found));
}

/// A little of what stands around the first hit.
fn around(bytes: &[u8], found: &[String]) -> String {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let at = found.first().and_then(|mark| text.find(mark.as_str())).unwrap_or_default();
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}

/// The way of one referral from offer to closing, with the mark wherever there is a text.
async fn whole_way(police: &Client, board: &Client, auditor: &Client) -> String {
    police.record_offer(offer()).await.unwrap();
    let submitted = police.submit_referral(submission("A")).await.unwrap().response.referral.unwrap().id;
    let terms = Some(consent(&contents().map(|(category, _)| category)));
    police.record_consent(v1::RecordConsentRequest { referral: submitted.clone(), terms, ..Default::default() }).await.unwrap();
    let mut decided = decision(&marked("reasons"));
    decided.cells = (1..=4).map(|section| brygga_tests::requests::release(section, VICTIM, "CONSENT")).collect();
    decided.cells.push(brygga_tests::requests::release(4, "investigation", "NO_HARM"));
    let decide = v1::DecideClearanceRequest { referral: submitted.clone(), decision: Some(decided), ..Default::default() };
    police.decide_clearance(decide).await.unwrap();
    let referral = submitted.clone();
    let opened = board.open_referral(v1::OpenReferralRequest { referral: referral.clone(), ..Default::default() }).await.unwrap();
    assert_eq!(hits(&opened.response.sections[0].content).len(), 3, "the content arrives as it was given");
    board.accept_referral(v1::AcceptReferralRequest { referral: referral.clone(), ..Default::default() }).await.unwrap();
    let at = Some(timestamp(brygga_tests::requests::minutes_ago(0)));
    let contact = Some(v1::Contact { outcome: codes::ContactOutcome::Reached.into(), at, channel: codes::SafeChannel::Telephone.into(), ..Default::default() });
    board.record_contact(v1::RecordContactRequest { referral: referral.clone(), contact, ..Default::default() }).await.unwrap();
    let consents = police.list_consents(v1::ListConsentsRequest { referral: referral.clone(), ..Default::default() }).await.unwrap().consents;
    let withdraw = v1::WithdrawConsentRequest { referral: referral.clone(), consent_id: consents[0].id.clone(), ..Default::default() };
    police.withdraw_consent(withdraw).await.unwrap();
    let closing = Some(v1::Closing { outcome: codes::ClosingOutcome::Supported.into(), ..Default::default() });
    board.close_referral(v1::CloseReferralRequest { referral: referral.clone(), closing, ..Default::default() }).await.unwrap();
    let purpose = Some(v1::StatedPurpose { purpose: marked("purpose"), case_number: marked("case") });
    let filter = Some(v1::EntryFilter { referral: referral.clone(), ..Default::default() });
    auditor.search_entries(v1::SearchEntriesRequest { purpose: purpose.clone(), filter, ..Default::default() }).await.unwrap();
    auditor.get_entry(v1::GetEntryRequest { purpose, position: 0, ..Default::default() }).await.unwrap();
    referral
}

/// Refused and malformed requests, each with the mark in another field.
async fn refusals(police: &Client, board: &Client, said: &mut Said) {
    let mark = || marked("free text");
    let again = submission("A");
    said.refused("sent twice", police.submit_referral(again).await);
    said.refused("recipient", police.submit_referral(v1::SubmitReferralRequest { recipient: mark(), ..submission("B") }).await);
    said.refused("unknown function", police.submit_referral(v1::SubmitReferralRequest { recipient: format!("{MARK}-soc"), ..submission("B") }).await);
    said.refused("leader", police.submit_referral(v1::SubmitReferralRequest { leader: mark(), ..submission("B") }).await);
    let nowhere = Some(v1::ExclusionList { exclusions: vec![v1::Exclusion { agency: mark(), ..excluded() }] });
    said.refused("excluded", police.submit_referral(v1::SubmitReferralRequest { excluded: nowhere, ..submission("B") }).await);
    said.refused("thread", police.submit_referral(v1::SubmitReferralRequest { thread_id: mark(), ..submission("B") }).await);
    said.refused("offer", police.submit_referral(v1::SubmitReferralRequest { offer_id: mark(), ..submission("B") }).await);
    let mut person = submission("B");
    person.persons[0].name = mark();
    said.refused("person", police.submit_referral(person).await);
    let mut identifier = submission("B");
    identifier.persons[0].identifier = Some(v1::Identifier { r#type: v1::IdentifierType::PersonalNumber.into(), value: format!("{NUMBER}{MARK}") });
    said.refused("identifier", police.submit_referral(identifier).await);
    let mut content = submission("B");
    content.sections[0].content = Bytes::from(mark());
    said.refused("content", police.submit_referral(content).await);
    said.refused("request id", police.submit_referral(v1::SubmitReferralRequest { request_id: mark(), ..submission("B") }).await);
    said.refused("officer", police.submit_referral(v1::SubmitReferralRequest { officer: format!("Anna {MARK}"), ..submission("B") }).await);
    said.refused("long reference", police.submit_referral(v1::SubmitReferralRequest { sender_reference: MARK.repeat(20), ..submission("B") }).await);
    let mut language = offer();
    language.offer.as_mut().unwrap().language = mark();
    said.refused("language", police.record_offer(language).await);
    let mut district = offer();
    district.offer.as_mut().unwrap().district = mark();
    said.refused("district", police.record_offer(district).await);
    said.refused("referral", board.open_referral(v1::OpenReferralRequest { referral: mark(), ..Default::default() }).await);
    said.refused("function", board.list_inbox(v1::ListInboxRequest { function: mark(), ..Default::default() }).await);
    said.refused("page token", board.list_inbox(v1::ListInboxRequest { function: RVC.to_owned(), page_token: mark(), ..Default::default() }).await);
    let held = police.submit_referral(submission("C")).await.unwrap().response.referral.unwrap().id;
    said.refused("not yours", board.open_referral(v1::OpenReferralRequest { referral: held.clone(), ..Default::default() }).await);
    let decide = |decision| v1::DecideClearanceRequest { referral: held.clone(), decision: Some(decision), ..Default::default() };
    said.refused("consent missing", police.decide_clearance(decide(decision(&mark()))).await);
    let mut ground = decision(&mark());
    ground.cells = vec![brygga_tests::requests::release(1, VICTIM, &mark())];
    said.refused("ground", police.decide_clearance(decide(ground)).await);
    let mut interest = decision(&mark());
    interest.cells = vec![brygga_tests::requests::release(1, &mark(), "CONSENT")];
    said.refused("interest", police.decide_clearance(decide(interest)).await);
    said.refused("control character", police.decide_clearance(decide(decision(&format!("{}\u{7}", mark())))).await);
    let withdraw = v1::WithdrawConsentRequest { referral: held.clone(), consent_id: mark(), ..Default::default() };
    said.refused("consent", police.withdraw_consent(withdraw).await);
}

/// Bytes that are no message, and a method that does not exist.
async fn malformed(config: &ClientConfig, said: &mut Said) {
    let channel = wire::channel(config);
    let whole = submission("D").encode_to_vec();
    let submit = "/brygga.v1.ReferralService/SubmitReferral";
    said.of("garbage", wire::call(&channel, submit, wire::frame(format!("{MARK} {NUMBER}").as_bytes())).await);
    said.of("truncated", wire::call(&channel, submit, wire::frame(&whole[..whole.len() / 2])).await);
    let torn: Vec<u8> = whole.iter().map(|byte| if *byte == b'Z' { 0xff } else { *byte }).collect();
    said.of("not UTF-8", wire::call(&channel, submit, wire::frame(&torn)).await);
    let large = MARK.repeat(200_000);
    said.of("oversize", wire::call(&channel, submit, wire::frame(large.as_bytes())).await);
    said.of("unknown method", wire::call(&channel, &format!("/brygga.v1.ReferralService/{MARK}"), wire::frame(&whole)).await);
}

/// Every name of a file or folder under a folder.
fn names(folder: &Path) -> String {
    let mut names = String::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        names.push_str(&format!("{}\n", entry.file_name().to_string_lossy()));
        if entry.path().is_dir() {
            names.push_str(&self::names(&entry.path()));
        }
    }
    names
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// The journal holds no mark, and the rows that can be erased do: the same scan finds them there.
async fn scan_database(folder: &Path, referral: &str) {
    let path = folder.join("brygga.db");
    let mut reader = SqliteReader::open_beside(&path).await.unwrap();
    let events = reader.events(0, i64::MAX).await.unwrap();
    assert!(events.len() > 20, "{}", events.len());
    for row in &events {
        scan(&format!("event {}", row.position), &row.bytes.0);
        scan(&format!("event {} as facts", row.position), shown(&brygga_journal::decode(&row.bytes.0).unwrap()));
    }
    let id: brygga_domain::ReferralId = referral.parse().unwrap();
    let contents = reader.contents(&id.as_bytes().into(), &[(1, 1), (2, 1), (3, 1), (4, 1)]).await.unwrap();
    assert_eq!(contents.len(), 4);
    for row in &contents {
        assert!(!hits(&row.bytes.0).is_empty(), "section {} lost its mark: the scan shows nothing", row.section);
    }
    let mut opened = 0;
    for row in &events {
        let openings = reader.openings(row.position).await.unwrap();
        opened += openings.iter().filter(|opening| !hits(&opening.value.0).is_empty()).count();
    }
    assert!(opened >= 3, "reasons, purpose and case number stand in {opened} openings");
    let rows = reader.all_referrals(brygga_engine::store::After { after: -1, limit: 100 }).await.unwrap();
    scan("rows of referrals", serde_json::to_vec(&rows).unwrap());
    let whole: Vec<u8> = ["brygga.db", "brygga.db-wal"].iter().filter_map(|name| std::fs::read(folder.join(name)).ok()).flatten().collect();
    assert!(!hits(&whole).is_empty(), "the raw file holds the content, so the scan must find it there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_says_who_she_is_is_written_or_said_outside_the_content() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let collector = Collector::start().await;
    let more = format!(
        "\n[telemetry]\nlog_format = \"json\"\nlog_level = \"debug\"\notlp_endpoint = \"{}\"\ntraces = true\nmetrics = true\nprometheus = true\n",
        collector.endpoint()
    );
    let broker = Broker::start(&folder, &more).await;
    let officer = format!("klara.{MARK}");
    let deadlines = Deadlines { overall: std::time::Duration::from_secs(20), ..Deadlines::default() };
    let connect = |agency| Client::connect(&ClientConfig { deadlines, ..broker.config(agency) }).unwrap().as_officer(&officer);
    let (police, board, auditor) = (connect(POLICE), connect(BOARD), connect("imy"));
    let mut said = Said::default();
    let referral = whole_way(&police, &board, &auditor).await;
    refusals(&police, &board, &mut said).await;
    let prosecution = connect("vasterort-aklagare");
    let marked = every_category::submitted(&[(POLICE, &police), ("vasterort-aklagare", &prosecution), (BOARD, &board)]).await;
    let other = Client::connect(&ClientConfig { deadlines, ..broker.config(POLICE) }).unwrap().as_officer(&format!("ake.{MARK}"));
    every_method::carried_out(&police, &other).await;
    let channels = [POLICE, BOARD, "imy"].map(|agency| wire::channel(&broker.config(agency)));
    every_method::asked(&channels, &mut said).await;
    malformed(&broker.config(POLICE), &mut said).await;
    scan("the Prometheus endpoint", get(broker.ready()["operator"].as_str().unwrap(), "/metrics").await);
    assert_eq!(broker.stop().await, Some(0));
    let told: Vec<String> = said.0.iter().filter(|text| !hits(text.as_bytes()).is_empty()).cloned().collect();
    assert_eq!(told, Vec::<String>::new(), "errors that say what a client wrote");
    assert!(said.0.len() > 25);
    let log = std::fs::read_to_string(folder.with_extension("log")).unwrap();
    assert!(log.lines().count() > 3 && log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    scan("the log", &log);
    let received = collector.wait_until("traces and metrics", |received| !received.traces.is_empty() && !received.metrics.is_empty()).await;
    assert!(received.spans().count() > 30, "{}", received.spans().count());
    scan("spans and metrics", received.bytes());
    scan("names of files", names(&folder));
    scan_database(&folder, &referral).await;
    every_category::arrived(&folder, &marked).await;
}

#[test]
fn the_scan_finds_what_is_planted() {
    let planted = ["x Zqkanarie7 y", "ZQKANARIE7", "no. 19121212-1212", "id=191212121212;", &hex::encode("a Zqkanarie7"), &hex::encode_upper("zqkanarie7")];
    for text in planted {
        assert!(!hits(text.as_bytes()).is_empty(), "{text}");
    }
    assert!(hits(b"zqkanarie 7, 1912").is_empty());
}
