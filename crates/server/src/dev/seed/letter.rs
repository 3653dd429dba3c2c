//! Builds submissions: persons, sections, consents and decisions, in the order in which a case system would fill them.

use brygga_client::content_v1::content::Section;
use brygga_client::{content, v1};
use brygga_domain::{Category, Code, ConsentForm, FactCode, GdprBasis, ProtectedIdentity, Purpose, ReferralKind, Time};

use super::paper::{Pen, stamp};

/// Her consents hold this long.
const CONSENT_MINUTES: u32 = 90 * 24 * 60;
/// How long after the report she is asked.
const CONSENT_AFTER_MINUTES: u32 = 60;
/// What the protocol calls the protected interest that is no person.
const INVESTIGATION: &str = brygga_wire::view::INVESTIGATION;

/// A submission in the making.
#[derive(Debug, Clone)]
pub struct Letter {
    request: v1::SubmitReferralRequest,
}

/// What an officer asserts, and the reasons.
#[derive(Debug, Clone, Copy)]
pub struct Asserted<'a> {
    /// The facts.
    pub facts: &'a [FactCode],
    /// The offence, by its name in the offence table.
    pub offence: &'a str,
    /// Age of the person it is about.
    pub age: Option<u32>,
    /// The reasons.
    pub reasons: &'a str,
}

impl<'a> Asserted<'a> {
    /// Facts and reasons alone.
    pub const fn new(facts: &'a [FactCode], reasons: &'a str) -> Self {
        Self { facts, offence: "", age: None, reasons }
    }
}

impl Letter {
    /// A letter of one kind about a case; `mark` tells the seed's letters from others with the same numbers.
    pub fn new(kind: ReferralKind, pen: &Pen<'_>, mark: u64) -> Self {
        let request = v1::SubmitReferralRequest {
            kind: kind.number(),
            urgency: pen.case.urgency.number(),
            reported_at: Some(stamp(pen.reported_at)),
            sender_reference: format!("{}/{mark}", pen.case_number()),
            ..Default::default()
        };
        Self { request }
    }

    /// Joins the thread of another referral.
    #[must_use]
    pub fn of_thread(mut self, thread: Option<&str>) -> Self {
        thread.unwrap_or_default().clone_into(&mut self.request.thread_id);
        self
    }

    /// Cites the offer.
    #[must_use]
    pub fn after_offer(mut self, offer: &str) -> Self {
        offer.clone_into(&mut self.request.offer_id);
        self
    }

    /// Names who leads the investigation.
    #[must_use]
    pub fn led_by(mut self, leader: &str) -> Self {
        leader.clone_into(&mut self.request.leader);
        self
    }

    /// A person; found again by her number if she has one, by the sender's own name for her otherwise.
    #[must_use]
    pub fn person(mut self, pen: &Pen<'_>, name: &str) -> Self {
        let (kind, value) = match pen.people.number {
            Some(number) if name == "victim-1" => (v1::IdentifierType::PersonalNumber, number.to_owned()),
            Some(_) | None => (v1::IdentifierType::Local, format!("{} {name}", self.request.sender_reference)),
        };
        let identifier = v1::Identifier { r#type: kind.into(), value };
        self.request.persons.push(v1::Person {
            name: name.to_owned(),
            identifier: Some(identifier),
            protected_identity: ProtectedIdentity::NotProtected.number(),
        });
        self
    }

    /// A section about these persons.
    #[must_use]
    pub fn section(mut self, persons: &[&str], investigation: bool, section: Section) -> Self {
        let number = u32::try_from(self.request.sections.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.request.sections.push(v1::Section {
            number,
            category: content::category(&section).number(),
            persons: persons.iter().map(|person| (*person).to_owned()).collect(),
            investigation,
            content: content::encode(section),
        });
        self
    }

    /// The categories of the sections so far.
    pub fn categories(&self) -> Vec<Category> {
        let mut found: Vec<Category> = self.request.sections.iter().filter_map(|section| Category::from_number(section.category)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Her consent to everything in the letter that is about her.
    pub fn her_terms(&self, pen: &Pen<'_>, recipient: &str, purpose: Purpose) -> v1::ConsentTerms {
        let given_at = pen.reported_at.plus_minutes(CONSENT_AFTER_MINUTES);
        v1::ConsentTerms {
            person: String::from("victim-1"),
            categories: self.categories().into_iter().map(Code::number).collect(),
            recipient: recipient.to_owned(),
            purpose: purpose.number(),
            given_at: Some(stamp(given_at)),
            valid_until: Some(stamp(given_at.plus_minutes(CONSENT_MINUTES))),
            form: if pen.case.number.is_multiple_of(4) { ConsentForm::Written } else { ConsentForm::Oral }.number(),
            language: pen.case.tongue.code.to_owned(),
            interpreter: pen.case.tongue.interpreter,
            gdpr_basis: GdprBasis::PublicTask.number(),
            ..v1::ConsentTerms::default()
        }
    }

    /// Carries a consent.
    #[must_use]
    pub fn with_consent(mut self, terms: v1::ConsentTerms) -> Self {
        self.request.consents.push(terms);
        self
    }

    /// A decision about every cell for whose interest `ground` names a ground.
    pub fn decision(&self, asserted: Asserted<'_>, ground: impl Fn(&str) -> Option<&'static str>) -> v1::Decision {
        let mut cells = Vec::new();
        for section in &self.request.sections {
            let persons = section.persons.iter().map(String::as_str);
            for interest in persons.chain(section.investigation.then_some(INVESTIGATION)) {
                let Some(ground) = ground(interest) else { continue };
                let release = v1::ReleaseOutcome { ground: ground.to_owned(), ..Default::default() };
                let cell = v1::Cell { section: section.number, interest: interest.to_owned() };
                cells.push(v1::CellDecision { cell: Some(cell), outcome: Some(v1::cell_decision::Outcome::Release(release)) });
            }
        }
        let answers = v1::Answers {
            asserted: asserted.facts.iter().map(|fact| fact.number()).collect(),
            offence: asserted.offence.to_owned(),
            subject_age_years: asserted.age,
            ..Default::default()
        };
        v1::Decision { cells, answers: Some(answers), reasons: asserted.reasons.to_owned(), ..Default::default() }
    }

    /// Carries a decision.
    #[must_use]
    pub fn with_decision(mut self, decision: v1::Decision) -> Self {
        self.request.decisions.push(decision);
        self
    }

    /// The request for a recipient.
    pub fn to(self, recipient: &'static str) -> (&'static str, v1::SubmitReferralRequest) {
        (recipient, self.request)
    }
}

/// Hers on her consent, the investigation because no harm follows, others' not at all.
pub fn on_consent(interest: &str) -> Option<&'static str> {
    match interest {
        "victim-1" => Some("CONSENT"),
        INVESTIGATION => Some("NO_HARM"),
        _ => None,
    }
}

/// The facts of a harm test.
pub const HARMLESS: &[FactCode] = &[FactCode::HarmExcluded];

/// The time that the clock of a case gives to something, minutes after the report.
pub fn after(reported_at: Time, minutes: u32) -> prost_types::Timestamp {
    stamp(reported_at.plus_minutes(minutes))
}
