//! The rows, by what they are about.

use brygga_client::v1;
use brygga_domain::codes::{ContactOutcome, DeclineReason, EmergencyVerdict, ResidenceBasis, RetractReason, ReturnReason, SafeChannel, StopUseAnswer};
use brygga_domain::{Category, Code as _, Reason, ReferralKind};
use brygga_tests::made_up::{
    CASE_HANDOVER, CONCERN_OF_POLICE, CONTACT_REQUEST, DECISION, HOUR, RISK, SUPPORT, answers, cell, content_of, from_now, release, section,
};
use brygga_tests::wire::{frame, framed};
use brygga_wire::content_v1::content::Section;
use brygga_wire::content_v1::{Concern, Identity, VictimIdentity};
use brygga_wire::contract::WriteRequest;
use bytes::Bytes;
use prost::Message;
use tonic::Code;

use crate::setting::{FORGED, INACTIVE, STRANGER, Setting, general_clause};
use crate::table::Row;

pub const KLARA: &str = "vasterort-polis/klara";
const SARA: &str = "solna-soc/sara";
pub const BAD: Code = Code::InvalidArgument;
const BLOCKED: Code = Code::FailedPrecondition;
const DENIED: Code = Code::PermissionDenied;
const ABSENT: Code = Code::NotFound;

/// A submission that would pass, changed.
pub fn submission_of(change: impl FnOnce(&mut v1::SubmitReferralRequest)) -> v1::SubmitReferralRequest {
    let mut request = CONTACT_REQUEST.submission();
    change(&mut request);
    request
}

/// Requests that are no message.
pub fn wire() -> Vec<Row> {
    let malformed = |name, text| Row::new(name, KLARA, submission_of(|_| {}), (BAD, Reason::MalformedMessage, text));
    let mut whole = submission_of(|_| {});
    whole.head(crate::table::request_id(), String::from("klara"), 0);
    let message = whole.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    // Field 2, the officer, as two bytes that are no UTF-8.
    let not_text = [&message[..], &[0x12, 2, 0xc3, 0x28]].concat();
    let oversize = Row::new("oversize", KLARA, submission_of(|_| {}), (Code::InvalidArgument, Reason::MessageTooLarge, "larger"));
    let police = "vasterort-polis";
    vec![
        oversize.sent(police, frame(&vec![0; 1024 * 1024 + 1])),
        malformed("cut in the middle of the message", "").sent(police, frame(&message[..message.len() / 2])),
        malformed("cut in the middle of the frame", "").sent(police, framed(0, length, &message[..message.len() / 2])),
        malformed("no frame at all", "").sent(police, Bytes::new()),
        malformed("garbage", "").sent(police, frame(&[0xff; 64])),
        malformed("garbage for a frame", "").sent(police, Bytes::from_static(&[0xff; 64])),
        malformed("not UTF-8", "").sent(police, frame(&not_text)),
        malformed("an empty message", "request_id").sent(police, frame(&[])),
    ]
}

/// What is wrong with a submission.
/// An identity with a number.
fn victim_numbered(number: &str) -> Bytes {
    let identity = Identity { personal_number: number.to_owned(), ..Default::default() };
    brygga_client::content::encode(Section::VictimIdentity(VictimIdentity { identity: Some(identity), ..Default::default() }))
}

