//! Made-up referrals: one case for each direction and kind, with content that bears a marker wherever a name would stand.

use std::sync::atomic::{AtomicU64, Ordering};

use brygga_client::content;
use brygga_client::content_v1::content::Section as Content;
use brygga_client::content_v1::{
    Child, Concern, CourtDecision, Custodian, Custodians, HearingNotice, HearingState, Identity, Interpreter, Offence, OffenceHeading, RiskNotice, SafeContact,
    SupportStatus, Suspect, VictimIdentity,
};
use brygga_client::v1;
use brygga_domain::codes::{ConsentForm, FactCode, GdprBasis, Purpose, Urgency};
use brygga_domain::{Category, Code as _, ReferralKind};
use brygga_engine::{Clock as _, SystemClock};
use bytes::Bytes;
use prost_types::Timestamp;

/// What every made-up name, telephone number and text holds.
pub const MARKER: &str = "Exempelsson";
/// Seconds of an hour.
pub const HOUR: i64 = 3600;
/// Seconds of a day.
pub const DAY: i64 = 24 * HOUR;

/// This many seconds from now, whole seconds.
pub fn from_now(seconds: i64) -> Timestamp {
    Timestamp { seconds: SystemClock.now().micros() / 1_000_000 + seconds, nanos: 0 }
}

/// A section of a case: its category, whose secrecy it touches, and whether the investigation's as well.
pub type Part = (Category, &'static [&'static str], bool);

/// One kind of referral in one direction, with the lawful way to release it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What is shown when it fails.
    pub name: &'static str,
    /// The sending agency with its officer.
    pub sender: &'static str,
    /// The recipient's agency with its officer.
    pub recipient: &'static str,
    /// The function that it goes to.
    pub function: &'static str,
    /// The kind.
    pub kind: ReferralKind,
    /// The persons.
    pub persons: &'static [&'static str],
    /// The sections.
    pub parts: &'static [Part],
    /// The ground for what protects a person. What protects the investigation is released because no harm follows.
    pub ground: &'static str,
    /// What is asserted.
    pub asserted: &'static [FactCode],
}

impl Case {
    /// Whether the release rests on the consent of `victim-1`.
    pub fn needs_consent(&self) -> bool {
        self.ground == "CONSENT"
    }

    /// Whether it is received and never declined.
    pub fn is_child_concern(&self) -> bool {
        self.kind == ReferralKind::ChildConcern
    }

    /// The submission, without consents and decisions.
    pub fn submission(&self) -> v1::SubmitReferralRequest {
        let clock = matches!(self.kind, ReferralKind::ContactRequest | ReferralKind::ReportedOffence);
        v1::SubmitReferralRequest {
            kind: self.kind.number(),
            recipient: self.function.to_owned(),
            urgency: Urgency::Urgent.number(),
            reported_at: clock.then(|| from_now(-2 * HOUR)),
            persons: self.persons.iter().map(|name| v1::Person { name: (*name).to_owned(), identifier: None, ..Default::default() }).collect(),
            sections: self.parts.iter().map(|part| assessed(section(*part))).collect(),
            ..Default::default()
        }
    }

    /// The consent of `victim-1` for every section of the case and its recipient.
    pub fn consent(&self) -> v1::ConsentTerms {
        let categories: Vec<Category> = self.parts.iter().map(|(category, ..)| *category).collect();
        consent("victim-1", &categories, self.function)
    }

    /// The decision of every cell.
    pub fn decision(&self) -> v1::Decision {
        self.decision_of(self.parts.iter().zip(1_u32..).map(|(part, number)| (number, *part)))
    }

    /// The decision of every cell of one section.
    pub fn decision_about(&self, number: u32) -> v1::Decision {
        self.decision_of(self.parts.iter().zip(1_u32..).map(|(part, number)| (number, *part)).filter(|(found, _)| *found == number))
    }

    fn decision_of(&self, parts: impl Iterator<Item = (u32, Part)>) -> v1::Decision {
        let investigation = if self.kind == ReferralKind::ChildConcern { self.ground } else { "NO_HARM" };
        let mut cells = Vec::new();
        for (number, (_, persons, leads)) in parts {
            cells.extend(persons.iter().map(|person| release(number, person, self.ground)));
            cells.extend(leads.then(|| release(number, "investigation", investigation)));
        }
        v1::Decision { cells, answers: Some(answers(self.asserted)), reasons: String::from("made-up reasons"), ..Default::default() }
    }
}

/// The answers of an officer: a minimum of a year, a subject of nine.
pub fn answers(asserted: &[FactCode]) -> v1::Answers {
    let asserted = asserted.iter().map(|fact| fact.number()).collect();
    v1::Answers { asserted, offence: String::from("GROV_KVINNOFRIDSKRANKNING"), subject_age_years: Some(9), ..v1::Answers::default() }
}

/// The release of one cell on a ground.
pub fn release(section: u32, interest: &str, ground: &str) -> v1::CellDecision {
    let outcome = v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: ground.to_owned(), consent_id: String::new(), revision: 0 });
    v1::CellDecision { cell: Some(cell(section, interest)), outcome: Some(outcome) }
}

