//! Logs out of order, with answers that nobody may give, or with withdrawals that nobody heard of: each must be named.

use brygga_domain::event::{Fact, Interest, OfferResult, Officer};
use brygga_domain::{
    AgencyKind, Category, ClosingOutcome, DeclineReason, EventId, OfferAnswer, OfferId, OfficerProof, OfficerPseudonym, PersonId, Position, ReferralKind,
    ReturnReason, TableHash, Time,
};
use brygga_verify::Code;

use crate::forge::{audit_events, check, decision, names, release, submitted};
use crate::story::{POLICE, position, story};
use crate::world::{ORIGIN, agency};

#[test]
fn a_withdrawal_is_followed_by_a_notice() {
    check(&[
        ("no notice", |story| {
            let (withdrawn, notice) = (story.at("ConsentWithdrawn"), story.at("StopUseSent"));
            story.blank(notice);
            vec![(Code::StopUseMissing, withdrawn)]
        }),
        ("a section is left out", |story| {
            let (withdrawn, notice) = (story.at("ConsentWithdrawn"), story.at("StopUseSent"));
            let Fact::StopUseSent { sections, .. } = &mut story.event(notice).fact else { panic!("no notice") };
            assert_eq!(*sections, [1, 2]);
            sections.pop();
            vec![(Code::StopUseMissing, withdrawn)]
        }),
        ("the log ends with the withdrawal", |story| {
            let withdrawn = story.at("ConsentWithdrawn");
            story.events.truncate(withdrawn + 1);
            vec![(Code::StopUseMissing, withdrawn)]
        }),
        ("the holder of an earlier revision is forgotten", |story| {
            let (contact, notice, withdrawn) = (story.at("ContactRecorded"), story.at("StopUseSent"), story.at("ConsentWithdrawn"));
            let mut amended = story.events[story.at("ReferralAmended")].fact.clone();
            if let Fact::ReferralAmended { sections, .. } = &mut amended {
                sections[0].section = 1;
            }
            story.replace(contact, amended);
            story.event(contact).agency = agency(POLICE);
            story.blank(notice);
            vec![(Code::StopUseMissing, withdrawn)]
        }),
        ("a notice without a withdrawal", |story| {
            let (withdrawn, notice) = (story.at("ConsentWithdrawn"), story.at("StopUseSent"));
            story.blank(withdrawn);
            vec![(Code::StopUseUnfounded, notice)]
        }),
        ("withdrawn twice", |story| {
            let answered = story.at("StopUseAnswered");
            let withdrawal = story.events[story.at("ConsentWithdrawn")].fact.clone();
            story.replace(answered, withdrawal);
            vec![(Code::ConsentWithdrawn, answered)]
        }),
        ("a withdrawal of nothing", |story| {
            let (contact, referral) = (story.at("ContactRecorded"), story.referral);
            story.replace(contact, Fact::ConsentWithdrawn { referral, consent: brygga_domain::ConsentId::from_bytes(&[9; 16]).unwrap() });
            vec![(Code::ConsentMissing, contact)]
        }),
        ("an answer to no notice", |story| {
            let answered = story.at("StopUseAnswered");
            let Fact::StopUseAnswered { notice, .. } = &mut story.event(answered).fact else { panic!("no answer") };
            *notice = Position(0);
            vec![(Code::AnswerUnfounded, answered)]
        }),
        ("an acknowledgement of no release", |story| {
            let answered = story.at("DeliveryAcknowledged");
            let Fact::DeliveryAcknowledged { release, .. } = &mut story.event(answered).fact else { panic!("no answer") };
            *release = Position(0);
            vec![(Code::AnswerUnfounded, answered)]
        }),
    ]);
}