fn submission_rows() -> Vec<(&'static str, v1::SubmitReferralRequest, (Code, Reason, &'static str))> {
    let ancient = prost_types::Timestamp { seconds: 900_000_000, nanos: 0 };
    let fine = prost_types::Timestamp { seconds: from_now(-HOUR).seconds, nanos: 1 };
    vec![
        ("unknown function", submission_of(|it| it.recipient = String::from("okand-funktion")), (BAD, Reason::UnknownFunction, "no such function")),
        ("no slug for a function", submission_of(|it| it.recipient = String::from("Okänd")), (BAD, Reason::MalformedMessage, "recipient: must be")),
        (
            "a telephone number where the offence is named",
            submission_of(|it| it.sections[3].content = content_of(Category::OffenceHeading, "070-174 06 05")),
            (BAD, Reason::MalformedMessage, "sections[3].content.heading: a telephone number belongs in"),
        ),
        (
            "a personal number that is none",
            submission_of(|it| it.sections[0].content = victim_numbered("19121212-1213")),
            (BAD, Reason::MalformedMessage, "sections[0].content.personal_number: must be a personal or coordination number"),
        ),
        ("unknown kind", submission_of(|it| it.kind = 99), (BAD, Reason::MalformedMessage, "kind: must be set to a known code")),
        (
            "no protected person",
            submission_of(|it| it.sections[0].persons.clear()),
            (BAD, Reason::MalformedMessage, "sections[0].persons: must name whose secrecy"),
        ),
        (
            "a section twice",
            submission_of(|it| it.sections.push(section(CONTACT_REQUEST.parts[0]))),
            (BAD, Reason::MalformedMessage, "sections[4]: another section has the same category and persons"),
        ),
        (
            "unknown category",
            submission_of(|it| it.sections[0].category = 99),
            (BAD, Reason::MalformedMessage, "sections[0].category: must be set to a known code"),
        ),
        (
            "content of another category",
            submission_of(|it| it.sections[0].content = content_of(Category::Suspect, "x")),
            (BAD, Reason::MalformedMessage, "sections[0].content: must hold content of the declared category"),
        ),
        (
            "a category that the kind does not carry",
            submission_of(|it| it.sections[0] = section((Category::CourtDecision, &["victim-1"], false))),
            (BAD, Reason::CategoryNotAllowed, "court_decision in contact_request"),
        ),
        ("a person whom nobody named", submission_of(|it| it.sections[0].persons = vec![String::from("child-9")]), (BAD, Reason::PersonUnknown, "child-9")),
        ("a time before 2000", submission_of(|it| it.reported_at = Some(ancient)), (BAD, Reason::MalformedMessage, "reported_at: must be whole microseconds")),
        (
            "a time below the microsecond",
            submission_of(|it| it.reported_at = Some(fine)),
            (BAD, Reason::MalformedMessage, "reported_at: must be whole microseconds"),
        ),
        ("a report tomorrow", submission_of(|it| it.reported_at = Some(from_now(24 * HOUR))), (BAD, Reason::TimeOutOfRange, "A time lies outside")),
        (
            "her data as the investigation's alone",
            submission_of(|it| it.sections[0] = section((Category::SafeContact, &[], true))),
            (BAD, Reason::MalformedMessage, "sections[0].persons"),
        ),
        ("an agency that is not there leads", submission_of(|it| it.leader = String::from("ingen-myndighet")), (BAD, Reason::UnknownAgency, "leader")),
        ("a recipient without an agreement", submission_of(|it| it.recipient = INACTIVE.1.to_owned()), (DENIED, Reason::AgencyNotActive, "")),
        (
            "police send what only prosecution sends",
            submission_of(|it| *it = v1::SubmitReferralRequest { recipient: String::from("vasterort-aklagare-kammare"), ..DECISION.submission() }),
            (BLOCKED, Reason::WrongDirection, ""),
        ),
        (
            "an offer that nobody recorded",
            submission_of(|it| it.offer_id = String::from("5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31")),
            (BAD, Reason::OfferUnknown, ""),
        ),
        (
            "decided on a consent that is not there",
            submission_of(|it| it.decisions = vec![CONTACT_REQUEST.decision()]),
            (BLOCKED, Reason::ConsentMissing, "section 1, victim-1"),
        ),
    ]
}

/// A child concern whose section of that category says something else.
pub fn changed_concern(change: impl FnOnce(&mut Concern)) -> v1::SubmitReferralRequest {
    let mut request = CONCERN_OF_POLICE.submission();
    let mut concern = Concern { what: String::from("made up"), assessment: String::from("made up"), ..Default::default() };
    change(&mut concern);
    let section = request.sections.iter_mut().find(|section| section.category == Category::Concern.number()).unwrap();
    section.content = brygga_client::content::encode(Section::Concern(concern));
    request
}

