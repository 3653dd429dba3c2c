//! Amended before and after release, a hearing moved, recalled after release, retracted before it.

use brygga_client::content_v1::HearingState;
use brygga_client::v1;
use brygga_domain::codes::{InboxKind, RetractReason};
use brygga_domain::{Category, Code as _, Reason, SenderStatus};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CASE_HANDOVER, CASES, CONTACT_REQUEST, Case, HEARING, content_of, hearing};
use bytes::Bytes;

use crate::steps::{consented, decided, delivered, held, offered, opened, told, unknown_to_the_recipient};

fn amend(id: &str, number: u32, content: Bytes) -> v1::AmendReferralRequest {
    v1::AmendReferralRequest { referral: id.to_owned(), sections: vec![v1::AmendedSection { number, content }], ..Default::default() }
}

fn retract(id: &str, reason: RetractReason) -> v1::RetractReferralRequest {
    v1::RetractReferralRequest { referral: id.to_owned(), reason: reason.number(), ..Default::default() }
}

async fn inbox_kinds(desk: &Desk, case: &Case, id: &str) -> Vec<InboxKind> {
    let host = case.recipient.split('/').next().unwrap();
    // From the beginning on a stream gives what is open; from the first position on, all that ever came.
    let entries = desk.inbox(host, case.function, 1).await;
    entries.iter().filter(|entry| entry.referral == id).map(|entry| InboxKind::from_number(entry.kind).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amended_before_release_only_the_new_revision_leaves() {
    let desk = Desk::start().await;
    let case = &CONTACT_REQUEST;
    let referral = held(&desk, case).await;
    let id = &referral.id;
    let better = content_of(Category::SafeContact, "second");
    desk.write(case.sender, amend(id, 2, better.clone())).await;
    consented(&desk, case, id).await;
    decided(&desk, case, id, case.decision()).await;
    // Amended again while it is offered and unread: what was cleared was other content, so the section waits for its clearance.
    let best = content_of(Category::SafeContact, "third");
    desk.write(case.sender, amend(id, 2, best.clone())).await;
    let envelope = desk.envelope(case.recipient, case.function, id).await.unwrap();
    assert!(envelope.sections.iter().all(|section| section.number != 2), "what is not cleared is not in the envelope");
    let first = opened(&desk, case, id).await;
    assert!(first.sections.iter().all(|section| section.number != 2));
    decided(&desk, case, id, case.decision_about(2)).await;
    let second = opened(&desk, case, id).await;
    let contact = second.sections.iter().find(|section| section.number == 2).unwrap();
    assert_eq!((contact.revision, &contact.content), (3, &best));
    assert!(second.supersedes.iter().all(|earlier| earlier.section != 2), "no earlier revision has left");
    assert_eq!(inbox_kinds(&desk, case, id).await, [InboxKind::Offered, InboxKind::SectionsOffered]);
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amended_after_release_every_direction_releases_anew_and_marks_the_old_one_superseded() {
    let desk = Desk::start().await;
    for case in &CASES {
        let id = &offered(&desk, case).await.id;
        let first = delivered(&desk, case, id).await;
        let content = content_of(case.parts[0].0, "second");
        desk.write(case.sender, amend(id, 1, content.clone())).await;
        let again = opened(&desk, case, id).await;
        assert!(again.sections.iter().all(|section| section.number != 1), "{}: the new revision left without a clearance", case.name);
        decided(&desk, case, id, case.decision_about(1)).await;
        let second = opened(&desk, case, id).await;
        let renewed = second.sections.iter().find(|section| section.number == 1).unwrap();
        assert_eq!((renewed.revision, &renewed.content), (2, &content), "{}", case.name);
        let superseded = v1::EarlierRelease { section: 1, revision: 1, position: first.release };
        assert_eq!(second.supersedes, [superseded], "{}", case.name);
        assert_eq!(inbox_kinds(&desk, case, id).await, [InboxKind::Offered, InboxKind::SectionsOffered], "{}", case.name);
        let envelope = second.envelope.unwrap();
        assert!(envelope.sections.iter().any(|section| (section.number, section.revision, section.opened_revision) == (1, 2, 2)), "{}", case.name);
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_the_content_is_destroyed_and_an_amended_section_is_new() {
    let desk = Desk::start().await;
    for case in &CASES {
        let id = &offered(&desk, case).await.id;
        let first = delivered(&desk, case, id).await;
        let import = v1::ConfirmImportRequest { referral: id.clone(), release: first.release, ..Default::default() };
        assert_eq!(desk.refused(case.sender, import.clone()).await, Reason::NotFound, "{}: the sender", case.name);
        let unknown = v1::ConfirmImportRequest { release: 1, ..import.clone() };
        assert_eq!(desk.refused(case.recipient, unknown).await, Reason::ReleaseUnknown, "{}", case.name);
        let envelope = desk.write(case.recipient, import.clone()).await.envelope.unwrap();
        assert!(envelope.stage() == v1::Stage::Opened && envelope.sections.iter().all(|section| section.content_destroyed), "{}", case.name);
        assert_eq!(desk.refused(case.recipient, import).await, Reason::ContentDestroyed, "{}: once is enough", case.name);
        let open = v1::OpenReferralRequest { referral: id.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, open).await, Reason::ContentDestroyed, "{}", case.name);
        assert_eq!(inbox_kinds(&desk, case, id).await, [InboxKind::Offered, InboxKind::ContentDestroyed], "{}", case.name);
        assert_eq!(told(&desk, case, id).await[4..], [SenderStatus::ContentDestroyed], "{}", case.name);
        assert!(desk.referral(case.sender, id).await.sections.iter().all(|section| section.content_destroyed), "{}", case.name);
        // What ends is the content: the referral goes on, and what is sent anew is there.
        let content = content_of(case.parts[0].0, "second");
        desk.write(case.sender, amend(id, 1, content.clone())).await;
        decided(&desk, case, id, case.decision_about(1)).await;
        let second = opened(&desk, case, id).await;
        let left: Vec<_> = second.sections.iter().map(|section| (section.number, section.revision, &section.content)).collect();
        assert_eq!(left, [(1, 2, &content)], "{}: only the new content leaves", case.name);
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hearing_is_moved_and_keeps_its_id() {
    use brygga_client::content::decode;
    use brygga_client::content_v1::content::Section;
    let desk = Desk::start().await;
    let case = &HEARING;
    let id = &offered(&desk, case).await.id;
    delivered(&desk, case, id).await;
    desk.write(case.recipient, v1::AcceptReferralRequest { referral: id.clone(), ..Default::default() }).await;
    desk.write(case.sender, amend(id, 2, hearing(HearingState::Moved, "7"))).await;
    decided(&desk, case, id, case.decision_about(2)).await;
    let moved = opened(&desk, case, id).await;
    let notice = moved.sections.iter().find(|section| section.number == 2).unwrap();
    let Section::HearingNotice(notice) = decode(&notice.content).unwrap() else { panic!("a hearing") };
    assert_eq!((notice.state(), notice.room.as_str(), notice.hearing_id.as_str()), (HearingState::Moved, "7", "5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31"));
    assert_eq!(moved.supersedes.iter().map(|earlier| earlier.section).collect::<Vec<_>>(), [2]);
    assert_eq!(desk.referral(case.sender, id).await.status, SenderStatus::Answered.number(), "a new revision does not undo the answer");
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recalled_after_release_the_recipient_confirms_and_nothing_leaves_again() {
    let desk = Desk::start().await;
    for (case, reason) in CASES.iter().zip(RetractReason::ALL.iter().cycle()) {
        let id = &offered(&desk, case).await.id;
        delivered(&desk, case, id).await;
        let confirm = v1::AcknowledgeRecallRequest { referral: id.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, confirm.clone()).await, Reason::WrongStage, "{}: nothing was recalled yet", case.name);
        let recalled = desk.write(case.sender, retract(id, *reason)).await.referral.unwrap();
        assert_eq!(recalled.status, SenderStatus::Retracted.number());
        assert_eq!(inbox_kinds(&desk, case, id).await, [InboxKind::Offered, InboxKind::Retracted], "{}", case.name);
        let envelope = desk.envelope(case.recipient, case.function, id).await.unwrap();
        assert!(envelope.recall.is_some() && !envelope.recall_confirmed, "{}", case.name);
        assert!(desk.waits(case.recipient, case.function, id).await, "{}: a recall waits for its answer", case.name);
        let open = v1::OpenReferralRequest { referral: id.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, open).await, Reason::WrongStage, "{}", case.name);
        desk.write(case.recipient, confirm.clone()).await;
        assert!(!desk.waits(case.recipient, case.function, id).await, "{}: nothing is left to do", case.name);
        assert_eq!(desk.refused(case.recipient, confirm).await, Reason::WrongStage, "{}: once is enough", case.name);
        assert_eq!(desk.referral(case.sender, id).await.status, SenderStatus::RecallConfirmed.number(), "{}", case.name);
        let way = [SenderStatus::Opened, SenderStatus::Delivered, SenderStatus::Retracted, SenderStatus::RecallConfirmed];
        assert_eq!(told(&desk, case, id).await[2..], way, "{}", case.name);
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retracted_before_release_it_ends() {
    let desk = Desk::start().await;
    for case in [&CONTACT_REQUEST, &CASE_HANDOVER] {
        let unseen = held(&desk, case).await;
        desk.write(case.sender, retract(&unseen.id, RetractReason::Wrong)).await;
        unknown_to_the_recipient(&desk, case, &unseen).await;
        assert_eq!(desk.refused(case.sender, retract(&unseen.id, RetractReason::Wrong)).await, Reason::WrongStage);

        let unread = offered(&desk, case).await;
        desk.write(case.sender, retract(&unread.id, RetractReason::Misdirected)).await;
        let open = v1::OpenReferralRequest { referral: unread.id.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, open).await, Reason::WrongStage);
        let confirm = v1::AcknowledgeRecallRequest { referral: unread.id.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, confirm).await, Reason::WrongStage, "nothing has left, so there is nothing to recall");
        assert_eq!(told(&desk, case, &unread.id).await, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::Retracted]);
        assert_eq!(inbox_kinds(&desk, case, &unread.id).await, [InboxKind::Offered, InboxKind::Retracted]);
        let decide = v1::DecideClearanceRequest { referral: unread.id.clone(), decision: Some(case.decision()), ..Default::default() };
        assert_eq!(desk.refused(case.sender, decide).await, Reason::WrongStage);
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_like_a_street_is_taken_and_its_sender_is_told_where_it_stands() {
    let desk = Desk::start().await;
    let case = &CASE_HANDOVER;
    let street = content_of(Category::Offence, "på Storgatan 14 B");
    let mut submission = v1::SubmitReferralRequest { sender_reference: String::from("Storgatan 14"), ..case.submission() };
    let place = submission.sections.iter().position(|section| section.category == Category::Offence.number()).unwrap();
    submission.sections[place].content = street.clone();
    let fields = |warnings: &[v1::Warning]| warnings.iter().map(|warning| warning.field.clone()).collect::<Vec<_>>();
    let found = |number: usize| format!("sections[{number}].content.summary");

    let draft = v1::AssessReferralRequest { draft: Some(submission.clone()), ..Default::default() };
    let assessed = desk.client(case.sender).assess_referral(draft).await.unwrap();
    assert_eq!(fields(&assessed.warnings), [String::from("draft.sender_reference"), format!("draft.{}", found(place))]);
    let stored = desk.write(case.sender, submission).await;
    assert_eq!(fields(&stored.warnings), [String::from("sender_reference"), found(place)]);
    assert!(!format!("{:?}", stored.warnings).contains("Storgatan"), "a warning does not repeat what it is about");
    let (id, number) = (stored.referral.unwrap().id, u32::try_from(place).unwrap() + 1);
    let amended = desk.write(case.sender, amend(&id, number, street)).await;
    assert_eq!(fields(&amended.warnings), [found(0)]);
    assert_eq!(desk.write(case.sender, amend(&id, number, content_of(Category::Offence, "utomhus"))).await.warnings, []);
    desk.finish().await;
}