#[test]
fn stages_and_answers_are_lawful() {
    check(&[
        ("accepted before it was opened", |story| {
            let (at, accepted) = (release(story), story.at("ReferralAccepted"));
            story.events.swap(at, accepted);
            vec![(Code::StageWrong, at)]
        }),
        ("closed by the sender", |story| {
            let closed = story.at("ReferralClosed");
            story.event(closed).agency = agency(POLICE);
            vec![(Code::WrongAgency, closed)]
        }),
        ("amended by the recipient", |story| {
            let amended = story.at("ReferralAmended");
            story.event(amended).agency = agency("solna-soc");
            vec![(Code::WrongAgency, amended)]
        }),
        ("a revision passed over", |story| {
            let amended = story.at("ReferralAmended");
            let Fact::ReferralAmended { sections, .. } = &mut story.event(amended).fact else { panic!("no amendment") };
            sections[0].revision = 3;
            vec![(Code::RevisionDiffers, amended)]
        }),
        ("a child concern declined", |story| {
            let (claimed, referral) = (story.at("ReferralClaimed"), story.referral);
            submitted(story).kind = ReferralKind::ChildConcern;
            story.replace(claimed, Fact::ReferralDeclined { referral, reason: DeclineReason::NoCapacity, duplicate_of: None });
            vec![(Code::ChildConcernDeclined, claimed)]
        }),
        ("a personal answer to the sender", |story| {
            let (claimed, referral) = (story.at("ReferralClaimed"), story.referral);
            story.replace(claimed, Fact::ReferralDeclined { referral, reason: DeclineReason::SubjectDeclined, duplicate_of: None });
            vec![(Code::AnswerNotAllowed, claimed)]
        }),
        ("declined for what the envelope does not show", |story| {
            let (claimed, referral) = (story.at("ReferralClaimed"), story.referral);
            story.replace(claimed, Fact::ReferralDeclined { referral, reason: DeclineReason::Under18, duplicate_of: None });
            vec![(Code::AnswerNotAllowed, claimed)]
        }),
        ("returned as another board's, which is for child concerns", |story| {
            let (claimed, referral) = (story.at("ReferralClaimed"), story.referral);
            story.replace(claimed, Fact::ReferralReturned { referral, reason: ReturnReason::WrongBoard, missing: Vec::new(), right_function: None });
            vec![(Code::AnswerNotAllowed, claimed)]
        }),
        ("closed with an inquiry", |story| {
            let closed = story.at("ReferralClosed");
            let Fact::ReferralClosed(closing) = &mut story.event(closed).fact else { panic!("no closing") };
            closing.outcome = ClosingOutcome::InquiryOpened;
            vec![(Code::AnswerNotAllowed, closed)]
        }),
        ("the police read the log", |story| {
            let asked = story.at("LogQueried");
            story.event(asked).agency = agency(POLICE);
            vec![(Code::WrongAgency, asked)]
        }),
    ]);
}

#[test]
fn the_log_is_in_order() {
    check(&[
        ("time goes back", |story| {
            let at = story.at("ReferralAccepted");
            story.event(at).time = Time::from_micros(crate::world::START_US);
            vec![(Code::TimeBack, at)]
        }),
        ("an id twice", |story| {
            let (first, second) = (story.at("ConsentRecorded"), story.at("ReferralAccepted"));
            story.event(second).id = story.events[first].id;
            vec![(Code::EventTwice, second)]
        }),
        ("the log begins twice", |story| {
            let asked = story.at("LogQueried");
            story.replace(asked, Fact::LogStarted { origin: ORIGIN.to_owned() });
            vec![(Code::LogStart, asked)]
        }),
        ("the log does not begin", |story| {
            story.events.remove(0);
            vec![(Code::LogStart, 0)]
        }),
        ("another log's first event", |story| {
            story.replace(0, Fact::LogStarted { origin: String::from("other.invalid/disclosures") });
            vec![(Code::OriginDiffers, 0)]
        }),
        ("no ground table", |story| {
            let table = story.at("GroundTableActivated");
            let registered = story.events[story.at("AgencyRegistered")].fact.clone();
            story.replace(table, registered);
            vec![(Code::TableInactive, story.nth("ClearanceDecided", 0))]
        }),
        ("a ground table of one officer", |story| {
            let (registered, table) = (story.nth("AgencyRegistered", 0), story.events[story.at("GroundTableActivated")].fact.clone());
            let Fact::GroundTableActivated { table, .. } = table else { panic!("no table") };
            let officer = OfficerPseudonym([3; 16]);
            story.replace(registered, Fact::GroundTableActivated { table, proposed_by: Some(officer) });
            story.event(registered).officer = Some(Officer { pseudonym: officer, proof: OfficerProof::Asserted });
            vec![(Code::SecondOfficerSame, registered)]
        }),
        ("a ground table of nobody", |story| {
            let (registered, table) = (story.nth("AgencyRegistered", 0), story.events[story.at("GroundTableActivated")].fact.clone());
            story.replace(registered, table);
            vec![(Code::SecondOfficerMissing, registered)]
        }),
        ("another ground table", |story| {
            let decided = story.nth("ClearanceDecided", 0);
            decision(story, 0).table = TableHash([9; 32]);
            vec![(Code::TableInactive, decided)]
        }),
    ]);
}

