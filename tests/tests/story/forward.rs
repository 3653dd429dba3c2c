//! What came to the wrong place: returned, declined with a reason that tells nothing of her, or passed on as a disclosure of its own.

use brygga_client::v1;
use brygga_domain::codes::{DeclineReason, ReturnReason, StopUseAnswer};
use brygga_domain::{Category, Code as _, Fact, Reason, ReferralKind, SenderStatus};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CONCERN_OF_POLICE, CONTACT_REQUEST, Case, DECISION, consent, release};

use crate::steps::{consented, decided, delivered, offered, told, unknown_to_the_recipient};

/// The board where she was received passes her on to the board where she lives.
const HANDOVER: Case = Case {
    name: "handover, social services to social services",
    sender: "solna-soc/sara",
    recipient: "sundbyberg-soc/siv",
    function: "sundbyberg-mottagning",
    kind: ReferralKind::Handover,
    parts: &[(Category::VictimIdentity, &["victim-1"], false), (Category::SafeContact, &["victim-1"], false)],
    ..CONTACT_REQUEST
};

fn passing_on(id: &str) -> v1::SubmitReferralRequest {
    v1::SubmitReferralRequest { forwarded_from: id.to_owned(), ..HANDOVER.submission() }
}

fn send_back(id: &str, reason: ReturnReason, right_function: &str) -> v1::ReturnReferralRequest {
    let (referral, right_function) = (id.to_owned(), right_function.to_owned());
    v1::ReturnReferralRequest { referral, reason: reason.number(), right_function, ..Default::default() }
}