/// Submissions.
pub fn submission(setting: &Setting) -> Vec<Row> {
    let mut rows: Vec<Row> = submission_rows().into_iter().map(|(name, request, no)| Row::new(name, KLARA, request, no)).collect();
    let declined = submission_of(|it| it.offer_id.clone_from(&setting.declined_offer));
    let concern = v1::SubmitReferralRequest { recipient: String::from("solna-rvc"), ..CONCERN_OF_POLICE.submission() };
    let plain = || submission_of(|_| {});
    let without = changed_concern(|concern| concern.assessment.clear());
    let mut childless = changed_concern(|_| {});
    childless.sections[2].persons = vec![String::from("custodian-1")];
    rows.extend([
        Row::new("she said no", KLARA, declined, (BLOCKED, Reason::OfferDeclined, "")),
        Row::new("the RVC takes no child concern", KLARA, concern, (BLOCKED, Reason::FunctionDoesNotTake, "ask for the route")),
        Row::new(
            "a concern without an assessment",
            KLARA,
            without,
            (BAD, Reason::MalformedMessage, "sections[2].content.assessment: must say what was assessed for this child"),
        ),
        Row::new("a concern about no child", KLARA, childless, (BAD, Reason::MalformedMessage, "sections: must name, in each on the concern, the child")),
        Row::new("a board sends what only the police send", SARA, plain(), (BLOCKED, Reason::WrongDirection, "")),
        Row::new("a supervisor submits", "imy/ida", plain(), (DENIED, Reason::WrongRole, "")),
        Row::new("an agency without an agreement submits", "stockholm-bromma-soc/bo", SUPPORT.submission(), (DENIED, Reason::AgencyNotActive, "")),
        unknown_certificate("a known name on a certificate of another authority", FORGED),
        unknown_certificate("a name that the directory does not have", STRANGER),
    ]);
    rows
}

fn unknown_certificate(name: &'static str, connection: &'static str) -> Row {
    let row = Row::new(name, KLARA, submission_of(|_| {}), (DENIED, Reason::UnknownAgency, "no such agency"));
    let body = row.body.clone();
    row.sent(connection, body)
}

/// Her own cell of a section, decided about a revision.
fn release_of(section: u32, revision: u32) -> v1::CellDecision {
    let outcome = v1::ReleaseOutcome { ground: String::from("CONSENT"), revision, ..Default::default() };
    v1::CellDecision { outcome: Some(v1::cell_decision::Outcome::Release(outcome)), ..release(section, "victim-1", "CONSENT") }
}

fn decide(referral: &str, cells: Vec<v1::CellDecision>) -> v1::DecideClearanceRequest {
    let decision = v1::Decision { cells, answers: Some(answers(CONTACT_REQUEST.asserted)), reasons: String::from("made-up reasons"), ..Default::default() };
    v1::DecideClearanceRequest { referral: referral.to_owned(), decision: Some(decision), ..Default::default() }
}

fn confirm(referral: &str, section: u32, interest: &str) -> v1::ConfirmClearanceRequest {
    let decision = v1::Decision { cells: vec![release(section, interest, "GENERAL_CLAUSE")], ..general_clause().decision() };
    v1::ConfirmClearanceRequest { referral: referral.to_owned(), decision: Some(decision), ..Default::default() }
}

fn revoke(referral: &str, section: u32) -> v1::RevokeClearanceRequest {
    v1::RevokeClearanceRequest { referral: referral.to_owned(), cells: vec![cell(section, "victim-1")], ..Default::default() }
}

