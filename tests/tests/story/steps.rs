//! Steps that every story takes, each with what must be seen after it.

use brygga_client::v1;
use brygga_domain::{Code as _, InboxKind, Reason, SenderStatus};
use brygga_tests::desk::{Desk, json};
use brygga_tests::made_up::{Case, MARKER};
use brygga_tests::requests::in_view;

/// Submits a case: it is held, the sender knows why, and to the recipient it does not exist.
pub async fn held(desk: &Desk, case: &Case) -> v1::SenderReferral {
    let referral = desk.write(case.sender, case.submission()).await.referral.unwrap();
    assert_eq!(referral.status, SenderStatus::Stored.number(), "{}", case.name);
    assert_eq!(referral.contact_due_at.is_some(), referral.reported_at.is_some(), "{}", case.name);
    let assessed = desk.assess(case.sender, &referral.id).await;
    assert_eq!(assessed.passing, [0_u32; 0], "{}", case.name);
    let cells: usize = case.parts.iter().map(|(_, persons, leads)| persons.len() + usize::from(*leads)).sum();
    assert_eq!(assessed.blocked.len(), cells, "{}", case.name);
    for block in &assessed.blocked {
        assert_eq!(block.code, "UNDECIDED", "{}", case.name);
        assert!(!block.ways.is_empty(), "{}: {} of section {} can never pass", case.name, block.interest, block.section);
    }
    unknown_to_the_recipient(desk, case, &referral).await;
    referral
}

/// Nothing of a referral has reached its recipient: no envelope, no stream entry, and every question is answered NOT_FOUND.
pub async fn unknown_to_the_recipient(desk: &Desk, case: &Case, referral: &v1::SenderReferral) {
    assert_eq!(desk.envelope(case.recipient, case.function, &referral.id).await, None, "{}", case.name);
    for name in [&referral.id, &referral.reference] {
        let open = v1::OpenReferralRequest { referral: name.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, open).await, Reason::NotFound, "{}", case.name);
        let accept = v1::AcceptReferralRequest { referral: name.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, accept).await, Reason::NotFound, "{}", case.name);
    }
    let host = case.recipient.split('/').next().unwrap();
    let entries = desk.inbox(host, case.function, 0).await;
    assert!(entries.iter().all(|entry| entry.referral != referral.id), "{}", case.name);
}

/// Records the consent, if the case rests on one.
pub async fn consented(desk: &Desk, case: &Case, id: &str) -> Option<v1::Consent> {
    if !case.needs_consent() {
        return None;
    }
    let request = v1::RecordConsentRequest { referral: id.to_owned(), terms: Some(case.consent()), ..Default::default() };
    let consent = desk.write(case.sender, request).await.consent.unwrap();
    assert_eq!(consent.terms, Some(case.consent()).map(|terms| same_times(terms, &consent)), "{}", case.name);
    Some(consent)
}

/// The terms with the times that were recorded: a made-up consent is dated by the second in which it is made.
fn same_times(terms: v1::ConsentTerms, recorded: &v1::Consent) -> v1::ConsentTerms {
    let found = recorded.terms.clone().unwrap();
    v1::ConsentTerms { given_at: found.given_at, valid_until: found.valid_until, ..terms }
}

/// Decides.
pub async fn decided(desk: &Desk, case: &Case, id: &str, decision: v1::Decision) -> v1::ClearanceReferral {
    let decision = in_view(decision, &desk.referral(case.sender, id).await.sections);
    let request = v1::DecideClearanceRequest { referral: id.to_owned(), decision: Some(decision), ..Default::default() };
    desk.write(case.sender, request).await.referral.unwrap()
}

/// Held, consented, cleared, and offered: the recipient sees an envelope without personal data.
pub async fn offered(desk: &Desk, case: &Case) -> v1::SenderReferral {
    let referral = held(desk, case).await;
    consented(desk, case, &referral.id).await;
    unknown_to_the_recipient(desk, case, &referral).await;
    decided(desk, case, &referral.id, case.decision()).await;
    assert_eq!(desk.referral(case.sender, &referral.id).await.status, SenderStatus::Offered.number(), "{}", case.name);
    let envelope = desk.envelope(case.recipient, case.function, &referral.id).await.unwrap();
    assert_eq!(envelope.stage(), v1::Stage::Ready, "{}", case.name);
    let shown: Vec<i32> = envelope.sections.iter().map(|section| section.category).collect();
    let wanted: Vec<i32> = case.parts.iter().map(|(category, ..)| category.number()).collect();
    assert_eq!(shown, wanted, "{}", case.name);
    let page = v1::ListInboxResponse { envelopes: vec![envelope], ..Default::default() };
    let text = json("/brygga.v1.InboxService/ListInbox", &page);
    for word in [MARKER, "victim-1", "suspect-1", "child-1", "custodian-1"] {
        assert!(!text.contains(word), "{}: the envelope says {word}", case.name);
    }
    let host = case.recipient.split('/').next().unwrap();
    let entries = desk.inbox(host, case.function, 0).await;
    let kinds: Vec<i32> = entries.iter().filter(|entry| entry.referral == referral.id).map(|entry| entry.kind).collect();
    assert_eq!(kinds, [InboxKind::Offered.number()], "{}", case.name);
    referral
}

/// Opens: the bytes are those that were submitted, and the client has verified release, decisions and consents.
pub async fn opened(desk: &Desk, case: &Case, id: &str) -> v1::OpenReferralResponse {
    let request = v1::OpenReferralRequest { referral: id.to_owned(), ..Default::default() };
    let answer = desk.try_write(case.recipient, request).await.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
    assert_eq!(answer.proof.positions_of("SectionsReleased").len(), 1, "{}", case.name);
    assert!(!answer.proof.positions_of("ClearanceDecided").is_empty(), "{}", case.name);
    assert_eq!(answer.proof.positions_of("ConsentRecorded").is_empty(), !case.needs_consent(), "{}", case.name);
    answer.response
}

/// Opens for the first time and confirms the delivery.
pub async fn delivered(desk: &Desk, case: &Case, id: &str) -> v1::OpenReferralResponse {
    let response = opened(desk, case, id).await;
    assert_eq!(response.sections.len(), case.parts.len(), "{}", case.name);
    for (released, (category, persons, leads)) in response.sections.iter().zip(case.parts) {
        assert_eq!((released.category, released.persons.as_slice(), released.investigation), (category.number(), &persons.map_names()[..], *leads));
        assert_eq!(released.revision, 1, "{}", case.name);
    }
    assert!(response.supersedes.is_empty(), "{}", case.name);
    let request = v1::AcknowledgeDeliveryRequest { referral: id.to_owned(), release: response.release, ..Default::default() };
    desk.write(case.recipient, request).await;
    assert_eq!(desk.referral(case.sender, id).await.status, SenderStatus::Opened.number(), "{}", case.name);
    response
}

/// Names as the wire has them.
trait Names {
    fn map_names(&self) -> Vec<String>;
}

impl Names for &[&str] {
    fn map_names(&self) -> Vec<String> {
        self.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// The statuses that a sender is told of one referral, in their order.
pub async fn told(desk: &Desk, case: &Case, id: &str) -> Vec<SenderStatus> {
    desk.statuses_of(case.sender, id).await.iter().map(|entry| SenderStatus::from_number(entry.status).unwrap()).collect()
}
