//! What a broker built without the gate may try with an honest client, each with the name under which it is refused.

use brygga_domain::event::{Interest, Outcome, SecondDecision};
use brygga_domain::gate::{Released, ReleasedSection};
use brygga_domain::{Category, Fact, PersonId, Purpose, TableHash, WithholdReason};
use brygga_wire::content_v1::SafeContact;
use brygga_wire::content_v1::content::Section;
use brygga_wire::v1;
use bytes::Bytes;
use uuid::Uuid;

use crate::content;
use crate::fixture::{Log, event, minute};
use crate::refused::Refused;
use crate::story::{AGREEMENT, BASE, CONSENT, DECISION, REFERENCE, RELEASE, Story, at, cell, commitment, referral};
use crate::verify;

type Attack = (&'static str, &'static str, fn(&mut Story));

const ON_CONTENT: &[Attack] = &[
    ("other bytes of the same category", "CONTENT_DIFFERS", |story| {
        story.sections[0].content = content::encode(Section::SafeContact(SafeContact { telephone: String::from("x"), ..Default::default() }));
    }),
    ("other salt", "CONTENT_DIFFERS", |story| story.sections[0].salt = Bytes::copy_from_slice(&[8; 32])),
    ("a salt of 31 bytes", "SALT_LENGTH", |story| story.sections[0].salt = Bytes::copy_from_slice(&[1; 31])),
    ("a section more than was logged", "SECTIONS_DIFFER", |story| {
        let mut more = story.sections[0].clone();
        more.number = 3;
        story.sections.push(more);
    }),
    ("a section twice", "SECTIONS_DIFFER", |story| {
        let twice = story.sections[0].clone();
        story.sections.push(twice);
    }),
    ("a logged section kept back", "SECTIONS_DIFFER", |story| story.sections.truncate(1)),
    ("no section at all", "SECTIONS_DIFFER", |story| {
        story.sections.clear();
        story.released(Vec::clear);
    }),
    ("another revision", "SECTIONS_DIFFER", |story| story.sections[0].revision = 2),
    ("the contents of two sections swapped", "CONTENT_DIFFERS", |story| {
        let first = story.sections[0].content.clone();
        story.sections[0].content = std::mem::replace(&mut story.sections[1].content, first);
    }),
    ("content of a category that the consent does not cover, under the name of one that it does", "CATEGORY_DIFFERS", |story| {
        story.sections[0].content = story.sections[1].content.clone();
        let honest = commitment(&story.sections[0]);
        story.released(|released| released[0].commitment = honest);
    }),
    ("bytes that are no content", "CATEGORY_DIFFERS", |story| {
        story.sections[0].content = Bytes::from_static(b"\xff\xff");
        let honest = commitment(&story.sections[0]);
        story.released(|released| released[0].commitment = honest);
    }),
];

const ON_PARTIES: &[Attack] = &[
    ("another referral under the asked name", "OTHER_REFERRAL", |story| {
        story.consent().referral = referral(2);
        story.decision().referral = referral(2);
        for event in &mut story.events {
            if let Fact::ClearanceConfirmed(SecondDecision { referral: of, .. }) | Fact::SectionsReleased { referral: of, .. } = &mut event.fact {
                *of = referral(2);
            }
        }
    }),
    ("another referral's envelope", "NOT_WHAT_WAS_ASKED", |story| story.envelope.id = referral(2).to_string()),
    ("another reference's envelope", "NOT_WHAT_WAS_ASKED", |story| story.request.referral = String::from("BR-0000-0001-1")),
    ("a consent of another referral", "OTHER_REFERRAL", |story| story.consent().referral = referral(2)),
    ("a decision on another referral", "OTHER_REFERRAL", |story| story.decision().referral = referral(2)),
    ("a release to another function, envelope and all", "OTHER_RECIPIENT", |story| {
        let Fact::SectionsReleased { recipient, .. } = &mut story.events[RELEASE].fact else { panic!("the release") };
        *recipient = "ekero-rvc".parse().unwrap();
        story.envelope.recipient = recipient.to_string();
    }),
    ("a release to another function, under our envelope", "OTHER_RECIPIENT", |story| {
        story.caller.functions.clear();
        let Fact::SectionsReleased { recipient, .. } = &mut story.events[RELEASE].fact else { panic!("the release") };
        *recipient = "ekero-rvc".parse().unwrap();
    }),
    ("a decision for another function", "OTHER_RECIPIENT", |story| story.decision().recipient = "ekero-rvc".parse().unwrap()),
    ("a release that another agency asked for", "EVENT_MISSING", |story| story.events[RELEASE].agency = "ekero-soc".parse().unwrap()),
    ("a release position that is a decision", "EVENT_MISSING", |story| story.release = at(DECISION).0),
    ("a release that is not in the receipt", "EVENT_MISSING", |story| {
        story.receipt_of.pop();
    }),
    ("no envelope of ours", "NOT_WHAT_WAS_ASKED", |story| story.envelope = v1::Envelope::default()),
];

