//! What stands in the sections, as typed content. Made up, and as little as a referral of its kind needs.

use brygga_client::content_v1::{self as paper, content::Section};
use brygga_domain::{Code, ProtectedIdentity, Role, SafeChannel, SupportPhase, Time};

use super::people::People;
use super::plan::{Case, Notice};

/// Writes the sections of one case.
#[derive(Debug)]
pub struct Pen<'a> {
    /// The case.
    pub case: &'a Case,
    /// Its people.
    pub people: &'a People,
    /// When it was reported.
    pub reported_at: Time,
}

impl Pen<'_> {
    fn identity(&self, person: &str) -> paper::Identity {
        let (given, family) = match person {
            "suspect-1" => (self.people.suspect, self.people.suspect_family),
            "child-1" => (self.people.child, self.people.family),
            _ => (self.people.given, self.people.family),
        };
        paper::Identity { person: person.to_owned(), given_name: given.to_owned(), family_name: family.to_owned(), ..Default::default() }
    }

    fn date(&self) -> String {
        self.reported_at.date()
    }

    /// The report's number, as the police would give it; none of these was given out.
    pub fn case_number(&self) -> String {
        format!("5000-K9{:05}-26", self.case.number)
    }

    /// Who she is.
    pub fn victim(&self) -> Section {
        let number = self.people.number.unwrap_or_default();
        let birth = number.split('-').next().filter(|date| date.len() == 8).unwrap_or_default();
        let part = |from: usize, until: usize| birth.get(from..until).unwrap_or_default().to_owned();
        let birth_date = if birth.is_empty() { String::new() } else { format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8)) };
        Section::VictimIdentity(paper::VictimIdentity {
            identity: Some(paper::Identity {
                personal_number: number.to_owned(),
                birth_date,
                protected_identity: ProtectedIdentity::NotProtected.number(),
                ..self.identity("victim-1")
            }),
            residence_municipality: self.case.district.municipality.to_owned(),
            residence_district: self.case.district.part.to_owned(),
        })
    }

    /// How she can be reached.
    pub fn safe_contact(&self) -> Section {
        let window =
            paper::ContactWindow { days: vec![1, 2, 3, 4, 5], from: String::from("09:00"), until: String::from("11:00"), setting: String::from("at work") };
        Section::SafeContact(paper::SafeContact {
            channels: vec![SafeChannel::Telephone.number()],
            telephone: self.people.telephone.clone(),
            windows: vec![window],
            may_leave_message: false,
            do_not_contact: vec![String::from("at home")],
            confirmed_on: self.date(),
            ..Default::default()
        })
    }

    /// Language and interpreter.
    pub fn interpreter(&self) -> Section {
        Section::Interpreter(paper::Interpreter {
            language: self.case.tongue.code.to_owned(),
            needed: true,
            not_from_community: true,
            never_relatives: true,
            ..Default::default()
        })
    }

    /// The heading.
    pub fn heading(&self) -> Section {
        Section::OffenceHeading(paper::OffenceHeading {
            heading: String::from(self.offence_name()),
            reported_on: self.date(),
            relationship: self.case.relationship.number(),
        })
    }

    fn offence_name(&self) -> &'static str {
        const NAMES: [&str; 4] = ["Misshandel", "Grov kvinnofridskränkning", "Olaga hot", "Ofredande"];
        NAMES.get(self.case.number % NAMES.len()).copied().unwrap_or("Misshandel")
    }

    /// What she asks for.
    pub fn needs() -> Section {
        let wishes = vec![paper::SupportWish::CrisisTalks.into(), paper::SupportWish::LegalInformation.into()];
        Section::SupportNeeds(paper::SupportNeeds { wishes, own_words: String::from("Someone to talk to before the hearing."), ..Default::default() })
    }

    /// The offence in full.
    pub fn offence(&self) -> Section {
        Section::Offence(paper::Offence {
            heading: String::from(self.offence_name()),
            case_number: self.case_number(),
            happened_at: Some(stamp(minutes_before(self.reported_at, 300))),
            place_kind: String::from("home"),
            summary: String::from("Made up: a quarrel in the home that a neighbour heard."),
            relationship: self.case.relationship.number(),
            reported_at: Some(stamp(self.reported_at)),
            ..Default::default()
        })
    }

    /// The suspect.
    pub fn suspect(&self) -> Section {
        Section::Suspect(paper::Suspect {
            identity: Some(self.identity("suspect-1")),
            relationship: self.case.relationship.number(),
            safety_note: String::from("Made up: has waited outside her place of work."),
            ..Default::default()
        })
    }

    /// Measures.
    pub fn measures(&self) -> Section {
        let alarm = paper::Measure { kind: paper::MeasureKind::Alarm.into(), from: Some(stamp(self.reported_at)), ..Default::default() };
        Section::Measures(paper::Measures { measures: vec![alarm] })
    }

    /// The risk assessment.
    pub fn risk(&self) -> Section {
        Section::RiskAssessment(paper::RiskAssessment {
            tool: paper::RiskTool::SaraSv.into(),
            tool_version: String::from("2"),
            assessed_on: self.date(),
            assessor_role: String::from("investigator"),
            acute: paper::RiskLevel::High.into(),
            longer: paper::RiskLevel::Medium.into(),
            factors: vec![String::from("threats have grown"), String::from("separation within a month")],
            ..Default::default()
        })
    }

    /// The children of the family.
    pub fn children(&self) -> Section {
        let child = paper::ChildOfFamily {
            identity: Some(self.identity("child-1")),
            impact: paper::ChildImpact::Witnessed.into(),
            now: String::from("with her mother"),
        };
        Section::Children(paper::Children { children: vec![child] })
    }

    /// The child of a concern.
    pub fn child(&self) -> Section {
        Section::Child(paper::Child {
            identity: Some(self.identity("child-1")),
            residence_municipality: self.case.district.municipality.to_owned(),
            language: self.case.tongue.code.to_owned(),
            interpreter_needed: false,
        })
    }

    /// The custodians.
    pub fn custodians(&self) -> Section {
        let custodian = paper::Custodian { identity: Some(self.identity("custodian-1")), knows_of_report: true };
        Section::Custodians(paper::Custodians { custodians: vec![custodian] })
    }

    /// What the concern is.
    pub fn concern(&self) -> Section {
        Section::Concern(paper::Concern {
            what: String::from("Made up: the child was in the next room and heard it."),
            since: self.date(),
            source: paper::ConcernSource::Observed.into(),
            assessment: format!("Made up, {}: assessed on its own; violence in the home of a young child.", self.case_number()),
            reporter: String::from("Lokalpolisområde Västerort, 08-465 004 40"),
        })
    }

    /// The parties of the case.
    pub fn parties(&self) -> Section {
        let party = |person: &str, role: Role| paper::CaseParty { identity: Some(self.identity(person)), role: role.number() };
        Section::CaseParties(paper::CaseParties {
            case_number: self.case_number(),
            parties: vec![party("victim-1", Role::Victim), party("suspect-1", Role::Suspect)],
            counsel_needed: true,
            evidence: vec![String::from("Recorded call of a neighbour")],
        })
    }

    /// What she wants to be told.
    pub fn wish() -> Section {
        let events = vec![paper::InformationEvent::Prosecution.into(), paper::InformationEvent::Hearing.into()];
        Section::InformationWish(paper::InformationWish { events, wants_nothing: false })
    }

    /// What the prosecution tells.
    pub fn notice(&self, notice: Notice, hearing_id: &str) -> Section {
        match notice {
            Notice::Hearing | Notice::HearingMoved => self.hearing(hearing_id, 14, paper::HearingState::Scheduled),
            Notice::Decision => Section::CourtDecision(paper::CourtDecision {
                r#type: paper::DecisionType::ProsecutionBrought.into(),
                decided_on: self.date(),
                authority: String::from("Västerorts åklagarkammare"),
                case_number: format!("AM-9{:05}-26", self.case.number),
                open_to_review: true,
                ..Default::default()
            }),
            Notice::Custody => Section::CustodyNotice(paper::CustodyNotice {
                event: paper::CustodyEvent::ContactBanBegins.into(),
                from: Some(stamp(self.reported_at.plus_minutes(24 * 60))),
                scope: String::from("contact ban"),
                ..Default::default()
            }),
        }
    }

    /// A hearing, so many days after the report.
    pub fn hearing(&self, hearing_id: &str, days: u32, state: paper::HearingState) -> Section {
        Section::HearingNotice(paper::HearingNotice {
            hearing_id: hearing_id.to_owned(),
            state: state.into(),
            starts_at: Some(stamp(self.reported_at.plus_minutes(days * 24 * 60))),
            court: String::from("Solna tingsrätt"),
            case_number: format!("B 9{:05}-26", self.case.number),
            room: String::from("4"),
            victim_summoned: true,
            protection: vec![String::from("another entrance"), String::from("a support person")],
        })
    }

    /// That support is given.
    pub fn support() -> Section {
        let contact = String::from("Relationsvåldscentrum Västerort, 08-465 004 10");
        Section::SupportStatus(paper::SupportStatus { ongoing: true, phases: vec![SupportPhase::BeforeTrial.number()], contact })
    }

    /// A risk that the board has learnt of.
    pub fn risk_notice() -> Section {
        Section::RiskNotice(paper::RiskNotice {
            feared: String::from("Made up: that he looks for her on the day of the hearing."),
            level: paper::RiskLevel::High.into(),
            known_from: String::from("told by her"),
            minor_at_risk: false,
        })
    }

    /// Contact data on request.
    pub fn contact_data(&self) -> Section {
        Section::ContactData(paper::ContactData {
            request_number: format!("AM-9{:05}-26-F1", self.case.number),
            telephone: self.people.telephone.clone(),
            ..Default::default()
        })
    }
}

/// A time as messages have it.
pub fn stamp(time: Time) -> prost_types::Timestamp {
    brygga_wire::view::timestamp(time)
}

/// The time so many minutes before.
pub fn minutes_before(time: Time, minutes: i64) -> Time {
    Time::from_micros(time.micros().saturating_sub(minutes.saturating_mul(60_000_000)))
}
