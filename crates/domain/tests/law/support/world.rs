//! A directory of one agency of each kind, and the commands of a case.

use bytes::Bytes;

use brygga_domain::command::*;
use brygga_domain::directory::CertificateName;
use brygga_domain::event::{Officer, PersonName};
use brygga_domain::grounds::{GroundTable, SHIPPED};
use brygga_domain::*;

use super::case::{Case, Consent, ROLES};

/// The tables and the directory.
pub struct World {
    pub table: GroundTable,
    directory: Directory,
}

fn agency(kind: AgencyKind, place: usize) -> String {
    format!("{}-{place}", kind.as_str().replace('_', "-"))
}

pub fn function(kind: AgencyKind) -> FunctionId {
    format!("inbox-{}", kind.as_str().replace('_', "-")).parse().unwrap()
}

fn person(role: Role) -> PersonName {
    PersonName { role, number: 1 }
}

fn name(case: &Case) -> NamedCell {
    NamedCell { section: 1, person: case.role.map(person) }
}

impl World {
    pub fn new() -> Self {
        Self::under(SHIPPED)
    }

    /// The world under other tables.
    pub fn under(tables: &str) -> Self {
        let mut directory = Directory::default();
        let signed = Time::of_day("2020-01-01");
        for kind in [AgencyKind::Police, AgencyKind::Prosecution, AgencyKind::SocialBoard] {
            for place in [1, 2] {
                let id = agency(kind, place);
                let certificate = CertificateName { issuer_key_hash: [0; 32], san_uri: id.clone() };
                directory.put_agency(Agency {
                    id: id.parse().unwrap(),
                    kind,
                    name: id,
                    organisation_number: None,
                    certificate,
                    agreement_at: signed,
                    suitability_at: signed,
                    content_days: brygga_domain::content::OwnDays::default(),
                });
            }
            directory.put_function(Function {
                id: function(kind),
                host: agency(kind, 2).parse().unwrap(),
                name: String::new(),
                territories: Vec::new(),
                kinds: Vec::new(),
                target: TargetGroup::default(),
                telephone: None,
                duty: brygga_domain::directory::OnDuty::default(),
            });
        }
        Self { table: GroundTable::load(tables).unwrap(), directory }
    }

    /// The referral after a command of the sender, or nothing when it was refused. Steps 3 and 6 are another officer's.
    pub fn carried_out(&self, case: &Case, referral: Option<&Referral>, action: Action, step: u8) -> Result<Referral, Refusal> {
        let command = Command {
            agency: agency(case.from, 1).parse().unwrap(),
            officer: Some(Officer { pseudonym: OfficerPseudonym([u8::from(step == 3 || step == 6); 16]), proof: OfficerProof::Asserted }),
            request: RequestId(uuid::Uuid::from_bytes([step; 16])),
            digest: Digest([step; 32]),
            entropy: Entropy::new([step; 32]),
            action,
        };
        let facts = Facts {
            now: case.at(u32::from(step)),
            next: Position(referral.map_or(0, |referral| referral.last.0 + 1)),
            directory: &self.directory,
            table: &self.table,
            referral,
            known: &Known::default(),
        };
        decide::decide(&command, facts).map(|decided| decided.referral.unwrap())
    }

    pub fn submitted(&self, case: &Case) -> Result<Referral, Refusal> {
        let section = NewSection {
            category: case.category,
            persons: case.role.map(person).into_iter().collect(),
            investigation: case.role.is_none(),
            content: Bytes::from_static(b"made up"),
        };
        let submission = Submission {
            kind: case.kind,
            recipient: function(case.to),
            urgency: Urgency::Routine,
            thread: None,
            leader: None,
            reported_at: Some(case.at(0)),
            offer: None,
            new_offer: None,
            sender_reference: None,
            assessments: Vec::new(),
            persons: ROLES.map(|role| NewPerson { name: person(role), lookup: None, protected_identity: case.protection }).to_vec(),
            sections: vec![section],
            consents: Vec::new(),
            decisions: Vec::new(),
            routing: Routing::default(),
            forwards: None,
            excluded: Vec::new(),
        };
        self.carried_out(case, None, Action::SubmitReferral(Box::new(submission)), 0)
    }

    pub fn consent(&self, case: &Case) -> Option<Action> {
        let other = |role: Option<Role>| ROLES.into_iter().find(|other| Some(*other) != role).unwrap();
        let own = case.role.unwrap_or(Role::Victim);
        let terms = NewConsent {
            person: person(if case.consent == Consent::OtherPerson { other(case.role) } else { own }),
            categories: match case.consent {
                Consent::OtherCategory => Category::ALL.iter().copied().filter(|category| *category != case.category).collect(),
                _ => vec![case.category],
            },
            recipient: match case.consent {
                Consent::OtherRecipient => {
                    let kinds = [AgencyKind::Police, AgencyKind::Prosecution, AgencyKind::SocialBoard];
                    function(kinds.into_iter().find(|kind| *kind != case.to).unwrap())
                }
                _ => function(case.to),
            },
            purpose: case.consented_for,
            given_at: case.at(0),
            valid_until: case.at(if case.consent == Consent::RunsOut { 5 } else { 60 }),
            form: ConsentForm::Oral,
            language: None,
            interpreter: false,
            gdpr_basis: GdprBasis::PublicTask,
            given_by: if own == Role::Child { brygga_domain::ConsentGiver::Custodian } else { brygga_domain::ConsentGiver::Person },
            asked_by: None,
            interpreter_reference: None,
        };
        (case.consent != Consent::Absent).then(|| Action::RecordConsent(ReferralName::Reference(Reference::from_random(1)), terms))
    }

    pub fn decision(&self, case: &Case) -> Action {
        let outcome = NewOutcome::Release { ground: case.ground.parse().unwrap(), consent: None, revision: 1 };
        let decision = NewDecision {
            cells: vec![NewCell { cell: name(case), outcome }],
            answers: case.answers(),
            reasons: Bytes::from_static(b"made up"),
            ..NewDecision::default()
        };
        Action::DecideClearance(ReferralName::Reference(Reference::from_random(1)), decision)
    }

    pub fn confirmation(&self, case: &Case) -> Action {
        let outcome = match case.second {
            super::case::Second::Another => NewOutcome::Release { ground: case.ground.parse().unwrap(), consent: None, revision: 1 },
            _ => NewOutcome::Withhold { reason: WithholdReason::NotNeeded, nameable: false },
        };
        let decision = NewDecision {
            cells: vec![NewCell { cell: name(case), outcome }],
            answers: case.answers(),
            reasons: Bytes::from_static(b"made up"),
            ..NewDecision::default()
        };
        Action::ConfirmClearance(ReferralName::Reference(Reference::from_random(1)), decision, None)
    }

    pub fn emergency(&self) -> Action {
        let emergency = NewEmergency { hours: 1, telephoned_at: None, reasons: Bytes::from_static(b"made up") };
        Action::DeclareEmergency(ReferralName::Reference(Reference::from_random(1)), emergency)
    }

    pub fn review(&self, referral: &Referral) -> Action {
        let review = NewReview { emergency: referral.emergencies[0].at, verdict: EmergencyVerdict::NotJustified, reasons: Bytes::from_static(b"made up") };
        Action::ReviewEmergency(ReferralName::Id(referral.id), review)
    }

    pub fn withdrawal(&self, referral: &Referral) -> Action {
        Action::WithdrawConsent(ReferralName::Id(referral.id), referral.consents[0].given.consent)
    }
}