const ON_DECISION: &[Attack] = &[
    ("no basis at all", "DECISION_MISSING", |story| story.released(|released| released[0].basis.clear())),
    ("the decision left out of the receipt", "BASIS_MISSING", |story| {
        story.receipt_of.remove(DECISION);
    }),
    ("the decision left out of the basis", "DECISION_MISSING", |story| story.released(|released| released[0].basis = vec![at(CONSENT)])),
    ("a decision that withholds", "DECISION_WITHHOLDS", |story| {
        story.decision().cells[0].outcome = Outcome::Withhold { reason: WithholdReason::OfficersDiffer, nameable: false };
    }),
    ("a decision for another section", "BASIS_KIND", |story| {
        story.decision().cells.remove(0);
    }),
    ("a decision for the person but not for the investigation", "DECISION_MISSING", |story| {
        story.decision().cells.pop();
    }),
    ("a decision for the investigation but not for the person", "DECISION_MISSING", |story| {
        story.decision().cells.remove(1);
    }),
    ("a section about two persons with a decision for one", "DECISION_MISSING", |story| story.sections[0].persons.push(String::from("child-1"))),
    ("a decision after the release", "BASIS_LATER", |story| story.later(DECISION)),
    ("a decision dated after the release", "BASIS_LATER", |story| story.events[DECISION].time = minute(41)),
    ("a decision of another agency", "DECIDED_BY_ANOTHER", |story| story.events[DECISION].agency = "solna-soc".parse().unwrap()),
    ("a basis that is the release itself", "BASIS_LATER", |story| story.released(|released| released[0].basis.push(at(RELEASE)))),
    ("a basis that is no decision", "BASIS_KIND", |story| {
        story.events[AGREEMENT].fact = Fact::ReferralClaimed { referral: referral(1), takeover: false };
    }),
];

const ON_SECOND_OFFICER: &[Attack] = &[
    ("no second officer", "SECOND_OFFICER_MISSING", |story| story.released(|released| released[1].basis = vec![at(DECISION)])),
    ("no second officer, and the decision says that none is due", "SECOND_OFFICER_MISSING", |story| {
        story.decision().cells[1].second_officer = false;
        story.released(|released| released[1].basis = vec![at(DECISION)]);
    }),
    ("a second officer who withholds", "SECOND_OFFICER_MISSING", |story| {
        story.agreement()[0].outcome = Outcome::Withhold { reason: WithholdReason::NotNeeded, nameable: false };
    }),
    ("a second officer who releases on another ground", "SECOND_OFFICER_MISSING", |story| {
        story.agreement()[0].outcome = Outcome::Release { ground: "NO_HARM".parse().unwrap(), consent: None };
    }),
    ("a second officer who is the first", "SECOND_OFFICER_MISSING", |story| story.events[AGREEMENT].officer = story.events[DECISION].officer),
    ("a second officer whom nobody names", "SECOND_OFFICER_MISSING", |story| story.events[AGREEMENT].officer = None),
    ("a second officer of another agency", "SECOND_OFFICER_MISSING", |story| story.events[AGREEMENT].agency = "ekero-soc".parse().unwrap()),
    ("agreement to another decision", "SECOND_OFFICER_MISSING", |story| story.agreement()[0].decision = at(CONSENT)),
    ("agreement about another cell of the section", "SECOND_OFFICER_MISSING", |story| story.agreement()[0].cell = cell(2, Interest::Investigation)),
    ("agreement after the release", "BASIS_LATER", |story| story.later(AGREEMENT)),
    ("an emergency that had ended", "SECOND_OFFICER_MISSING", |story| drop(story.emergency(40).clone())),
    ("an emergency for another recipient", "OTHER_RECIPIENT", |story| story.emergency(60).recipient = "ekero-mottagning".parse().unwrap()),
    ("an emergency of another agency", "SECOND_OFFICER_MISSING", |story| {
        story.emergency(60);
        story.events[AGREEMENT].agency = "ekero-soc".parse().unwrap();
    }),
];

