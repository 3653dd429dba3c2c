//! A hearing that is moved: the decision stands for it, the gate is asked all the same, and a revocation ends it. And a template.

use brygga_client::v1;
use brygga_domain::{Category, Reason};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CONCERN_OF_POLICE, DAY, HEARING, cell, content_of, from_now};
use bytes::Bytes;

use crate::steps::{consented, decided, held};

/// New content of a section.
fn moved(id: &str, number: u32, category: Category) -> v1::AmendReferralRequest {
    let content = v1::AmendedSection { number, content: content_of(category, "moved") };
    v1::AmendReferralRequest { referral: id.to_owned(), sections: vec![content], ..Default::default() }
}

fn open(id: &str) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { referral: id.to_owned(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hearing_that_is_moved_needs_no_new_decision_until_the_standing_one_is_revoked() {
    let desk = Desk::start().await;
    let case = &HEARING;
    let id = &held(&desk, case).await.id;
    consented(&desk, case, id).await;
    let decision = v1::Decision { standing_until: Some(from_now(90 * DAY)), ..case.decision() };
    let shown = decided(&desk, case, id, decision).await;
    let stands = |referral: &v1::ClearanceReferral| referral.sections.iter().flat_map(|section| &section.cells).all(|cell| cell.standing_until.is_some());
    assert!(stands(&shown));
    desk.write(case.recipient, open(id)).await;
    let (number, (category, persons, _)) = (1..).zip(case.parts).find(|(_, (category, ..))| *category == Category::HearingNotice).unwrap();
    let answer = desk.try_write(case.sender, moved(id, number, *category)).await.unwrap();
    assert_eq!(answer.proof.positions_of("ClearanceCarried").len(), 1, "it is on record that the decision goes on");
    let opened = desk.try_write(case.recipient, open(id)).await.unwrap();
    let left = opened.response.sections.iter().find(|section| section.number == number).unwrap();
    assert_eq!((left.revision, opened.proof.positions_of("ClearanceCarried").len()), (2, 1), "the receipt proves what it rests on");
    // What stands can be revoked when it has left; the next revision needs a decision of its own.
    let cells = vec![cell(number, persons[0])];
    desk.write(case.sender, v1::RevokeClearanceRequest { referral: id.clone(), cells, ..Default::default() }).await;
    desk.write(case.sender, moved(id, number, *category)).await;
    let again = desk.write(case.recipient, open(id)).await;
    assert!(again.sections.iter().all(|section| section.number != number));
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_marked_in_the_log_and_never_decides_a_child_concern() {
    let desk = Desk::start().await;
    let template = Some(v1::Template { name: String::from("hearing"), digest: Bytes::from_static(&[7; 32]) });
    let id = &held(&desk, &HEARING).await.id;
    consented(&desk, &HEARING, id).await;
    decided(&desk, &HEARING, id, v1::Decision { template: template.clone(), ..HEARING.decision() }).await;
    let concern = held(&desk, &CONCERN_OF_POLICE).await.id;
    let decision = Some(v1::Decision { template, ..CONCERN_OF_POLICE.decision() });
    let request = v1::DecideClearanceRequest { referral: concern.clone(), decision, ..Default::default() };
    assert_eq!(desk.refused(CONCERN_OF_POLICE.sender, request).await, Reason::TemplateNotAllowed);
    decided(&desk, &CONCERN_OF_POLICE, &concern, CONCERN_OF_POLICE.decision()).await;
    let marked: Vec<_> = desk
        .audited()
        .await
        .into_iter()
        .filter_map(|event| match event.fact {
            brygga_domain::Fact::ClearanceDecided(decision) => Some((decision.referral.to_string() == *id, decision.template.is_some(), decision.cells.len())),
            _ => None,
        })
        .collect();
    assert_eq!(marked.iter().map(|(hearing, templated, _)| (*hearing, *templated)).collect::<Vec<_>>(), [(true, true), (false, false)]);
    assert!(marked.iter().all(|(.., cells)| *cells > 1), "every cell is its own decision");
    desk.finish().await;
}
