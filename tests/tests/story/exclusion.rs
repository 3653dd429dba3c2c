//! Conflict of interest: to an excluded officer a referral is answered as one that does not exist, byte for byte; others work with it.

use brygga_client::{Write, v1};
use brygga_domain::codes::{ClosingOutcome, ContactOutcome, DeclineReason, ReturnReason, StopUseAnswer};
use brygga_domain::{Code as _, Fact, Reason};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CONTACT_REQUEST, from_now};
use brygga_tests::wire::{call, channel, frame};
use prost::Message;

use crate::steps::{consented, decided};

const SARA: &str = "solna-soc/sara";
const NOBODY: &str = "5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31";

fn excluding(officers: &[&str]) -> Option<v1::ExclusionList> {
    let one = |who: &&str| {
        let (agency, officer) = who.split_once('/').unwrap();
        v1::Exclusion { agency: agency.to_owned(), officer: officer.to_owned(), ..Default::default() }
    };
    Some(v1::ExclusionList { exclusions: officers.iter().map(one).collect() })
}

/// The status of a request that must be refused, as it comes over the wire.
async fn refusal(desk: &Desk, who: &str, path: &str, body: &impl Message) -> (tonic::Code, String, Vec<u8>) {
    let config = desk.broker().config(who.split('/').next().unwrap());
    let status = call(&channel(&config), path, frame(&body.encode_to_vec())).await.expect_err(path);
    (status.code(), status.message().to_owned(), status.details().to_vec())
}

async fn not_there<W: Write>(desk: &Desk, who: &str, id: &str, of: impl Fn(String) -> W) {
    let mut answers = Vec::new();
    for name in [id, NOBODY] {
        let mut request = of(name.to_owned());
        desk.client(who).prepare(&mut request).unwrap();
        answers.push(refusal(desk, who, W::PATH, &request).await);
    }
    assert_eq!(answers[0], answers[1], "{} as {who}", W::PATH);
    assert_eq!(answers[0].0, tonic::Code::NotFound, "{} as {who}: {}", W::PATH, answers[0].1);
}

/// Every command of an inbox, and what else a recipient may ask.
async fn not_in_the_inbox(desk: &Desk, id: &str) {
    let at = || Some(from_now(-60));
    not_there(desk, SARA, id, |referral| v1::ClaimReferralRequest { referral, takeover: true, ..Default::default() }).await;
    not_there(desk, SARA, id, |referral| v1::OpenReferralRequest { referral, ..Default::default() }).await;
    not_there(desk, SARA, id, |referral| v1::AcknowledgeDeliveryRequest { referral, release: 3, ..Default::default() }).await;
    not_there(desk, SARA, id, |referral| v1::ConfirmImportRequest { referral, release: 3, ..Default::default() }).await;
    not_there(desk, SARA, id, |referral| v1::AcceptReferralRequest { referral, ..Default::default() }).await;
    let reason = DeclineReason::NoCapacity.number();
    not_there(desk, SARA, id, |referral| v1::DeclineReferralRequest { referral, reason, ..Default::default() }).await;
    let reason = ReturnReason::WrongFunction.number();
    not_there(desk, SARA, id, |referral| v1::ReturnReferralRequest { referral, reason, ..Default::default() }).await;
    let contact = || Some(v1::Contact { outcome: ContactOutcome::Attempted.number(), at: at(), ..Default::default() });
    not_there(desk, SARA, id, |referral| v1::RecordContactRequest { referral, contact: contact(), ..Default::default() }).await;
    let closing = || Some(v1::Closing { outcome: ClosingOutcome::Supported.number(), ..Default::default() });
    not_there(desk, SARA, id, |referral| v1::CloseReferralRequest { referral, closing: closing(), ..Default::default() }).await;
    let answer = StopUseAnswer::Stopped.number();
    not_there(desk, SARA, id, |referral| v1::AcknowledgeStopUseRequest { referral, notice: 3, answer, ..Default::default() }).await;
    not_there(desk, SARA, id, |referral| v1::AcknowledgeRecallRequest { referral, ..Default::default() }).await;
    not_there(desk, SARA, id, |referral| v1::WithdrawConsentRequest { referral, consent_id: NOBODY.to_owned(), ..Default::default() }).await;
}