const ON_CONSENT: &[Attack] = &[
    ("the consent left out of the receipt", "BASIS_MISSING", |story| {
        story.receipt_of.remove(CONSENT);
    }),
    ("the consent left out of the basis", "CONSENT_MISSING", |story| story.released(|released| released[0].basis = vec![at(DECISION)])),
    ("a ground of consent without one", "CONSENT_MISSING", |story| {
        story.decision().cells[0].outcome = Outcome::Release { ground: "CONSENT".parse().unwrap(), consent: None };
    }),
    ("a ground of consent without one, under another table", "CONSENT_MISSING", |story| {
        story.decision().table = TableHash([1; 32]);
        story.decision().cells[0].outcome = Outcome::Release { ground: "CONSENT".parse().unwrap(), consent: None };
    }),
    ("a consent after the release", "BASIS_LATER", |story| story.later(CONSENT)),
    ("a consent of another person", "CONSENT_OF_ANOTHER", |story| story.consent().person = PersonId(Uuid::from_u128(0xb))),
    ("a consent for another recipient", "CONSENT_OTHER_RECIPIENT", |story| story.consent().recipient = "ekero-rvc".parse().unwrap()),
    ("a consent for another category", "CONSENT_OTHER_CATEGORY", |story| story.consent().categories = vec![Category::Interpreter]),
    ("a consent for another purpose", "CONSENT_OTHER_PURPOSE", |story| story.consent().purpose = Purpose::Proceedings),
    ("a consent that had run out", "CONSENT_NOT_IN_FORCE", |story| story.consent().valid_until = minute(40)),
    ("a consent that was given later", "CONSENT_NOT_IN_FORCE", |story| story.consent().given_at = minute(41)),
    ("her consent for the investigation", "CONSENT_OF_ANOTHER", |story| {
        story.decision().cells[2].outcome = Outcome::Release { ground: "CONSENT".parse().unwrap(), consent: Some(at(CONSENT)) };
        story.released(|released| released[1].basis = vec![at(CONSENT), at(DECISION), at(AGREEMENT)]);
    }),
];