/// Decisions, the second officer's word, revocation.
pub fn clearance(setting: &Setting) -> Vec<Row> {
    let Setting { held, ready, waiting, opened, .. } = setting;
    let one = |ground: &str| vec![release(1, "victim-1", ground)];
    let unasserted = general_clause().decision();
    let unasserted = v1::Decision { cells: unasserted.cells, answers: None, reasons: unasserted.reasons, ..Default::default() };
    let unasserted = v1::DecideClearanceRequest { referral: setting.consented.clone(), decision: Some(unasserted), ..Default::default() };
    let no = |reason| (BLOCKED, reason, "section 1, victim-1");
    vec![
        Row::new("unknown ground", KLARA, decide(held, one("NO_SUCH_GROUND")), (BAD, Reason::GroundUnknown, "NO_SUCH_GROUND for section 1, victim-1")),
        Row::new("no ground's name", KLARA, decide(held, one("samtycke")), (BAD, Reason::MalformedMessage, "release.ground: must be")),
        Row::new("a ground for another direction", KLARA, decide(held, one(RISK.ground)), (BLOCKED, Reason::GroundNotForThis, RISK.ground)).logged(),
        Row::new(
            "a reason to refer is no clearance",
            KLARA,
            decide(held, one("DUTY_POLICE_NOTIFY")),
            (BLOCKED, Reason::GroundNeverClears, "DUTY_POLICE_NOTIFY"),
        )
        .logged(),
        Row::new("a revision that does not stand", KLARA, decide(held, vec![release_of(1, 2)]), (BLOCKED, Reason::RevisionChanged, "section 1, victim-1"))
            .logged(),
        Row::new("a ground whose conditions fail", KLARA, unasserted, (BLOCKED, Reason::ConditionUnmet, "GENERAL_CLAUSE needs: ")).logged(),
        Row::new(
            "her consent for the investigation",
            KLARA,
            decide(held, vec![release(4, "investigation", "CONSENT")]),
            (BLOCKED, Reason::GroundDoesNotLift, "CONSENT does not lift OSL 18:1"),
        )
        .logged(),
        Row::new("a template for a child concern", KLARA, marked(&setting.concern, &[7; 32]), (BLOCKED, Reason::TemplateNotAllowed, "")).logged(),
        Row::new("a template of no digest", KLARA, marked(held, &[7; 31]), (BAD, Reason::MalformedMessage, "decision.template.digest: must be")),
        Row::new("a decision that stands for years", KLARA, standing(held, 400), (BAD, Reason::TimeOutOfRange, "standing_until")),
        Row::new("a decision that has stood", KLARA, standing(held, -1), (BAD, Reason::TimeOutOfRange, "standing_until")),
        Row::new("no such cell", KLARA, decide(held, vec![release(9, "victim-1", "NO_HARM")]), (BAD, Reason::CellUnknown, "section 9, victim-1")),
        Row::new("deciding twice", KLARA, decide(ready, one("NO_HARM")), no(Reason::AlreadyDecided)).logged(),
        Row::new("confirming one's own decision", KLARA, confirm(waiting, 1, "victim-1"), (DENIED, Reason::OwnDecision, "")).logged(),
        Row::new("nothing to confirm", "vasterort-polis/olof", confirm(ready, 1, "victim-1"), no(Reason::NothingToConfirm)).logged(),
        Row::new("nothing to revoke", KLARA, revoke(held, 1), no(Reason::NothingToRevoke)),
        Row::new("revoking what has left", KLARA, revoke(opened, 1), no(Reason::AlreadyReleased)),
        Row::new("another agency decides", "vasterort-aklagare/per", decide(held, one("NO_HARM")), (ABSENT, Reason::NotFound, "")),
        Row::new("another agency confirms", "vasterort-aklagare/per", confirm(waiting, 1, "victim-1"), (ABSENT, Reason::NotFound, "")),
        Row::new("another agency revokes", "ekero-soc/eva", revoke(ready, 1), (ABSENT, Reason::NotFound, "")),
    ]
}

fn declare(referral: &str, hours: u32) -> v1::DeclareEmergencyRequest {
    v1::DeclareEmergencyRequest { referral: referral.to_owned(), hours, reasons: String::from("she is in danger tonight"), ..Default::default() }
}

fn review(referral: &str, emergency: u64) -> v1::ReviewEmergencyRequest {
    let verdict = EmergencyVerdict::Justified.number();
    v1::ReviewEmergencyRequest { referral: referral.to_owned(), emergency, verdict, reasons: String::from("she was"), ..Default::default() }
}

/// Emergencies that are none, and reviews that nobody owes.
pub fn emergencies(setting: &Setting) -> Vec<Row> {
    let Setting { waiting, hurried: (hurried, at), emptied, .. } = setting;
    let silent = v1::DeclareEmergencyRequest { reasons: String::new(), ..declare(waiting, 1) };
    let told_tomorrow = v1::DeclareEmergencyRequest { telephoned_at: Some(from_now(24 * HOUR)), ..declare(waiting, 1) };
    let no_verdict = v1::ReviewEmergencyRequest { verdict: 0, ..review(hurried, *at) };
    vec![
        Row::new("an emergency of a week and a day", KLARA, declare(waiting, 169), (BAD, Reason::MalformedMessage, "hours: must be at most 168")),
        Row::new("an emergency longer than the table allows", KLARA, declare(waiting, 25), (BAD, Reason::TimeOutOfRange, "hours")),
        Row::new("an emergency of no time", KLARA, declare(waiting, 0), (BAD, Reason::TimeOutOfRange, "hours")),
        Row::new("an emergency without a reason", KLARA, silent, (BAD, Reason::MalformedMessage, "reasons: must be text")),
        Row::new("a telephone call of tomorrow", KLARA, told_tomorrow, (BAD, Reason::TimeOutOfRange, "telephoned_at")),
        Row::new("an emergency in an emergency", "vasterort-polis/olof", declare(hurried, 1), (BLOCKED, Reason::EmergencyStands, "")),
        Row::new("another agency's emergency", "ekero-soc/eva", declare(waiting, 1), (ABSENT, Reason::NotFound, "")),
        Row::new("the recipient's emergency", SARA, declare(emptied, 1), (ABSENT, Reason::NotFound, "")),
        Row::new("reviewing one's own emergency", KLARA, review(hurried, *at), (DENIED, Reason::OwnEmergency, "")),
        Row::new("reviewing no emergency", KLARA, review(waiting, *at), (BLOCKED, Reason::EmergencyUnknown, "")),
        Row::new("a review without a verdict", "vasterort-polis/olof", no_verdict, (BAD, Reason::MalformedMessage, "verdict")),
        Row::new("another agency reviews", "ekero-soc/eva", review(hurried, *at), (ABSENT, Reason::NotFound, "")),
    ]
}