#[test]
fn a_referral_is_one_that_could_be_submitted() {
    check(&[
        ("submitted twice", |story| {
            let asked = story.at("LogQueried");
            let submitted = story.events[story.at("ReferralSubmitted")].clone();
            story.replace(asked, submitted.fact);
            story.event(asked).agency = submitted.agency;
            vec![(Code::ReferralTwice, asked)]
        }),
        ("never submitted", |story| {
            let at = story.at("ReferralSubmitted");
            story.events.remove(at);
            vec![(Code::ReferralUnknown, at)]
        }),
        ("a section that protects nobody", |story| {
            let at = story.at("ReferralSubmitted");
            submitted(story).sections[0].persons.clear();
            vec![(Code::ReferralMalformed, at), (Code::ClearanceMissing, release(story))]
        }),
        ("a category that the kind does not carry", |story| {
            let at = story.at("ReferralSubmitted");
            submitted(story).sections[0].category = Category::Whereabouts;
            vec![(Code::ReferralMalformed, at)]
        }),
        ("an agency that is not registered", |story| {
            let registered = story.at("AgencyRegistered");
            let Fact::AgencyRegistered { kind, .. } = &mut story.event(registered).fact else { panic!("no agency") };
            *kind = AgencyKind::SocialBoard;
            vec![(Code::AgencyUnknown, story.at("ReferralSubmitted"))]
        }),
        ("an offer that nobody made", |story| {
            let at = story.at("ReferralSubmitted");
            submitted(story).offer = Some(OfferId::from_bytes(&[9; 16]).unwrap());
            vec![(Code::OfferUnknown, at)]
        }),
        ("she had said no", |story| {
            let (offered, at) = (story.at("OfferRecorded"), story.at("ReferralSubmitted"));
            let Fact::OfferRecorded(offer) = &mut story.event(offered).fact else { panic!("no offer") };
            offer.result = OfferResult::Offered(OfferAnswer::No);
            submitted(story).kind = ReferralKind::ContactRequest;
            vec![(Code::OfferDeclined, at)]
        }),
        ("a decision about a person outside the section", |story| {
            let decided = story.nth("ClearanceDecided", 0);
            decision(story, 0).cells[0].cell.interest = Interest::Person(PersonId::from_bytes(&[9; 16]).unwrap());
            vec![(Code::CellUnknown, decided), (Code::ClearanceMissing, release(story))]
        }),
    ]);
}

#[test]
fn the_chain_of_a_referral_is_checked() {
    let mut story = story();
    let at = story.at("ReferralAccepted");
    for previous in [None, Some(Position(0)), Some(position(at))] {
        story.event(at).previous = previous;
        assert!(names(&audit_events(&story.events), Code::PreviousWrong, at));
    }
    let mut story = crate::story::story();
    story.event(1).previous = Some(Position(0));
    assert!(names(&audit_events(&story.events), Code::PreviousWrong, 1));
}

#[test]
fn a_flood_of_findings_is_counted_and_not_kept() {
    let mut story = story();
    let last = story.events.last().unwrap().clone();
    for number in 0..1_200_u64 {
        let mut event = last.clone();
        event.agency = agency(POLICE);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        event.id = EventId::from_bytes(&id).unwrap();
        story.events.push(event);
    }
    let report = audit_events(&story.events);
    assert_eq!(report.findings.len(), brygga_verify::FINDINGS_MAX);
    assert_eq!(report.findings_left_out, 200);
}