const ON_LOG: &[Attack] = &[
    ("another log's key under our origin", "CHECKPOINT_NOT_SIGNED", |story| story.signs = Log::of_size(8, 5)),
    ("another log's origin", "OTHER_LOG", |story| story.tamper = Some(|receipt| receipt.origin = String::from("dev.invalid/other"))),
    ("no leaf", "RECEIPT_LEAVES", |story| story.receipt_of.clear()),
    ("65 leaves", "RECEIPT_LEAVES", |story| story.tamper = Some(|receipt| receipt.leaves = vec![receipt.leaves[0].clone(); 65])),
    ("a leaf twice", "RECEIPT_ORDER", |story| story.receipt_of = vec![at(0), at(0), at(1), at(2), at(3)]),
    ("leaves out of order", "RECEIPT_ORDER", |story| story.receipt_of.reverse()),
    ("a leaf under another position", "LEAF_NOT_PROVED", |story| story.tamper = Some(|receipt| receipt.leaves[3].position += 1)),
    ("a leaf's bytes of another leaf", "LEAF_NOT_PROVED", |story| {
        story.tamper = Some(|receipt| receipt.leaves[0].leaf = receipt.leaves[1].leaf.clone());
    }),
    ("a proof with a hash less", "LEAF_NOT_PROVED", |story| story.tamper = Some(|receipt| drop(receipt.leaves[0].proof.pop()))),
    ("a proof with a hash more", "LEAF_NOT_PROVED", |story| {
        story.tamper = Some(|receipt| receipt.leaves[0].proof.push(Bytes::copy_from_slice(&[0; 32])));
    }),
    ("a proof with a short hash", "PROOF_HASH", |story| story.tamper = Some(|receipt| receipt.leaves[0].proof[0] = Bytes::copy_from_slice(&[0; 31]))),
    ("an older checkpoint under the proofs", "LEAF_NOT_PROVED", |story| {
        story.tamper = Some(|receipt| receipt.checkpoint = Log::of_size(7, 5).note(5));
    }),
    ("a history that the pin does not know", "LOG_NOT_CONSISTENT", |story| {
        let other = Log::of_size(7, 6);
        story.pin = Some(other.checkpoint(6));
        story.consistency = Some(other.consistency(4, 6));
        if let Some(proof) = &mut story.consistency {
            (proof.from_size, proof.to_size) = (6, 9);
        }
    }),
    ("a pin and no proof from it", "CONSISTENCY_MISSING", |story| story.pin = Some(story.signs.checkpoint(3))),
    ("a proof from another size than the pin's", "CONSISTENCY_MISSING", |story| {
        story.pin = Some(story.signs.checkpoint(3));
        story.consistency = Some(story.signs.consistency(4, 5));
    }),
    ("a log that was rolled back", "LOG_ROLLED_BACK", |story| {
        let mut longer = Log::of_size(7, 12);
        longer.push(&event("dev-broker", 0, 99, Fact::LogStarted { origin: String::from("more") }));
        story.pin = Some(longer.checkpoint(13));
    }),
    ("two heads of one size", "LOG_FORKED", |story| story.pin = Some(Log::of_size(7, 9).checkpoint(9))),
    ("a pin of another origin", "OTHER_LOG", |story| {
        let mut pin = story.signs.checkpoint(3);
        pin.origin = String::from("dev.invalid/other");
        story.pin = Some(pin);
    }),
];

fn outcome(attack: fn(&mut Story)) -> Result<(), Refused> {
    let mut story = Story::new();
    attack(&mut story);
    story.open()
}

#[test]
fn an_honest_opening_is_accepted_by_id_and_by_reference() {
    outcome(|_| {}).unwrap();
    outcome(|story| story.request.referral = REFERENCE.to_lowercase()).unwrap();
    outcome(|story| story.caller.functions.clear()).unwrap();
    outcome(|story| drop(story.emergency(41).clone())).unwrap();
    outcome(|story| {
        story.pin = Some(story.signs.checkpoint(BASE));
        let mut whole = Log::of_size(7, 5);
        for event in &story.events {
            whole.push(event);
        }
        story.consistency = Some(whole.consistency(BASE, whole.size()));
    })
    .unwrap();
}

