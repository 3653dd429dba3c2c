//! Releases that somebody with the signing key could write without their basis: each must be named.

use brygga_domain::event::{Fact, Outcome};
use brygga_domain::{Category, Commitment, DeclineReason, PersonId, Position, Purpose, RetractReason, WithholdReason};
use brygga_verify::{Code, Verdict};

use crate::forge::{audit_events, check, consent, decision, leaving, release, rest_on, section_named, submitted};
use crate::story::{POLICE, PROSECUTOR, position, story};
use crate::world::{agency, function, officer};

#[test]
fn the_story_itself_is_verified() {
    let story = story();
    let report = audit_events(&story.events);
    assert_eq!(report.findings, []);
    assert_eq!(report.doubts, Vec::<String>::new());
    assert_eq!((report.verdict, report.releases), (Verdict::Verified, 1));
}

#[test]
fn a_release_rests_on_a_clearance_of_its_own() {
    check(&[
        ("release without decision", |story| {
            let (decided, at) = (story.nth("ClearanceDecided", 0), release(story));
            story.blank(decided);
            vec![(Code::ClearanceMissing, at)]
        }),
        ("decision after the release", |story| {
            let (decided, later, at) = (story.nth("ClearanceDecided", 1), story.at("ContactRecorded"), release(story));
            let event = story.events[decided].clone();
            story.blank(decided);
            story.replace(later, event.fact);
            story.event(later).agency = event.agency;
            leaving(story, |sections| sections.iter_mut().filter(section_named(2)).for_each(|section| section.basis = vec![position(later)]));
            vec![(Code::ClearanceMissing, at)]
        }),
        ("another section's decision", |story| {
            let (decided, other, at) = (story.nth("ClearanceDecided", 1), story.nth("ClearanceDecided", 0), release(story));
            story.blank(decided);
            leaving(story, |sections| {
                let basis = sections.iter().find(|section| section.section == 1).unwrap().basis.clone();
                assert!(basis.contains(&position(other)));
                sections.iter_mut().filter(section_named(2)).for_each(|section| section.basis.clone_from(&basis));
            });
            vec![(Code::ClearanceMissing, at)]
        }),
        ("one person of the section was never decided", |story| {
            let at = release(story);
            decision(story, 2).cells.pop();
            vec![(Code::ClearanceMissing, at)]
        }),
        ("the investigation was cleared by the sender", |story| {
            let (decided, at) = (story.nth("ClearanceDecided", 4), release(story));
            story.event(decided).agency = agency(POLICE);
            vec![(Code::ClearanceByOther, decided), (Code::ClearanceByOther, at)]
        }),
        ("a person was cleared by the leader", |story| {
            let (decided, at) = (story.nth("ClearanceDecided", 0), release(story));
            story.event(decided).agency = agency(PROSECUTOR);
            vec![(Code::ClearanceByOther, decided), (Code::ClearanceByOther, at)]
        }),
        ("revoked before the release", |story| {
            let (claimed, at) = (story.at("ReferralClaimed"), release(story));
            let (referral, cell, table) = (story.referral, decision(story, 0).cells[0].cell, decision(story, 0).table);
            story.replace(claimed, Fact::ClearanceRevoked { referral, cells: vec![cell], table });
            story.event(claimed).agency = agency(POLICE);
            vec![(Code::ClearanceRevoked, at)]
        }),
        ("withheld, and released all the same", |story| {
            let at = release(story);
            decision(story, 0).cells[0].outcome = Outcome::Withhold { reason: brygga_domain::WithholdReason::NotNeeded, nameable: true };
            vec![(Code::ClearanceWithheld, at)]
        }),
        ("superseded by an amendment", |story| {
            let (claimed, at) = (story.at("ReferralClaimed"), release(story));
            let amended = story.events[story.at("ReferralAmended")].fact.clone();
            story.replace(claimed, amended);
            story.event(claimed).agency = agency(POLICE);
            vec![(Code::ClearanceSuperseded, at), (Code::RevisionDiffers, at), (Code::ReleaseNotOffered, at)]
        }),
        ("a ground that cannot carry it", |story| {
            let (decided, at) = (story.nth("ClearanceDecided", 0), release(story));
            decision(story, 0).cells[0].outcome = Outcome::Release { ground: "DUTY_CHILD_REPORT".parse().unwrap(), consent: None };
            vec![(Code::GroundUnlawful, decided), (Code::GroundUnlawful, at)]
        }),
        ("a ground that no table knows", |story| {
            let at = release(story);
            decision(story, 0).cells[0].outcome = Outcome::Release { ground: "BECAUSE".parse().unwrap(), consent: None };
            vec![(Code::GroundUnlawful, at)]
        }),
    ]);
}