/// What only reads, as the officer and as an agency's system that names nobody.
async fn not_to_be_read(desk: &Desk, who: &str, id: &str) {
    let officer = who.split_once('/').map_or_else(String::new, |(_, officer)| officer.to_owned());
    let both = [id, NOBODY];
    let named = |name: &str| Some(v1::get_referral_request::Name::Referral(name.to_owned()));
    let get = both.map(|name| v1::GetReferralRequest { name: named(name), officer: officer.clone() });
    let assess = both.map(|name| v1::AssessReferralRequest { referral: name.to_owned(), officer: officer.clone(), ..Default::default() });
    let consents = both.map(|name| v1::ListConsentsRequest { referral: name.to_owned(), officer: officer.clone(), ..Default::default() });
    let consent = both.map(|name| v1::GetConsentRequest { referral: name.to_owned(), consent_id: NOBODY.to_owned(), officer: officer.clone() });
    let mut answers = Vec::new();
    for index in 0..both.len() {
        answers.push([
            refusal(desk, who, "/brygga.v1.ReferralService/GetReferral", &get[index]).await,
            refusal(desk, who, "/brygga.v1.ClearanceService/AssessReferral", &assess[index]).await,
            refusal(desk, who, "/brygga.v1.ConsentService/ListConsents", &consents[index]).await,
            refusal(desk, who, "/brygga.v1.ConsentService/GetConsent", &consent[index]).await,
        ]);
    }
    assert_eq!(answers[0], answers[1], "as {who}");
    assert!(answers[0].iter().all(|answer| answer.0 == tonic::Code::NotFound), "{answers:?}");
    let list = v1::ListReferralsRequest { page_size: 500, officer: officer.clone(), ..Default::default() };
    assert!(desk.client(who).list_referrals(list).await.unwrap().referrals.iter().all(|referral| referral.id != id));
    let list = v1::ListPendingClearancesRequest { officer, ..Default::default() };
    assert!(desk.client(who).list_pending_clearances(list).await.unwrap().referrals.iter().all(|referral| referral.id != id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_an_excluded_officer_it_does_not_exist_and_a_colleague_works_with_it() {
    let desk = Desk::start().await;
    let excluded = excluding(&[SARA, "vasterort-polis/bo"]);
    let submission = v1::SubmitReferralRequest { excluded, ..CONTACT_REQUEST.submission() };
    let id = desk.write(CONTACT_REQUEST.sender, submission).await.referral.unwrap().id;
    not_to_be_read(&desk, "vasterort-polis/bo", &id).await;
    not_to_be_read(&desk, "vasterort-polis", &id).await;
    assert_eq!(desk.pending(CONTACT_REQUEST.sender).await.iter().filter(|referral| referral.id == id).count(), 1);
    let terms = || Some(CONTACT_REQUEST.consent());
    not_there(&desk, "vasterort-polis/bo", &id, |referral| v1::RecordConsentRequest { referral, terms: terms(), ..Default::default() }).await;
    let decision = || Some(CONTACT_REQUEST.decision());
    not_there(&desk, "vasterort-polis/bo", &id, |referral| v1::DecideClearanceRequest { referral, decision: decision(), ..Default::default() }).await;
    not_there(&desk, "vasterort-polis/bo", &id, |referral| v1::AmendReferralRequest { referral, excluded: excluding(&[]), ..Default::default() }).await;
    consented(&desk, &CONTACT_REQUEST, &id).await;
    decided(&desk, &CONTACT_REQUEST, &id, CONTACT_REQUEST.decision()).await;

    not_in_the_inbox(&desk, &id).await;
    assert!(!desk.waits(SARA, CONTACT_REQUEST.function, &id).await && desk.envelope(SARA, CONTACT_REQUEST.function, &id).await.is_none());
    assert!(desk.waits("solna-soc/mona", CONTACT_REQUEST.function, &id).await);
    assert!(desk.waits("solna-soc", CONTACT_REQUEST.function, &id).await, "an envelope shows nothing of anybody");
    let open = || v1::OpenReferralRequest { referral: id.clone(), ..Default::default() };
    desk.write("solna-soc/mona", open()).await;
    desk.write("solna-soc/mona", v1::AcceptReferralRequest { referral: id.clone(), ..Default::default() }).await;
    assert_eq!(desk.envelope("solna-soc/mona", CONTACT_REQUEST.function, &id).await.unwrap().stage(), v1::Stage::Accepted);

    // The sender thinks again: now it is mona who has nothing to do with it.
    let instead = excluding(&["solna-soc/mona"]);
    desk.write(CONTACT_REQUEST.sender, v1::AmendReferralRequest { referral: id.clone(), excluded: instead, ..Default::default() }).await;
    assert_eq!(desk.refused("solna-soc/mona", open()).await, Reason::NotFound);
    desk.write(SARA, open()).await;

    let events = desk.audited().await;
    let commits = |fact: &Fact| match fact {
        Fact::ReferralSubmitted(new) => new.excluded.is_some(),
        Fact::ReferralAmended { sections, excluded, .. } => sections.is_empty() && excluded.is_some(),
        _ => false,
    };
    assert_eq!(events.iter().filter(|event| commits(&event.fact)).count(), 2);
    assert!(!events.iter().any(|event| matches!(event.fact, Fact::DisclosureRefused { .. })), "a refusal would tell that there is something");
    desk.finish().await;
}