/// The decision that one cell stays.
pub fn withhold(section: u32, interest: &str, reason: brygga_domain::WithholdReason) -> v1::CellDecision {
    let outcome = v1::cell_decision::Outcome::Withhold(v1::WithholdOutcome { reason: reason.number(), nameable: false });
    v1::CellDecision { cell: Some(cell(section, interest)), outcome: Some(outcome) }
}

/// The name of a cell.
pub fn cell(section: u32, interest: &str) -> v1::Cell {
    v1::Cell { section, interest: interest.to_owned() }
}

/// A consent, given an hour ago and in force for a month.
pub fn consent(person: &str, categories: &[Category], recipient: &str) -> v1::ConsentTerms {
    v1::ConsentTerms {
        person: person.to_owned(),
        categories: categories.iter().map(|category| category.number()).collect(),
        recipient: recipient.to_owned(),
        purpose: Purpose::Protection.number(),
        given_at: Some(from_now(-HOUR)),
        valid_until: Some(from_now(30 * DAY)),
        form: ConsentForm::Oral.number(),
        language: String::from("som"),
        interpreter: true,
        gdpr_basis: GdprBasis::PublicTask.number(),
        given_by: brygga_domain::ConsentGiver::Person.number(),
        ..v1::ConsentTerms::default()
    }
}

/// The section; of a concern with an assessment that no other one rests on.
fn assessed(section: v1::Section) -> v1::Section {
    static ASSESSED: AtomicU64 = AtomicU64::new(0);
    if section.category != Category::Concern.number() {
        return section;
    }
    let word = format!("assessment {}", ASSESSED.fetch_add(1, Ordering::Relaxed));
    v1::Section { content: content_of(Category::Concern, &word), ..section }
}

/// A section with made-up content.
pub fn section((category, persons, investigation): Part) -> v1::Section {
    v1::Section {
        number: 0,
        category: category.number(),
        persons: persons.iter().map(|name| (*name).to_owned()).collect(),
        investigation,
        content: content_of(category, "first"),
    }
}

/// Content of a category that bears the marker and a word of its own.
///
/// # Panics
/// When no made-up case has that category.
pub fn content_of(category: Category, word: &str) -> Bytes {
    let text = format!("Amal {MARKER} {word}");
    let identity = || Some(Identity { family_name: text.clone(), ..Default::default() });
    let content = match category {
        Category::VictimIdentity => Content::VictimIdentity(VictimIdentity { identity: identity(), ..Default::default() }),
        Category::SafeContact => Content::SafeContact(SafeContact { telephone: text, ..Default::default() }),
        Category::Interpreter => Content::Interpreter(Interpreter { language: String::from("som"), dialect: text, needed: true, ..Default::default() }),
        Category::OffenceHeading => Content::OffenceHeading(OffenceHeading { heading: text, ..Default::default() }),
        Category::Offence => Content::Offence(Offence { summary: text, ..Default::default() }),
        Category::Suspect => Content::Suspect(Suspect { safety_note: text, ..Default::default() }),
        Category::CourtDecision => Content::CourtDecision(CourtDecision { reason: text, ..Default::default() }),
        Category::SupportStatus => Content::SupportStatus(SupportStatus { ongoing: true, contact: text, ..Default::default() }),
        Category::RiskNotice => Content::RiskNotice(RiskNotice { feared: text, ..Default::default() }),
        Category::Child => Content::Child(Child { identity: identity(), ..Default::default() }),
        Category::Custodians => Content::Custodians(Custodians {
            custodians: vec![Custodian { identity: identity().map(|who| Identity { person: String::from("custodian-1"), ..who }), knows_of_report: true }],
        }),
        Category::Concern => Content::Concern(Concern { assessment: format!("assessed on its own: {text}"), what: text, ..Default::default() }),
        Category::HearingNotice => return hearing(HearingState::Scheduled, &text),
        Category::RiskAssessment
        | Category::Children
        | Category::Measures
        | Category::SupportNeeds
        | Category::CaseParties
        | Category::ContactBanRequest
        | Category::InformationWish
        | Category::CustodyNotice
        | Category::ContactData
        | Category::ImmediateDanger
        | Category::Whereabouts => panic!("no made-up case has content of {category}"),
    };
    content::encode(content)
}

/// A hearing, always the same one, in a state and a room.
pub fn hearing(state: HearingState, room: &str) -> Bytes {
    content::encode(Content::HearingNotice(HearingNotice {
        hearing_id: String::from("5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31"),
        state: i32::from(state),
        starts_at: Some(from_now(14 * DAY)),
        court: String::from("Solna tingsrätt"),
        room: room.to_owned(),
        victim_summoned: true,
        ..Default::default()
    }))
}

const POLICE: &str = "vasterort-polis/klara";
const PROSECUTION: &str = "vasterort-aklagare/per";
const BOARD: &str = "solna-soc/sara";