fn marked(referral: &str, digest: &'static [u8]) -> v1::DecideClearanceRequest {
    let template = Some(v1::Template { name: String::from("everything"), digest: Bytes::from_static(digest) });
    changed(decide(referral, vec![release(1, "victim-1", "NO_HARM")]), |decision| decision.template = template)
}

fn standing(referral: &str, days: i64) -> v1::DecideClearanceRequest {
    changed(decide(referral, vec![release(1, "victim-1", "NO_HARM")]), |decision| decision.standing_until = Some(from_now(days * 24 * HOUR)))
}

fn changed(mut request: v1::DecideClearanceRequest, change: impl FnOnce(&mut v1::Decision)) -> v1::DecideClearanceRequest {
    change(request.decision.as_mut().unwrap());
    request
}

/// Consents that do not carry.
pub fn consent(setting: &Setting) -> Vec<Row> {
    let one = |referral: &str| decide(referral, vec![release(1, "victim-1", "CONSENT")]);
    let no = |reason| (BLOCKED, reason, "section 1, victim-1");
    let of_another = decide(&setting.consented, vec![release(3, "suspect-1", "CONSENT")]);
    let (withdrawn, id) = &setting.withdrawn;
    let again = v1::WithdrawConsentRequest { referral: withdrawn.clone(), consent_id: id.clone(), ..Default::default() };
    let record = |change: &dyn Fn(&mut v1::ConsentTerms)| {
        let mut terms = CONTACT_REQUEST.consent();
        change(&mut terms);
        v1::RecordConsentRequest { referral: setting.held.clone(), terms: Some(terms), ..Default::default() }
    };
    let for_a_child = brygga_tests::made_up::consent("child-1", &[Category::Child], CONCERN_OF_POLICE.function);
    let of_a_child = v1::RecordConsentRequest { referral: setting.concern.clone(), terms: Some(for_a_child), ..Default::default() };
    vec![
        Row::new("no consent", KLARA, one(&setting.held), no(Reason::ConsentMissing)).logged(),
        Row::new("somebody else's consent", KLARA, of_another, (BLOCKED, Reason::ConsentOfAnother, "section 3, suspect-1")).logged(),
        Row::new("an expired consent", KLARA, one(&setting.expired), no(Reason::ConsentExpired)).logged(),
        Row::new("a consent for another recipient", KLARA, one(&setting.other_recipient), no(Reason::ConsentOtherRecipient)).logged(),
        Row::new("a consent for another category", KLARA, one(&setting.other_category), no(Reason::ConsentOtherCategory)).logged(),
        Row::new("a consent for another purpose", KLARA, one(&setting.other_purpose), no(Reason::ConsentOtherPurpose)).logged(),
        Row::new("a withdrawn consent", KLARA, one(withdrawn), no(Reason::ConsentWithdrawn)).logged(),
        Row::new("withdrawing twice", KLARA, again.clone(), (BLOCKED, Reason::AlreadyWithdrawn, "")),
        Row::new("withdrawing another agency's", "vasterort-aklagare/per", again, (ABSENT, Reason::NotFound, "")),
        Row::new("a consent given tomorrow", KLARA, record(&|it| it.given_at = Some(from_now(24 * HOUR))), (BAD, Reason::TimeOutOfRange, "given_at")),
        Row::new(
            "a consent that ends before it begins",
            KLARA,
            record(&|it| it.valid_until = it.given_at),
            (BAD, Reason::MalformedMessage, "terms.valid_until: must be after given_at"),
        ),
        Row::new("a consent of nobody here", KLARA, record(&|it| it.person = String::from("child-3")), (BAD, Reason::PersonUnknown, "child-3")),
        Row::new("a child's consent by the child alone", KLARA, of_a_child, (BLOCKED, Reason::CustodianMissing, "child-1")),
        Row::new(
            "an interpreter without one",
            KLARA,
            record(&|it| (it.interpreter, it.interpreter_reference) = (false, String::from("tolk-7"))),
            (BAD, Reason::MalformedMessage, "terms.interpreter_reference: stands without interpreter"),
        ),
        Row::new("a consent for no function", KLARA, record(&|it| it.recipient = String::from("okand-funktion")), (BAD, Reason::UnknownFunction, "")),
    ]
}

