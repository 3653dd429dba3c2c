//! Complete requests over the wire for tests that need whole referrals: consent and decision travel with the submission.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use brygga_client::content::encode;
use brygga_client::content_v1::content::Section as Arm;
use brygga_client::content_v1::{Identity, OffenceHeading, SafeContact, VictimIdentity};
use brygga_client::v1;
use brygga_domain::{Code as _, OfferAnswer, Time};
use brygga_journal::v1 as codes;
use brygga_wire::view::timestamp;
use bytes::Bytes;

/// The ordinary recipient.
pub const RVC: &str = "solna-rvc";
/// Who sends.
pub const POLICE: &str = "vasterort-polis";
/// Who receives.
pub const BOARD: &str = "solna-soc";
/// Who audits.
pub const AUDITOR: &str = "imy";
/// The one person of these referrals.
pub const VICTIM: &str = "victim-1";

const DAY_MINUTES: u32 = 60 * 24;

/// A new request id.
pub fn request_id(draw: u128) -> String {
    uuid::Builder::from_random_bytes(draw.to_be_bytes()).into_uuid().to_string()
}

/// The time a number of minutes before now.
///
/// # Panics
/// When the system's clock stands before 1970.
pub fn minutes_ago(minutes: u64) -> Time {
    let then = SystemTime::now() - Duration::from_secs(minutes * 60);
    Time::from_micros(i64::try_from(then.duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
}

/// The content of the three sections of [`submission`].
pub fn contents() -> [(codes::Category, Bytes); 3] {
    let identity = Identity { person: VICTIM.to_owned(), given_name: String::from("Amal"), family_name: String::from("Exempelsson"), ..Default::default() };
    let identity = VictimIdentity { identity: Some(identity), ..Default::default() };
    let contact = SafeContact { telephone: String::from("070-174 06 05"), ..Default::default() };
    let heading = OffenceHeading { heading: String::from("Misshandel"), ..Default::default() };
    [
        (codes::Category::VictimIdentity, encode(Arm::VictimIdentity(identity))),
        (codes::Category::SafeContact, encode(Arm::SafeContact(contact))),
        (codes::Category::OffenceHeading, encode(Arm::OffenceHeading(heading))),
    ]
}

/// [`contents`] with so many bytes more in each section.
pub fn long_contents(bytes: usize) -> [Bytes; 3] {
    let more = "Z".repeat(bytes);
    let identity = Identity { person: VICTIM.to_owned(), given_name: more.clone(), ..Default::default() };
    [
        encode(Arm::VictimIdentity(VictimIdentity { identity: Some(identity), ..Default::default() })),
        encode(Arm::SafeContact(SafeContact { do_not_contact: vec![more.clone()], ..Default::default() })),
        encode(Arm::OffenceHeading(OffenceHeading { heading: more, ..Default::default() })),
    ]
}

/// Her consent to these categories for the ordinary recipient.
pub fn consent(categories: &[codes::Category]) -> v1::ConsentTerms {
    let given_at = minutes_ago(5);
    v1::ConsentTerms {
        person: VICTIM.to_owned(),
        categories: categories.iter().map(|category| i32::from(*category)).collect(),
        recipient: RVC.to_owned(),
        purpose: codes::Purpose::Support.into(),
        given_at: Some(timestamp(given_at)),
        valid_until: Some(timestamp(given_at.plus_minutes(90 * DAY_MINUTES))),
        form: codes::ConsentForm::Oral.into(),
        language: String::from("swe"),
        interpreter: false,
        gdpr_basis: codes::GdprBasis::PublicTask.into(),
        ..v1::ConsentTerms::default()
    }
}

/// One cell released on a ground; an empty consent id means the consent that is there.
pub fn release(section: u32, interest: &str, ground: &str) -> v1::CellDecision {
    v1::CellDecision {
        cell: Some(v1::Cell { section, interest: interest.to_owned() }),
        outcome: Some(v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: ground.to_owned(), consent_id: String::new(), revision: 0 })),
    }
}

/// The same decision about the revisions that stand, as an officer sees them.
pub fn in_view(mut decision: v1::Decision, sections: &[v1::SectionClearance]) -> v1::Decision {
    for decided in &mut decision.cells {
        let number = decided.cell.as_ref().map_or(0, |cell| cell.section);
        if let (Some(v1::cell_decision::Outcome::Release(release)), Some(section)) =
            (&mut decided.outcome, sections.iter().find(|section| section.number == number))
        {
            release.revision = section.revision;
        }
    }
    decision
}

/// The decision that releases every cell of [`submission`].
pub fn decision(reasons: &str) -> v1::Decision {
    let mut cells: Vec<v1::CellDecision> = (1..=3).map(|section| release(section, VICTIM, "CONSENT")).collect();
    cells.push(release(3, "investigation", "NO_HARM"));
    let answers = v1::Answers { asserted: vec![codes::FactCode::HarmExcluded.into()], ..Default::default() };
    v1::Decision { cells, answers: Some(answers), reasons: reasons.to_owned(), ..Default::default() }
}

/// An offer of support that was answered with yes.
pub fn offer(request_id: String) -> v1::RecordOfferRequest {
    let result = Some(v1::offer::Result::Answer(OfferAnswer::Yes.number()));
    let offer = v1::Offer { result, reported_at: Some(timestamp(minutes_ago(30))), ..Default::default() };
    v1::RecordOfferRequest { request_id, officer: String::from("klara"), offer: Some(offer), ..Default::default() }
}

/// A contact request that is held: neither consent nor decision.
pub fn held_submission() -> v1::SubmitReferralRequest {
    let sections = contents().into_iter().map(|(category, content)| v1::Section {
        number: 0,
        category: category.into(),
        persons: vec![VICTIM.to_owned()],
        investigation: category == codes::Category::OffenceHeading,
        content,
    });
    v1::SubmitReferralRequest {
        kind: codes::ReferralKind::ContactRequest.into(),
        recipient: RVC.to_owned(),
        urgency: codes::Urgency::Urgent.into(),
        reported_at: Some(timestamp(minutes_ago(30))),
        persons: vec![v1::Person { name: VICTIM.to_owned(), identifier: None, ..Default::default() }],
        sections: sections.collect(),
        ..Default::default()
    }
}

/// A complete contact request: with consent and decision, so that it is offered in the same commit.
pub fn submission() -> v1::SubmitReferralRequest {
    let categories = contents().map(|(category, _)| category);
    v1::SubmitReferralRequest { consents: vec![consent(&categories)], decisions: vec![decision("she asks for support")], ..held_submission() }
}