/// Police to social services, the ordinary referral.
pub const CONTACT_REQUEST: Case = Case {
    name: "contact request, police to social services",
    sender: POLICE,
    recipient: BOARD,
    function: "solna-rvc",
    kind: ReferralKind::ContactRequest,
    persons: &["victim-1"],
    parts: &[
        (Category::VictimIdentity, &["victim-1"], false),
        (Category::SafeContact, &["victim-1"], false),
        (Category::Interpreter, &["victim-1"], false),
        (Category::OffenceHeading, &["victim-1"], true),
    ],
    ground: "CONSENT",
    asserted: &[FactCode::HarmExcluded],
};

/// Police to prosecution.
pub const CASE_HANDOVER: Case = Case {
    name: "case handover, police to prosecution",
    sender: POLICE,
    recipient: PROSECUTION,
    function: "vasterort-aklagare-kammare",
    kind: ReferralKind::CaseHandover,
    persons: &["victim-1", "suspect-1"],
    parts: &[
        (Category::VictimIdentity, &["victim-1"], false),
        (Category::Offence, &["victim-1", "suspect-1"], true),
        (Category::Suspect, &["suspect-1"], false),
    ],
    ground: "NECESSARY_OWN",
    asserted: &[FactCode::NecessaryForOwnTask, FactCode::HarmExcluded],
};

/// Prosecution to social services.
pub const DECISION: Case = Case {
    name: "decision, prosecution to social services",
    sender: PROSECUTION,
    recipient: BOARD,
    function: "solna-rvc",
    kind: ReferralKind::Decision,
    persons: &["victim-1"],
    parts: &[(Category::VictimIdentity, &["victim-1"], false), (Category::CourtDecision, &["victim-1"], true)],
    ground: "CONSENT",
    asserted: &[FactCode::HarmExcluded],
};

/// Prosecution to social services.
pub const HEARING: Case = Case {
    name: "hearing, prosecution to social services",
    sender: PROSECUTION,
    recipient: BOARD,
    function: "solna-rvc",
    kind: ReferralKind::Hearing,
    persons: &["victim-1"],
    parts: &[(Category::VictimIdentity, &["victim-1"], false), (Category::HearingNotice, &["victim-1"], true)],
    ground: "CONSENT",
    asserted: &[FactCode::HarmExcluded],
};

/// Social services to police, on her consent.
pub const SUPPORT: Case = Case {
    name: "support, social services to police",
    sender: BOARD,
    recipient: POLICE,
    function: "vasterort-polis-brottsoffer",
    kind: ReferralKind::Support,
    persons: &["victim-1"],
    parts: &[(Category::VictimIdentity, &["victim-1"], false), (Category::SupportStatus, &["victim-1"], false)],
    ground: "CONSENT",
    asserted: &[],
};

/// Social services to police, without her consent.
pub const RISK: Case = Case {
    name: "risk, social services to police",
    sender: BOARD,
    recipient: POLICE,
    function: "vasterort-polis-brottsoffer",
    kind: ReferralKind::Risk,
    persons: &["victim-1", "suspect-1"],
    parts: &[(Category::VictimIdentity, &["victim-1"], false), (Category::RiskNotice, &["victim-1", "suspect-1"], false)],
    ground: "COMMITTED_CRIME_SERIOUS",
    asserted: &[FactCode::ImportantForInvestigation],
};

/// Police to the board of residence.
pub const CONCERN_OF_POLICE: Case = Case {
    name: "child concern, police to social services",
    sender: POLICE,
    recipient: BOARD,
    function: "solna-mottagning",
    kind: ReferralKind::ChildConcern,
    persons: &["child-1", "custodian-1", "suspect-1"],
    parts: &[
        (Category::Child, &["child-1"], false),
        (Category::Custodians, &["custodian-1"], false),
        (Category::Concern, &["child-1", "custodian-1", "suspect-1"], true),
    ],
    ground: "DUTY_CHILD_REPORT",
    asserted: &[FactCode::ChildMayFareBadly, FactCode::IndividualAssessment],
};

/// Prosecution to the board of residence.
pub const CONCERN_OF_PROSECUTION: Case = Case {
    name: "child concern, prosecution to social services",
    sender: PROSECUTION,
    recipient: "ekero-soc/eva",
    function: "ekero-mottagning",
    ..CONCERN_OF_POLICE
};

/// One board to another.
pub const CONCERN_OF_BOARD: Case = Case {
    name: "child concern, social services to social services",
    sender: BOARD,
    recipient: "sundbyberg-soc/siv",
    function: "sundbyberg-mottagning",
    parts: &[(Category::Child, &["child-1"], false), (Category::Concern, &["child-1", "custodian-1"], false)],
    ..CONCERN_OF_POLICE
};

/// Every direction.
pub const CASES: [Case; 9] = [CONTACT_REQUEST, CASE_HANDOVER, DECISION, HEARING, SUPPORT, RISK, CONCERN_OF_POLICE, CONCERN_OF_PROSECUTION, CONCERN_OF_BOARD];