fn decline(id: &str, reason: DeclineReason, duplicate_of: &str) -> v1::DeclineReferralRequest {
    v1::DeclineReferralRequest { referral: id.to_owned(), reason: reason.number(), duplicate_of: duplicate_of.to_owned(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misdirected_referral_is_returned_from_the_envelope_and_then_not_passed_on() {
    let desk = Desk::start().await;
    let id = offered(&desk, &CONTACT_REQUEST).await.id;
    assert_eq!(desk.refused(HANDOVER.sender, passing_on(&id)).await, Reason::NotOpened);
    let adult = send_back(&id, ReturnReason::WrongFunction, "ekero-mottagning");
    assert_eq!(desk.refused(CONTACT_REQUEST.recipient, adult).await, Reason::ReasonNotForKind, "where she lives is not the sender's to know");
    desk.write(CONTACT_REQUEST.recipient, send_back(&id, ReturnReason::WrongFunction, "")).await;
    assert_eq!(told(&desk, &CONTACT_REQUEST, &id).await, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::WrongFunction]);
    let entry = desk.statuses_of(CONTACT_REQUEST.sender, &id).await.pop().unwrap();
    assert_eq!((entry.right_function.as_str(), entry.telephone.as_str()), ("", ""));
    assert_eq!(desk.refused(HANDOVER.sender, passing_on(&id)).await, Reason::WrongStage);
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_passed_on_is_held_until_it_has_a_clearance_of_its_own_and_the_first_sender_hears_nothing() {
    let desk = Desk::start().await;
    let first = offered(&desk, &CONTACT_REQUEST).await;
    let given = desk.client(CONTACT_REQUEST.sender).list_consents(v1::ListConsentsRequest { referral: first.id.clone(), ..Default::default() }).await;
    let given = given.unwrap().consents[0].id.clone();
    delivered(&desk, &CONTACT_REQUEST, &first.id).await;

    let passed = desk.write(HANDOVER.sender, passing_on(&first.reference)).await.referral.unwrap();
    assert_eq!((passed.thread_id.as_str(), passed.status), (first.thread_id.as_str(), SenderStatus::Stored.number()));
    unknown_to_the_recipient(&desk, &HANDOVER, &passed).await;
    let blocked = desk.assess(HANDOVER.sender, &passed.id).await.blocked;
    assert!(blocked.len() == 2 && blocked.iter().all(|block| block.code == "UNDECIDED"));
    // Neither the first consent nor one for the first recipient carries it.
    let decide = |cells: Vec<v1::CellDecision>| {
        let decision = Some(v1::Decision { cells, ..HANDOVER.decision() });
        v1::DecideClearanceRequest { referral: passed.id.clone(), decision, ..Default::default() }
    };
    let mut on_the_first = release(1, "victim-1", "CONSENT");
    on_the_first.outcome = Some(v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: String::from("CONSENT"), consent_id: given, revision: 0 }));
    assert_eq!(desk.refused(HANDOVER.sender, decide(vec![on_the_first])).await, Reason::ConsentMissing);
    let for_the_first = consent("victim-1", &[Category::VictimIdentity, Category::SafeContact], "solna-rvc");
    desk.write(HANDOVER.sender, v1::RecordConsentRequest { referral: passed.id.clone(), terms: Some(for_the_first), ..Default::default() }).await;
    assert_eq!(desk.refused(HANDOVER.sender, decide(vec![release(1, "victim-1", "CONSENT")])).await, Reason::ConsentOtherRecipient);
    unknown_to_the_recipient(&desk, &HANDOVER, &passed).await;

    let own = consented(&desk, &HANDOVER, &passed.id).await.unwrap().id;
    let mut decision = HANDOVER.decision();
    for cell in &mut decision.cells {
        let consent_id = own.clone();
        cell.outcome = Some(v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: String::from("CONSENT"), consent_id, revision: 0 }));
    }
    decided(&desk, &HANDOVER, &passed.id, decision).await;
    delivered(&desk, &HANDOVER, &passed.id).await;
    let heard = [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::Opened, SenderStatus::Delivered];
    assert_eq!(told(&desk, &CONTACT_REQUEST, &first.id).await, heard, "that it was passed on is not the first sender's to know");
    let police = || desk.heard().into_iter().filter(|heard| heard.agency == "vasterort-polis");
    assert!(police().all(|heard| !heard.text.contains(&passed.id) && !heard.text.contains(&passed.reference)));
    let events = desk.audited().await;
    let forwarded = events.iter().filter_map(|event| if let Fact::ReferralSubmitted(new) = &event.fact { new.forwarded_from } else { None });
    assert_eq!(forwarded.map(|id| id.to_string()).collect::<Vec<_>>(), [first.id.as_str()]);

    withdrawn_stops_it(&desk, &first.id, &passed).await;
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_excluded_from_the_first_is_excluded_from_what_is_passed_on() {
    let desk = Desk::start().await;
    let first = offered(&desk, &CONTACT_REQUEST).await;
    let (agency, officer) = HANDOVER.recipient.split_once('/').unwrap();
    let exclusions = vec![v1::Exclusion { agency: agency.to_owned(), officer: officer.to_owned(), ..Default::default() }];
    let excluded = Some(v1::ExclusionList { exclusions });
    desk.write(CONTACT_REQUEST.sender, v1::AmendReferralRequest { referral: first.id.clone(), excluded, ..Default::default() }).await;
    delivered(&desk, &CONTACT_REQUEST, &first.id).await;
    let passed = desk.write(HANDOVER.sender, passing_on(&first.id)).await.referral.unwrap();
    consented(&desk, &HANDOVER, &passed.id).await;
    decided(&desk, &HANDOVER, &passed.id, HANDOVER.decision()).await;
    let open = v1::OpenReferralRequest { referral: passed.id.clone(), ..Default::default() };
    assert_eq!(desk.refused(HANDOVER.recipient, open.clone()).await, Reason::NotFound);
    // Who passes it on does not know of them, so a list of its own does not take them off.
    for exclusions in [vec![v1::Exclusion { agency: agency.to_owned(), officer: String::from("bo"), ..Default::default() }], Vec::new()] {
        let excluded = Some(v1::ExclusionList { exclusions });
        desk.write(HANDOVER.sender, v1::AmendReferralRequest { referral: passed.id.clone(), excluded, ..Default::default() }).await;
        assert_eq!(desk.refused(HANDOVER.recipient, open.clone()).await, Reason::NotFound);
    }
    desk.write("sundbyberg-soc/bo", open).await;
    desk.finish().await;
}