fn open(referral: &str) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { referral: referral.to_owned(), ..Default::default() }
}

fn accept(referral: &str) -> v1::AcceptReferralRequest {
    v1::AcceptReferralRequest { referral: referral.to_owned(), ..Default::default() }
}

fn decline(referral: &str, reason: DeclineReason) -> v1::DeclineReferralRequest {
    v1::DeclineReferralRequest { referral: referral.to_owned(), reason: reason.number(), ..Default::default() }
}

/// What is passed on, returned and declined in a way that is not there.
pub fn passing_on(setting: &Setting) -> Vec<Row> {
    let Setting { ready, held, concern, opened, claimed, .. } = setting;
    let on = |from: &str| v1::SubmitReferralRequest {
        kind: ReferralKind::Handover.number(),
        recipient: String::from("sundbyberg-mottagning"),
        forwarded_from: from.to_owned(),
        sections: vec![section((Category::VictimIdentity, &["victim-1"], false))],
        ..CONTACT_REQUEST.submission()
    };
    let thread = v1::SubmitReferralRequest { thread_id: crate::table::request_id(), ..on(opened) };
    let back = v1::SubmitReferralRequest { recipient: String::from("solna-rvc"), ..on(opened) };
    let duplicate = |of: &str| v1::DeclineReferralRequest { duplicate_of: of.to_owned(), ..decline(opened, DeclineReason::Duplicate) };
    let right = |referral: &str, reason: ReturnReason, function: &str| v1::ReturnReferralRequest {
        referral: referral.to_owned(),
        reason: reason.number(),
        right_function: function.to_owned(),
        ..Default::default()
    };
    let stray = v1::DeclineReferralRequest { duplicate_of: opened.clone(), ..decline(ready, DeclineReason::NoCapacity) };
    let prosecution = right(concern, ReturnReason::WrongBoard, "vasterort-aklagare-kammare");
    let nowhere = right(concern, ReturnReason::WrongBoard, "okand-funktion");
    vec![
        Row::new("passing on what is not opened", SARA, on(ready), (BLOCKED, Reason::NotOpened, "pass it on")),
        Row::new("passing on somebody else's", "ekero-soc/eva", on(opened), (ABSENT, Reason::NotFound, "")),
        Row::new("passing on one's own", KLARA, submission_of(|it| it.forwarded_from.clone_from(opened)), (ABSENT, Reason::NotFound, "")),
        Row::new("passing on what is held", SARA, on(held), (ABSENT, Reason::NotFound, "")),
        Row::new("passing on a child concern", SARA, on(concern), (BLOCKED, Reason::ReceivedNeverDeclined, "never passed on")),
        Row::new("passing on what another officer has taken on", "solna-soc/mona", on(claimed), (BLOCKED, Reason::ClaimedByAnother, "")),
        Row::new("passing on what has stopped", SARA, on(&setting.stopped.0), (BLOCKED, Reason::StopUseStands, "withdrawn")),
        Row::new("passing on into another thread", SARA, thread, (BAD, Reason::MalformedMessage, "thread_id")),
        Row::new("passing on to where it is", SARA, back, (BAD, Reason::MalformedMessage, "recipient")),
        Row::new("passing on what is no name", SARA, on("x"), (BAD, Reason::MalformedMessage, "forwarded_from")),
        Row::new("a duplicate of nothing", SARA, decline(opened, DeclineReason::Duplicate), (BAD, Reason::MalformedMessage, "duplicate_of: names")),
        Row::new("a duplicate of what is held", SARA, duplicate(held), (ABSENT, Reason::NotFound, "")),
        Row::new("no capacity, and a duplicate", SARA, stray, (BAD, Reason::MalformedMessage, "duplicate_of")),
        Row::new("disputing what is not opened", SARA, decline(ready, DeclineReason::ClearanceDisputed), (BLOCKED, Reason::NeedsOpening, "")),
        Row::new("where an adult lives", SARA, right(ready, ReturnReason::WrongFunction, "ekero-mottagning"), (BLOCKED, Reason::ReasonNotForKind, "")),
        Row::new("a chamber as the right board", SARA, prosecution, (BLOCKED, Reason::FunctionDoesNotTake, "")),
        Row::new("a right board that is not there", SARA, nowhere, (BAD, Reason::UnknownFunction, "")),
    ]
}