#[test]
fn a_second_officer_is_another_officer() {
    check(&[
        ("nobody confirmed", |story| {
            let (confirmed, at) = (story.at("ClearanceConfirmed"), release(story));
            story.blank(confirmed);
            vec![(Code::SecondOfficerMissing, at)]
        }),
        ("nobody confirmed and the decision does not ask", |story| {
            let (confirmed, at) = (story.at("ClearanceConfirmed"), release(story));
            story.blank(confirmed);
            decision(story, 2).cells.iter_mut().for_each(|cell| cell.second_officer = false);
            leaving(story, |sections| sections.iter_mut().filter(section_named(3)).for_each(|section| section.basis.retain(|at| *at != position(confirmed))));
            vec![(Code::SecondOfficerMissing, at)]
        }),
        ("the same officer confirmed", |story| {
            let (confirmed, at) = (story.at("ClearanceConfirmed"), release(story));
            story.event(confirmed).officer = Some(officer(1));
            vec![(Code::SecondOfficerSame, confirmed), (Code::SecondOfficerSame, at)]
        }),
        ("the second officer disagreed", |story| {
            let (confirmed, at) = (story.at("ClearanceConfirmed"), release(story));
            let Fact::ClearanceConfirmed(second) = &mut story.event(confirmed).fact else { panic!("no confirmation") };
            second.cells[0].outcome = Outcome::Withhold { reason: WithholdReason::NotNeeded, nameable: false };
            vec![(Code::ClearanceWithheld, at)]
        }),
        ("the second officer released on another ground", |story| {
            let (confirmed, at) = (story.at("ClearanceConfirmed"), release(story));
            let Fact::ClearanceConfirmed(second) = &mut story.event(confirmed).fact else { panic!("no confirmation") };
            second.cells[0].outcome = Outcome::Release { ground: "NO_HARM".parse().unwrap(), consent: None };
            vec![(Code::ClearanceWithheld, at)]
        }),
        ("the second officer released on what carries nothing", |story| {
            let (confirmed, at) = (story.at("ClearanceConfirmed"), release(story));
            let Fact::ClearanceConfirmed(second) = &mut story.event(confirmed).fact else { panic!("no confirmation") };
            second.cells[0].outcome = Outcome::Release { ground: "EMERGENCY".parse().unwrap(), consent: None };
            vec![(Code::GroundUnlawful, confirmed), (Code::ClearanceWithheld, at)]
        }),
        ("the second officer decided under another table", |story| {
            let confirmed = story.at("ClearanceConfirmed");
            let Fact::ClearanceConfirmed(second) = &mut story.event(confirmed).fact else { panic!("no confirmation") };
            second.table = brygga_domain::TableHash([9; 32]);
            vec![(Code::TableInactive, confirmed)]
        }),
        ("the confirmation is of another decision", |story| {
            let (confirmed, at) = (story.at("ClearanceConfirmed"), release(story));
            let other = position(story.nth("ClearanceDecided", 0));
            let Fact::ClearanceConfirmed(second) = &mut story.event(confirmed).fact else { panic!("no confirmation") };
            second.cells[0].decision = other;
            vec![(Code::ConfirmationUnfounded, confirmed), (Code::SecondOfficerMissing, at)]
        }),
        ("nobody is named", |story| {
            let confirmed = story.at("ClearanceConfirmed");
            story.event(confirmed).officer = None;
            vec![(Code::OfficerMissing, confirmed), (Code::SecondOfficerSame, release(story))]
        }),
    ]);
}

#[test]
fn a_consent_is_earlier_her_own_and_in_force() {
    check(&[
        ("consent after the release", |story| {
            let (given, later, at) = (story.at("ConsentRecorded"), story.at("ContactRecorded"), release(story));
            let event = story.events[given].clone();
            story.blank(given);
            story.replace(later, event.fact);
            story.event(later).agency = event.agency;
            rest_on(story, given, later);
            vec![(Code::ConsentLater, story.nth("ClearanceDecided", 0)), (Code::ConsentLater, at)]
        }),
        ("no consent at all", |story| {
            let (given, at) = (story.at("ConsentRecorded"), release(story));
            story.blank(given);
            vec![(Code::ConsentMissing, at)]
        }),
        ("a ground of consent that names none", |story| {
            let at = release(story);
            decision(story, 0).cells[0].outcome = Outcome::Release { ground: "CONSENT".parse().unwrap(), consent: None };
            vec![(Code::ConsentMissing, story.nth("ClearanceDecided", 0)), (Code::ConsentMissing, at)]
        }),
        ("withdrawn before the release", |story| {
            let (claimed, at) = (story.at("ReferralClaimed"), release(story));
            let withdrawal = story.events[story.at("ConsentWithdrawn")].fact.clone();
            story.replace(claimed, withdrawal);
            story.event(claimed).agency = agency(POLICE);
            vec![(Code::ConsentWithdrawn, at)]
        }),
        ("another person's", |story| {
            let at = release(story);
            let suspect = submitted(story).persons[1].id;
            consent(story).person = suspect;
            vec![(Code::ConsentOfAnother, story.nth("ClearanceDecided", 0)), (Code::ConsentOfAnother, at)]
        }),
        ("of nobody in the referral", |story| {
            let given = story.at("ConsentRecorded");
            consent(story).person = PersonId::from_bytes(&[9; 16]).unwrap();
            vec![(Code::ConsentOfAnother, given)]
        }),
        ("for another recipient", |story| {
            let at = release(story);
            consent(story).recipient = function("ekero-barn");
            vec![(Code::ConsentOtherRecipient, at)]
        }),
        ("for other categories", |story| {
            let at = release(story);
            consent(story).categories = vec![Category::VictimIdentity];
            vec![(Code::ConsentOtherCategory, at)]
        }),
        ("for another purpose", |story| {
            let at = release(story);
            consent(story).purpose = Purpose::Proceedings;
            vec![(Code::ConsentOtherPurpose, at)]
        }),
        ("expired at the very moment", |story| {
            let at = release(story);
            consent(story).valid_until = story.events[at].time;
            vec![(Code::ConsentExpired, at)]
        }),
    ]);
}