/// A withdrawal of the first consent leaves what was passed on, and keeps more from being passed on until use goes on under another provision.
async fn withdrawn_stops_it(desk: &Desk, first: &str, passed: &v1::SenderReferral) {
    let consents = desk.client(CONTACT_REQUEST.sender).list_consents(v1::ListConsentsRequest { referral: first.to_owned(), ..Default::default() }).await;
    let consent_id = consents.unwrap().consents[0].id.clone();
    desk.write(CONTACT_REQUEST.sender, v1::WithdrawConsentRequest { referral: first.to_owned(), consent_id, ..Default::default() }).await;
    assert_eq!(desk.refused(HANDOVER.sender, passing_on(first)).await, Reason::StopUseStands);
    desk.write(HANDOVER.recipient, v1::OpenReferralRequest { referral: passed.id.clone(), ..Default::default() }).await;
    let notice = desk.referral(CONTACT_REQUEST.sender, first).await.notices[0].position;
    let answer = StopUseAnswer::ContinuesOnOwnProvision.number();
    desk.write(CONTACT_REQUEST.recipient, v1::AcknowledgeStopUseRequest { referral: first.to_owned(), notice, answer, ..Default::default() }).await;
    desk.write(HANDOVER.sender, passing_on(first)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_concern_at_the_wrong_board_comes_back_with_a_telephone_number_and_is_never_passed_on() {
    let desk = Desk::start().await;
    let case = &CONCERN_OF_POLICE;
    for (right, number) in [("ekero-mottagning", "08-465 004 22"), ("", "08-465 004 20")] {
        let id = offered(&desk, case).await.id;
        delivered(&desk, case, &id).await;
        assert_eq!(desk.refused(HANDOVER.sender, passing_on(&id)).await, Reason::ReceivedNeverDeclined);
        let elsewhere = send_back(&id, ReturnReason::WrongBoard, "vasterort-polis-brottsoffer");
        assert_eq!(desk.refused(case.recipient, elsewhere).await, Reason::FunctionDoesNotTake);
        desk.write(case.recipient, send_back(&id, ReturnReason::WrongBoard, right)).await;
        let entry = desk.statuses_of(case.sender, &id).await.pop().unwrap();
        assert_eq!(entry.status, SenderStatus::WrongFunction.number());
        assert_eq!((entry.right_function.as_str(), entry.telephone.as_str()), (right, number));
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_is_of_the_same_sender_and_a_disputed_clearance_is_told() {
    let desk = Desk::start().await;
    let case = &CONTACT_REQUEST;
    let (first, second, of_another) = (offered(&desk, case).await, offered(&desk, case).await, offered(&desk, &DECISION).await);
    let earlier = first.reference.as_str();
    assert_eq!(desk.refused(case.recipient, decline(&second.id, DeclineReason::Duplicate, earlier)).await, Reason::NeedsOpening);
    delivered(&desk, case, &second.id).await;
    assert_eq!(desk.refused(case.recipient, decline(&second.id, DeclineReason::Duplicate, &of_another.id)).await, Reason::NotFound);
    assert_eq!(desk.refused(case.recipient, decline(&second.id, DeclineReason::Duplicate, &second.id)).await, Reason::NotFound);
    desk.write(case.recipient, decline(&second.id, DeclineReason::Duplicate, earlier)).await;
    assert_eq!(told(&desk, case, &second.id).await.last(), Some(&SenderStatus::Duplicate));
    delivered(&desk, case, &first.id).await;
    desk.write(case.recipient, decline(&first.id, DeclineReason::ClearanceDisputed, "")).await;
    assert_eq!(told(&desk, case, &first.id).await.last(), Some(&SenderStatus::ClearanceDisputed));
    desk.finish().await;
}