/// What is sent where it does not belong.
pub fn routing() -> Vec<Row> {
    let lives = |territory: &str, basis: ResidenceBasis| v1::Routing { territory: territory.to_owned(), residence_basis: basis.number(), ..Default::default() };
    let stating = |routing: v1::Routing| submission_of(|it| it.routing = Some(routing));
    let stated = ResidenceBasis::StatedByPerson;
    let young = stating(v1::Routing { age_years: Some(17), ..lives("0184", stated) });
    let elsewhere = submission_of(|it| (it.recipient, it.routing) = (String::from("ekero-mottagning"), Some(lives("0184", stated))));
    let register = stating(lives("0184", ResidenceBasis::PopulationRegister));
    let baseless = stating(v1::Routing { residence_basis: 0, ..lives("0184", stated) });
    let ancient = stating(v1::Routing { age_years: Some(131), ..Default::default() });
    vec![
        Row::new("a minor's support to the RVC", KLARA, young, (BLOCKED, Reason::OutsideTargetGroup, "it goes to solna-mottagning")),
        Row::new("to a board that she does not live under", KLARA, elsewhere, (BLOCKED, Reason::TerritoryNotServed, "it goes to solna-rvc")),
        Row::new("by the register, the grade not known", KLARA, register, (BLOCKED, Reason::ResidenceFromRegister, "victim-1")),
        Row::new("a residence that rests on nothing", KLARA, baseless, (BAD, Reason::MalformedMessage, "routing.residence_basis: must say on what")),
        Row::new("no territory", KLARA, stating(lives("Solna", stated)), (BAD, Reason::MalformedMessage, "routing.territory")),
        Row::new("an age that nobody has", KLARA, ancient, (BAD, Reason::MalformedMessage, "routing.age_years")),
    ]
}

/// What recipients do.
pub fn inbox(setting: &Setting) -> Vec<Row> {
    let Setting { ready, held, concern, opened, claimed, emptied, .. } = setting;
    let back = v1::ReturnReferralRequest { referral: ready.clone(), reason: ReturnReason::WrongBoard.number(), ..Default::default() };
    let contact =
        v1::Contact { outcome: ContactOutcome::Reached.number(), at: Some(from_now(-1)), channel: SafeChannel::Meeting.number(), ..Default::default() };
    let contact = v1::RecordContactRequest { referral: opened.clone(), contact: Some(contact), ..Default::default() };
    let delivery = v1::AcknowledgeDeliveryRequest { referral: opened.clone(), release: 1, ..Default::default() };
    let (gone, release) = &setting.imported;
    let import = v1::ConfirmImportRequest { referral: gone.clone(), release: *release, ..Default::default() };
    let never = v1::ConfirmImportRequest { referral: opened.clone(), release: 1, ..Default::default() };
    let (stopped, notice) = &setting.stopped;
    let stop = v1::AcknowledgeStopUseRequest { referral: stopped.clone(), notice: *notice, answer: StopUseAnswer::NotYetUsed.number(), ..Default::default() };
    let personal = (BLOCKED, Reason::PersonalAnswer, "OSL 26:1");
    vec![
        Row::new("opening somebody else's", "ekero-soc/eva", open(ready), (ABSENT, Reason::NotFound, "")),
        Row::new("the sender opens its own", KLARA, open(ready), (ABSENT, Reason::NotFound, "")),
        Row::new("opening what is held", SARA, open(held), (ABSENT, Reason::NotFound, "")),
        Row::new("opening what is no longer cleared", SARA, open(emptied), (BLOCKED, Reason::NotCleared, "")).logged(),
        Row::new("opening what another officer has taken on", "solna-soc/mona", open(claimed), (BLOCKED, Reason::ClaimedByAnother, "")).logged(),
        Row::new("opening what was imported", SARA, open(gone), (BLOCKED, Reason::ContentDestroyed, "was destroyed here")).logged(),
        Row::new("importing what was imported", SARA, import.clone(), (BLOCKED, Reason::ContentDestroyed, "")),
        Row::new("importing somebody else's", "ekero-soc/eva", import, (ABSENT, Reason::NotFound, "")),
        Row::new("importing a release that never was", SARA, never, (BLOCKED, Reason::ReleaseUnknown, "")),
        Row::new("accepting before opening", SARA, accept(ready), (BLOCKED, Reason::NotOpened, "open it before")),
        Row::new("accepting somebody else's", "ekero-soc/eva", accept(ready), (ABSENT, Reason::NotFound, "")),
        Row::new("declining a child concern", SARA, decline(concern, DeclineReason::NoCapacity), (BLOCKED, Reason::ReceivedNeverDeclined, "")),
        Row::new("declining for what only the content shows", SARA, decline(ready, DeclineReason::Under18), (BLOCKED, Reason::NeedsOpening, "")),
        Row::new("she declined, as a transport answer", SARA, decline(ready, DeclineReason::SubjectDeclined), personal),
        Row::new("cannot be reached safely, as a transport answer", SARA, decline(opened, DeclineReason::CannotReachSafely), personal),
        Row::new("the wrong board for an adult", SARA, back, (BLOCKED, Reason::ReasonNotForKind, "")),
        Row::new("contact before acceptance", SARA, contact, (BLOCKED, Reason::WrongStage, "it is opened")),
        Row::new("a delivery that never was", SARA, delivery, (BLOCKED, Reason::ReleaseUnknown, "")),
        Row::new("a notice that is answered", SARA, stop, (BLOCKED, Reason::StopUseAnswered, "")),
    ]
}

