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
    Revoke,
    Open,
    Accept,
    Reach,
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
const KINDS: [(ReferralKind, &str, &str, &str, Category); 4] = [
    (ReferralKind::ContactRequest, "vasterort-polis", "solna-rvc", "solna-soc", Category::VictimIdentity),
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
    let mut acts = match random.within(0, 9) {
        0 => vec![Submit],
        1 => vec![Submit, Retract],
        2 => vec![Submit, Decide],
        3 => vec![Submit, Decide, Revoke, Decide, Open, Accept],
        4 => vec![Submit, Decide, Revoke, Decide],
        5 if kind != ReferralKind::ChildConcern => vec![Submit, Decide, Decline],
        6 => vec![Submit, Decide, Open],
        _ => vec![Submit, Decide, Open, Accept, Reach, Close],
    };
    if kind != ReferralKind::ContactRequest {
        acts.retain(|act| *act != Reach);
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
            Act::Decide => (sender, Action::DecideClearance(name(), decision())),
            Act::Revoke => (sender, Action::RevokeClearance(name(), vec![NamedCell { section: 1, person: Some(person()) }])),
            Act::Retract => (sender, Action::RetractReferral(name(), RetractReason::Wrong)),
            Act::Open => (host, Action::OpenReferral(name())),
            Act::Accept => (host, Action::AcceptReferral(name())),
            Act::Decline => (host, Action::DeclineReferral(name(), DeclineReason::NoCapacity, None)),
            Act::Reach => {
                let channel = Some(SafeChannel::Telephone);
                (host, Action::RecordContact(name(), NewContact { outcome: ContactOutcome::Reached, at: now, channel, interpreter: false, next_try_at: None }))
            }
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
            assessment: None,
            persons: vec![NewPerson { name: person(), lookup: None, protected_identity: ProtectedIdentity::NotProtected }],
            sections: vec![NewSection { category, persons: vec![person()], investigation: false, content: Bytes::from_static(b"made up") }],
            consents: Vec::new(),
            decisions: Vec::new(),
            routing: Routing::default(),
            forwards: None,
            excluded: Vec::new(),
        }
    }
}

fn decision() -> NewDecision {
    let cell = NamedCell { section: 1, person: Some(person()) };
    NewDecision {
        cells: vec![NewCell { cell, outcome: NewOutcome::Release { ground: "NO_HARM".parse().unwrap(), consent: None } }],
        answers: Answers { asserted: FactCode::ALL.iter().copied().collect(), ..Answers::default() },
        reasons: Bytes::from_static(b"documented"),
        standing_until: None,
        template: None,
    }
}
