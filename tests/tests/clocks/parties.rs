//! What parties do with a referral, and when: plans that are drawn at random and are all lawful.

use brygga_domain::command::*;
use brygga_domain::event::{Officer, PersonName};
use brygga_domain::grounds::Answers;
use brygga_domain::*;
use brygga_tests::load::Random;
use bytes::Bytes;

/// One act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Submit,
    Decide,
    /// The second section, on a duty that holds at once.
    DecideRest,
    Withhold,
    Revoke,
    Open,
    Accept,
    Reach,
    /// Contact ends without her being reached: that she declined is told to nobody outside.
    GiveUp,
    Close,
    Decline,
    Retract,
}

/// A referral of the simulation.
#[derive(Debug, Clone)]
pub struct Plan {
    pub kind: ReferralKind,
    pub urgency: Urgency,
    /// Minutes from the report to the submission.
    pub reported_before: u32,
    /// The acts that are left, each with the minutes from the one before it; of the first, from the beginning of the simulation.
    pub acts: Vec<(u32, Act)>,
    pub id: Option<ReferralId>,
}

/// The kinds that take part, with who sends and who receives.
const KINDS: [(ReferralKind, &str, &str, &str, Category); 5] = [
    (ReferralKind::ContactRequest, "vasterort-polis", "solna-rvc", "solna-soc", Category::VictimIdentity),
    (ReferralKind::ReportedOffence, "vasterort-polis", "solna-rvc", "solna-soc", Category::VictimIdentity),
    (ReferralKind::ChildConcern, "vasterort-polis", "solna-mottagning", "solna-soc", Category::Concern),
    (ReferralKind::CaseHandover, "vasterort-polis", "vasterort-aklagare-kammare", "vasterort-aklagare", Category::Offence),
    (ReferralKind::Handover, "solna-soc", "ekero-mottagning", "ekero-soc", Category::SupportNeeds),
];

/// How long people take, in minutes.
const DELAYS: [u64; 9] = [0, 10, 30, 90, 400, 1_440, 3_000, 10_000, 25_000];

fn person() -> PersonName {
    PersonName { role: Role::Victim, number: 1 }
}

/// A number below another.
pub fn one_of(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.within(1, u64::try_from(count).unwrap()) - 1).unwrap()
}

/// Draws a plan that begins within so many minutes. Times are whole ticks.
pub fn draw(random: &mut Random, begins_within: u64, tick: u64) -> Plan {
    use Act::*;
    let kind = KINDS[one_of(random, KINDS.len())].0;
    let mut acts = match random.within(0, 12) {
        0 => vec![Submit],
        1 => vec![Submit, Retract],
        2 => vec![Submit, Decide],
        3 => vec![Submit, Decide, Revoke, Decide, Open, Accept],
        4 => vec![Submit, Decide, Revoke, Decide],
        5 if kind != ReferralKind::ChildConcern => vec![Submit, Decide, Decline],
        6 => vec![Submit, Decide, Open],
        7 if kind == ReferralKind::ReportedOffence => vec![Submit, DecideRest, Open, Decide, Accept, Open, Reach, Close],
        8 => vec![Submit, Withhold, Revoke],
        9 if kind == ReferralKind::ReportedOffence => vec![Submit, Decide, Open, Accept, DecideRest],
        11 if kind != ReferralKind::ChildConcern => vec![Submit, Decide, Open, Accept, GiveUp],
        10 if kind == ReferralKind::ReportedOffence => vec![Submit, Decide, DecideRest, Open, Accept],
        _ => vec![Submit, Decide, Open, Accept, Reach, Close],
    };
    if kind != ReferralKind::ContactRequest && kind != ReferralKind::ReportedOffence {
        acts.retain(|act| *act != Reach && *act != GiveUp);
    }
    let after = |random: &mut Random, act: Act| {
        let most = if act == Submit { begins_within } else { DELAYS[one_of(random, DELAYS.len())] };
        u32::try_from(random.within(0, most / tick) * tick).unwrap()
    };
    let acts = acts.into_iter().map(|act| (after(random, act), act)).collect();
    let urgency = [Urgency::Routine, Urgency::Urgent, Urgency::Immediate][one_of(random, 3)];
    Plan { kind, urgency, reported_before: u32::try_from(random.within(0, 50) * 60).unwrap(), acts, id: None }
}