/// What an agency tries with another's referral, and the rest.
pub fn others(setting: &Setting) -> Vec<Row> {
    let per = "vasterort-aklagare/per";
    let retract = v1::RetractReferralRequest { referral: setting.ready.clone(), reason: RetractReason::Wrong.number(), ..Default::default() };
    let sections = vec![v1::AmendedSection { number: 1, content: content_of(Category::VictimIdentity, "x") }];
    let amend = v1::AmendReferralRequest { referral: setting.ready.clone(), sections, ..Default::default() };
    let mut other = amend.clone();
    other.sections[0].content = content_of(Category::Suspect, "x");
    let mut twice = amend.clone();
    twice.sections.push(twice.sections[0].clone());
    let recall = v1::AcknowledgeRecallRequest { referral: setting.opened.clone(), ..Default::default() };
    let purpose = Some(v1::StatedPurpose { purpose: String::from("supervision"), case_number: String::from("D-1") });
    let search = v1::SearchEntriesRequest { purpose, ..Default::default() };
    vec![
        Row::new("retracting another agency's", per, retract, (ABSENT, Reason::NotFound, "")),
        Row::new("amending another agency's", per, amend, (ABSENT, Reason::NotFound, "")),
        Row::new("amending into another category", KLARA, other, (BAD, Reason::CategoryNotAllowed, "suspect in contact_request")),
        Row::new("amending a section twice", KLARA, twice, (BAD, Reason::MalformedMessage, "sections[1].number: stands twice")),
        Row::new("confirming a recall that never was", SARA, recall, (BLOCKED, Reason::WrongStage, "it is opened")),
        Row::new("searching the log without a mandate", KLARA, search, (DENIED, Reason::WrongRole, "")),
        Row::new("no referral's name", SARA, open("BR-0000-0000-9"), (BAD, Reason::MalformedMessage, "referral: must be a UUID or a reference")),
        Row::new(
            "a decision of nothing",
            KLARA,
            decide(&CASE_HANDOVER.name.replace(' ', "-"), Vec::new()),
            (BAD, Reason::MalformedMessage, "decision.cells: must not be empty"),
        ),
    ]
}

/// Who is excluded, and how they are answered.
pub fn exclusions(setting: &Setting) -> Vec<Row> {
    let list = |one: v1::Exclusion| Some(v1::ExclusionList { exclusions: vec![one] });
    let unit = |function: &str| submission_of(|it| it.excluded = list(v1::Exclusion { function: function.to_owned(), ..Default::default() }));
    let officer = |agency: &str| v1::Exclusion { agency: agency.to_owned(), officer: String::from("klara"), ..Default::default() };
    let herself = v1::AmendReferralRequest { referral: setting.ready.clone(), excluded: list(officer("vasterort-polis")), ..Default::default() };
    vec![
        Row::new("to an excluded unit", KLARA, unit("solna-rvc"), (BLOCKED, Reason::RecipientExcluded, "")),
        Row::new("excluding no unit", KLARA, unit("okand-funktion"), (BAD, Reason::UnknownFunction, "")),
        Row::new("excluding of no agency", KLARA, submission_of(|it| it.excluded = list(officer("okand-myndighet"))), (BAD, Reason::UnknownAgency, "")),
        Row::new("excluding herself", KLARA, herself, (BAD, Reason::MalformedMessage, "excluded.exclusions[0].officer")),
    ]
}