#[test]
fn each_attack_on_a_delivery_is_refused_by_its_name() {
    let tables = [ON_CONTENT, ON_PARTIES, ON_DECISION, ON_SECOND_OFFICER, ON_CONSENT, ON_LOG];
    let mut wrong = Vec::new();
    for (attack, wanted, run) in tables.into_iter().flatten() {
        let found = outcome(*run).err().map_or("accepted", |refused| refused.name());
        if found != *wanted {
            wrong.push(format!("{attack}: {wanted} wanted, {found} found"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_later_decision_replaces_an_earlier_one_and_never_the_reverse() {
    let again = |earlier_withholds: bool| {
        let mut story = Story::new();
        let mut second = story.events[DECISION].clone();
        let withheld = Outcome::Withhold { reason: WithholdReason::OfficersDiffer, nameable: false };
        let Fact::ClearanceDecided(decision) = &mut second.fact else { panic!("the decision") };
        decision.cells.truncate(1);
        if earlier_withholds {
            story.decision().cells[0].outcome = withheld;
        } else {
            decision.cells[0].outcome = withheld;
        }
        second.id = brygga_domain::EventId(Uuid::from_u128(77));
        second.time = minute(35);
        story.events.insert(RELEASE, second);
        story.receipt_of = (0..5).map(at).collect();
        story.release += 1;
        let released = |sections: &mut Vec<ReleasedSection>| sections[0].basis = vec![at(CONSENT), at(DECISION), at(RELEASE)];
        let Fact::SectionsReleased { released: logged, .. } = &mut story.events[RELEASE + 1].fact else { panic!("the release") };
        let mut sections = logged.sections().to_vec();
        released(&mut sections);
        *logged = Released::read_back(sections);
        story.open()
    };
    assert_eq!(again(true), Ok(()));
    assert_eq!(again(false), Err(Refused::Withheld { section: 1, position: at(RELEASE) }));
}

#[test]
fn no_flipped_bit_of_a_receipt_is_accepted() {
    let mut log = Log::of_size(7, 5);
    for event in Story::new().events {
        log.push(&event);
    }
    let key = log.key();
    let honest = log.receipt(&[at(0), at(1), at(2), at(3)], log.size());
    verify::receipt(Some(&honest), &key).unwrap();
    let flip = |bytes: &Bytes, place: usize| {
        let mut flipped = bytes.to_vec();
        flipped[place / 8] ^= 1 << (place % 8);
        Bytes::from(flipped)
    };
    for index in 0..honest.leaves.len() {
        for place in 0..honest.leaves[index].leaf.len() * 8 {
            let mut receipt = honest.clone();
            receipt.leaves[index].leaf = flip(&honest.leaves[index].leaf, place);
            assert!(verify::receipt(Some(&receipt), &key).is_err(), "leaf {index}, bit {place}");
        }
        for (hash, bytes) in honest.leaves[index].proof.iter().enumerate() {
            for place in 0..bytes.len() * 8 {
                let mut receipt = honest.clone();
                receipt.leaves[index].proof[hash] = flip(bytes, place);
                assert!(verify::receipt(Some(&receipt), &key).is_err(), "proof {index}.{hash}, bit {place}");
            }
        }
    }
    for place in 0..honest.checkpoint.len() * 8 {
        let mut receipt = honest.clone();
        receipt.checkpoint = flip(&honest.checkpoint, place);
        assert!(verify::receipt(Some(&receipt), &key).is_err(), "checkpoint, bit {place}");
    }
}

#[test]
fn an_old_receipt_is_taken_again_only_when_the_pinned_log_begins_with_it() {
    let log = Log::of_size(7, 12);
    let (old, note, pin) = (log.checkpoint(5), log.note(5), log.checkpoint(12));
    let proof = log.consistency(5, 12);
    assert_eq!(verify::wanted_proof(&old, Some(&pin)), Some((5, 12)));
    verify::link((&old, &note), Some(&pin), Some(&proof)).unwrap();
    let mut fork = Log::of_size(7, 4);
    fork.push(&event("dev-broker", 0, 200, Fact::LogStarted { origin: String::from("fork") }));
    let refused = verify::link((&fork.checkpoint(5), &fork.note(5)), Some(&pin), Some(&proof)).unwrap_err();
    assert_eq!(refused.name(), "LOG_NOT_CONSISTENT");
    assert_eq!(verify::link((&old, &note), Some(&pin), None).unwrap_err().name(), "LOG_ROLLED_BACK");
}

#[test]
fn a_leaf_that_is_no_event_is_refused_though_it_is_in_the_log() {
    let mut log = Log::of_size(7, 3);
    let position = log.push_raw(&b"\x0a\x01x"[..]);
    let receipt = log.receipt(&[position], log.size());
    assert_eq!(verify::receipt(Some(&receipt), &log.key()).unwrap_err().name(), "LEAF_UNREADABLE");
    assert_eq!(verify::receipt(None, &log.key()), Err(Refused::NoReceipt));
}