#[test]
fn a_release_says_what_left_and_on_what() {
    check(&[
        ("a position too many", |story| {
            leaving(story, |sections| sections[0].basis.insert(0, Position(0)));
            vec![(Code::BasisDiffers, release(story))]
        }),
        ("the consent is left out", |story| {
            let given = position(story.at("ConsentRecorded"));
            leaving(story, |sections| sections[0].basis.retain(|at| *at != given));
            vec![(Code::BasisDiffers, release(story))]
        }),
        ("a section twice", |story| {
            leaving(story, |sections| sections.push(sections[0].clone()));
            vec![(Code::BasisDiffers, release(story))]
        }),
        ("other bytes", |story| {
            leaving(story, |sections| sections[0].commitment = Commitment([9; 32]));
            vec![(Code::CommitmentDiffers, release(story))]
        }),
        ("a revision that does not exist", |story| {
            leaving(story, |sections| sections[0].revision = 2);
            vec![(Code::RevisionDiffers, release(story))]
        }),
        ("a section that does not exist", |story| {
            leaving(story, |sections| sections[0].section = 9);
            vec![(Code::CellUnknown, release(story))]
        }),
        ("nothing", |story| {
            leaving(story, Vec::clear);
            vec![(Code::CellUnknown, release(story))]
        }),
        ("to another recipient", |story| {
            let at = release(story);
            let Fact::SectionsReleased { recipient, .. } = &mut story.event(at).fact else { panic!("no release") };
            *recipient = function("ekero-barn");
            vec![(Code::RecipientDiffers, at)]
        }),
    ]);
}

#[test]
fn a_release_comes_at_its_time_and_by_its_recipient() {
    check(&[
        ("never offered", |story| {
            let offered = story.nth("SectionsOffered", 0);
            story.blank(offered);
            vec![(Code::ReleaseNotOffered, release(story))]
        }),
        ("by the sender itself", |story| {
            let at = release(story);
            story.event(at).agency = agency(POLICE);
            vec![(Code::WrongAgency, at)]
        }),
        ("by an officer who had not taken it on", |story| {
            let at = release(story);
            story.event(at).officer = Some(officer(8));
            vec![(Code::ClaimedByAnother, at)]
        }),
        ("after the end", |story| {
            let (claimed, at, referral) = (story.at("ReferralClaimed"), release(story), story.referral);
            story.replace(claimed, Fact::ReferralDeclined { referral, reason: DeclineReason::NoCapacity, duplicate_of: None });
            vec![(Code::StageWrong, at)]
        }),
        ("after the sender took it back", |story| {
            let (claimed, at, referral) = (story.at("ReferralClaimed"), release(story), story.referral);
            story.replace(claimed, Fact::ReferralRetracted { referral, reason: RetractReason::Wrong });
            story.event(claimed).agency = agency(POLICE);
            vec![(Code::StageWrong, at)]
        }),
        ("offered without clearance", |story| {
            let (decided, offered) = (story.nth("ClearanceDecided", 0), story.at("ReferralOffered"));
            story.blank(decided);
            vec![(Code::ClearanceMissing, offered)]
        }),
        ("revoked after it had left", |story| {
            let (contact, referral) = (story.at("ContactRecorded"), story.referral);
            let (cell, table) = (decision(story, 0).cells[0].cell, decision(story, 0).table);
            story.replace(contact, Fact::ClearanceRevoked { referral, cells: vec![cell], table });
            story.event(contact).agency = agency(POLICE);
            vec![(Code::RevokedAfterRelease, contact)]
        }),
    ]);
}