impl Plan {
    /// The command of an act; `number` makes its key.
    pub fn command(&self, act: Act, number: u64, now: Time) -> Command {
        let (_, sender, recipient, host, category) = KINDS.into_iter().find(|row| row.0 == self.kind).unwrap();
        let name = || ReferralName::Id(self.id.unwrap());
        let (agency, action) = match act {
            Act::Submit => (sender, Action::SubmitReferral(Box::new(self.submission(recipient, category, now)))),
            Act::Decide => (sender, Action::DecideClearance(name(), decision(1, release("NO_HARM", 1)))),
            Act::DecideRest => (sender, Action::DecideClearance(name(), decision(2, release("DUTY_YOUNG_SUSPECT", 1)))),
            Act::Withhold => {
                let withhold = NewOutcome::Withhold { reason: WithholdReason::HarmNotExcluded, nameable: false };
                (sender, Action::DecideClearance(name(), decision(1, withhold)))
            }
            Act::Revoke => (sender, Action::RevokeClearance(name(), vec![NamedCell { section: 1, person: Some(person()) }])),
            Act::Retract => (sender, Action::RetractReferral(name(), RetractReason::Wrong)),
            Act::Open => (host, Action::OpenReferral(name())),
            Act::Accept => (host, Action::AcceptReferral(name())),
            Act::Decline => (host, Action::DeclineReferral(name(), DeclineReason::NoCapacity, None)),
            Act::Reach => (host, Action::RecordContact(name(), contact(ContactOutcome::Reached, now))),
            Act::GiveUp => (host, Action::RecordContact(name(), contact(ContactOutcome::EndedDeclined, now))),
            Act::Close => {
                let outcome = if self.kind == ReferralKind::ChildConcern { ClosingOutcome::InquiryOpened } else { ClosingOutcome::Noted };
                (host, Action::CloseReferral(name(), NewClosing { outcome, phases: Vec::new(), support: Vec::new() }))
            }
        };
        let mut seed = [77; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let entropy = Entropy::new(seed);
        let officer = Some(Officer { pseudonym: OfficerPseudonym([1; 16]), proof: OfficerProof::Asserted });
        let (request, digest) = (RequestId(entropy.uuid("request", 0)), Digest(seed));
        Command { agency: agency.parse().unwrap(), officer, request, digest, entropy, action }
    }

    /// What it holds: of a reported offence the suspect, too.
    fn sections(&self, first: Category) -> impl Iterator<Item = (Category, PersonName)> {
        let suspect = (self.kind == ReferralKind::ReportedOffence).then_some((Category::Suspect, PersonName { role: Role::Suspect, number: 1 }));
        [(first, person())].into_iter().chain(suspect)
    }

    fn submission(&self, recipient: &str, category: Category, now: Time) -> Submission {
        Submission {
            kind: self.kind,
            recipient: recipient.parse().unwrap(),
            urgency: self.urgency,
            thread: None,
            leader: None,
            reported_at: Some(Time::from_micros(now.micros() - i64::from(self.reported_before) * 60_000_000)),
            offer: None,
            new_offer: None,
            sender_reference: None,
            assessments: Vec::new(),
            persons: self.sections(category).map(|(_, name)| NewPerson { name, lookup: None, protected_identity: ProtectedIdentity::NotProtected }).collect(),
            sections: self
                .sections(category)
                .map(|(category, person)| NewSection { category, persons: vec![person], investigation: false, content: Bytes::from_static(b"made up") })
                .collect(),
            consents: Vec::new(),
            decisions: Vec::new(),
            routing: Routing::default(),
            forwards: None,
            excluded: Vec::new(),
        }
    }
}

fn contact(outcome: ContactOutcome, at: Time) -> NewContact {
    NewContact { outcome, at, channel: Some(SafeChannel::Telephone), interpreter: false, next_try_at: None }
}

pub fn release(ground: &str, revision: u32) -> NewOutcome {
    NewOutcome::Release { ground: ground.parse().unwrap(), consent: None, revision }
}

pub fn decision(section: u32, outcome: NewOutcome) -> NewDecision {
    let person = if section == 1 { person() } else { PersonName { role: Role::Suspect, number: 1 } };
    let offence = Some("MISSHANDEL".parse().unwrap());
    NewDecision {
        cells: vec![NewCell { cell: NamedCell { section, person: Some(person) }, outcome }],
        answers: Answers { asserted: FactCode::ALL.iter().copied().collect(), offence, suspect_age_years: Some(17), ..Answers::default() },
        reasons: Bytes::from_static(b"documented"),
        standing_until: None,
        template: None,
    }
}

/// The suspect's consent to his own section until a time, and the decision that rests on it.
pub fn suspects_consent(given_at: Time, valid_until: Time) -> (NewConsent, NewDecision) {
    let consent = NewConsent {
        person: PersonName { role: Role::Suspect, number: 1 },
        categories: vec![Category::Suspect],
        recipient: "solna-rvc".parse().unwrap(),
        purpose: Purpose::Support,
        given_at,
        valid_until,
        form: ConsentForm::Oral,
        language: None,
        interpreter: false,
        gdpr_basis: GdprBasis::PublicTask,
        given_by: ConsentGiver::Person,
        asked_by: None,
        interpreter_reference: None,
    };
    (consent, decision(2, release("CONSENT", 1)))
}
