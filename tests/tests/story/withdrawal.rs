//! A consent is withdrawn, by the sender or by the recipient: offers are taken back, and holders are told to stop.

use brygga_client::v1;
use brygga_domain::codes::{FactCode, InboxKind, StopUseAnswer};
use brygga_domain::{Category, Code as _, Reason, SenderStatus};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CASES, CONCERN_OF_POLICE, CONTACT_REQUEST, Case, DECISION, HEARING, Part, SUPPORT, consent};

use crate::steps::{consented, decided, delivered, held, told};

fn withdraw(id: &str, consent: &v1::Consent) -> v1::WithdrawConsentRequest {
    v1::WithdrawConsentRequest { referral: id.to_owned(), consent_id: consent.id.clone(), ..Default::default() }
}

fn open(id: &str) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { referral: id.to_owned(), ..Default::default() }
}

/// Offered on a consent, which is given too.
async fn offered(desk: &Desk, case: &Case) -> (String, v1::Consent) {
    let id = held(desk, case).await.id;
    let consent = consented(desk, case, &id).await.unwrap();
    decided(desk, case, &id, case.decision()).await;
    (id, consent)
}

async fn inbox_of(desk: &Desk, case: &Case, id: &str) -> Vec<(u64, InboxKind)> {
    let host = case.recipient.split('/').next().unwrap();
    // From the beginning on a stream gives what is open; from the first position on, all that ever came.
    let entries = desk.inbox(host, case.function, 1).await;
    entries.iter().filter(|entry| entry.referral == id).map(|entry| (entry.position, InboxKind::from_number(entry.kind).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawn_before_it_is_opened_the_offer_is_taken_back() {
    let desk = Desk::start().await;
    for case in [&CONTACT_REQUEST, &DECISION, &HEARING, &SUPPORT] {
        for who in [case.sender, case.recipient] {
            let (id, consent) = offered(&desk, case).await;
            let answer = desk.write(who, withdraw(&id, &consent)).await;
            assert!(answer.stop_use_sections.is_empty(), "{}: nothing has left", case.name);
            assert_eq!(desk.refused(who, withdraw(&id, &consent)).await, Reason::AlreadyWithdrawn, "{}", case.name);
            assert_eq!(desk.refused(case.recipient, open(&id)).await, Reason::NotCleared, "{}", case.name);
            let kinds: Vec<InboxKind> = inbox_of(&desk, case, &id).await.into_iter().map(|(_, kind)| kind).collect();
            assert_eq!(kinds, [InboxKind::Offered, InboxKind::OfferWithdrawn], "{}", case.name);
            let host = case.recipient.split('/').next().unwrap();
            let open_items = desk.inbox(host, case.function, 0).await;
            assert!(open_items.iter().all(|entry| entry.referral != id), "{}: what was taken back is no open item", case.name);
            assert_eq!(told(&desk, case, &id).await, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::OfferWithdrawn], "{}", case.name);
            let blocked = desk.assess(case.sender, &id).await.blocked;
            assert!(blocked.iter().all(|block| block.code == Reason::ConsentWithdrawn.code()), "{}: {blocked:?}", case.name);
        }
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawn_after_it_was_opened_the_holder_is_told_to_stop_and_answers() {
    let desk = Desk::start().await;
    let turns = [(&CONTACT_REQUEST, true), (&CONTACT_REQUEST, false), (&SUPPORT, true), (&DECISION, false)];
    for ((case, by_sender), said) in turns.into_iter().zip(StopUseAnswer::ALL.iter().cycle()) {
        let (id, consent) = offered(&desk, case).await;
        delivered(&desk, case, &id).await;
        desk.write(case.recipient, v1::AcceptReferralRequest { referral: id.clone(), ..Default::default() }).await;
        let who = if by_sender { case.sender } else { case.recipient };
        let answer = desk.write(who, withdraw(&id, &consent)).await;
        let all: Vec<u32> = (1_u32..).take(case.parts.len()).collect();
        assert_eq!(answer.stop_use_sections, all, "{}", case.name);
        assert_eq!(desk.refused(case.recipient, open(&id)).await, Reason::NotCleared, "{}: not even the holder gets it again", case.name);
        let (notice, kind) = inbox_of(&desk, case, &id).await.pop().unwrap();
        assert_eq!(kind, InboxKind::StopUse, "{}", case.name);
        let before = desk.referral(case.sender, &id).await.notices;
        assert_eq!(before, [v1::SentNotice { position: notice, sections: all, confirmed: false }], "{}", case.name);
        let answered = v1::AcknowledgeStopUseRequest { referral: id.clone(), notice, answer: said.number(), ..Default::default() };
        let envelope = desk.write(case.recipient, answered.clone()).await.envelope.unwrap();
        assert_eq!(envelope.notices[0].answer, said.number(), "{}", case.name);
        assert_eq!(desk.refused(case.recipient, answered).await, Reason::StopUseAnswered, "{}", case.name);
        assert!(desk.referral(case.sender, &id).await.notices[0].confirmed, "{}", case.name);
        assert_eq!(told(&desk, case, &id).await.last(), Some(&SenderStatus::StopUseConfirmed), "{}", case.name);
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rests_on_another_ground_stands_and_what_was_withdrawn_may_pass_on_one() {
    let desk = Desk::start().await;
    let case = &CONTACT_REQUEST;
    let id = held(&desk, case).await.id;
    let consent = consented(&desk, case, &id).await.unwrap();
    let necessary = Case { ground: "NECESSARY_OWN", asserted: &[FactCode::NecessaryForOwnTask, FactCode::HarmExcluded], ..*case };
    decided(&desk, case, &id, necessary.decision_about(1)).await;
    for number in 2..=4 {
        decided(&desk, case, &id, case.decision_about(number)).await;
    }
    delivered(&desk, case, &id).await;
    let answer = desk.write(case.sender, withdraw(&id, &consent)).await;
    assert_eq!(answer.stop_use_sections, [2, 3, 4]);
    let standing: Vec<(u32, &str)> = answer.standing.iter().map(|cell| (cell.section, cell.interest.as_str())).collect();
    assert_eq!(standing, [(1, "victim-1")], "the holder is told what stands");
    let request = open(&id);
    let answer = desk.try_write(case.recipient, request.clone()).await.unwrap();
    assert_eq!(answer.response.sections.iter().map(|section| section.number).collect::<Vec<_>>(), [1]);
    // Her contact is cleared anew on another ground; the decision that rested on her consent no longer stands in the way.
    decided(&desk, case, &id, necessary.decision_about(2)).await;
    let answer = desk.try_write(case.recipient, request).await.unwrap();
    assert_eq!(answer.response.sections.iter().map(|section| section.number).collect::<Vec<_>>(), [1, 2]);
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_envelope_names_only_what_still_passes_and_what_passes_again_is_offered_again() {
    let desk = Desk::start().await;
    let case = &CONTACT_REQUEST;
    let id = held(&desk, case).await.id;
    let consent = consented(&desk, case, &id).await.unwrap();
    let necessary = Case { ground: "NECESSARY_OWN", asserted: &[FactCode::NecessaryForOwnTask, FactCode::HarmExcluded], ..*case };
    decided(&desk, case, &id, necessary.decision_about(1)).await;
    for number in 2..=4 {
        decided(&desk, case, &id, case.decision_about(number)).await;
    }
    let named = async || -> Vec<u32> {
        let envelope = desk.envelope(case.recipient, case.function, &id).await.unwrap();
        envelope.sections.iter().map(|section| section.number).collect()
    };
    assert_eq!(named().await, [1, 2, 3, 4]);
    desk.write(case.sender, withdraw(&id, &consent)).await;
    assert_eq!(named().await, [1], "what rested on her consent is not named any more");
    decided(&desk, case, &id, necessary.decision_about(2)).await;
    assert_eq!(named().await, [1, 2]);
    let kinds: Vec<InboxKind> = inbox_of(&desk, case, &id).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds.last(), Some(&InboxKind::SectionsOffered), "{kinds:?}");
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_withdraws_a_consent_or_learns_that_it_exists() {
    let desk = Desk::start().await;
    let (id, consent) = offered(&desk, &CONTACT_REQUEST).await;
    for who in ["vasterort-aklagare/per", "ekero-soc/eva"] {
        assert_eq!(desk.refused(who, withdraw(&id, &consent)).await, Reason::NotFound, "{who}");
    }
    assert!(CASES.iter().any(Case::needs_consent));
    delivered(&desk, &CONTACT_REQUEST, &id).await;
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_report_passes_against_her_will_and_no_withdrawal_stops_it_but_her_safe_contact_stays() {
    const OF_THE_CHILD: &[Part] = CONCERN_OF_POLICE.parts;
    const WITH_HERS: &[Part] = &[OF_THE_CHILD[0], OF_THE_CHILD[1], OF_THE_CHILD[2], (Category::SafeContact, &["victim-1"], false)];
    let case = &Case { persons: &["child-1", "custodian-1", "suspect-1", "victim-1"], parts: WITH_HERS, ..CONCERN_OF_POLICE };
    let desk = Desk::start().await;
    let id = held(&desk, case).await.id;
    let about_her = |ground: &'static str| {
        let decision = Case { ground, ..*case }.decision_about(4);
        v1::DecideClearanceRequest { referral: id.clone(), decision: Some(decision), ..Default::default() }
    };
    assert_eq!(desk.refused(case.sender, about_her("DUTY_CHILD_REPORT")).await, Reason::GroundNotForThis, "the duty does not reach her safe contact");
    assert_eq!(desk.refused(case.sender, about_her("CONSENT")).await, Reason::ConsentMissing);
    for number in 1..=3 {
        decided(&desk, case, &id, case.decision_about(number)).await;
    }
    let received = async || -> Vec<u32> {
        let answer = desk.try_write(case.recipient, open(&id)).await.unwrap();
        let mut numbers: Vec<u32> = answer.response.sections.iter().map(|section| section.number).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(received().await, [1, 2, 3]);
    let terms = Some(consent("victim-1", &[Category::SafeContact, Category::Child, Category::Concern], case.function));
    let request = v1::RecordConsentRequest { referral: id.clone(), terms, ..Default::default() };
    let given = desk.write(case.sender, request).await.consent.unwrap();
    desk.write(case.sender, about_her("CONSENT")).await;
    assert_eq!(received().await, [1, 2, 3, 4]);
    let answer = desk.write(case.sender, withdraw(&id, &given)).await;
    assert_eq!(answer.stop_use_sections, [4]);
    assert_eq!(received().await, [1, 2, 3], "what rests on the duty goes on");
    desk.finish().await;
}
