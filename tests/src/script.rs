//! Generated histories: random steps that become commands of a made-up world, legal and illegal alike.
//!
//! A script is played once, one command a batch, to fix the commands with their ids; the same commands can then be split into
//! batches in any way.

use std::sync::Arc;

use brygga_domain::command::*;
use brygga_domain::event::{Officer, PersonName};
use brygga_domain::grounds::Answers;
use brygga_domain::referral::{CellState, Referral};
use brygga_domain::*;
use brygga_engine::store::Store;
use bytes::Bytes;
use proptest::prelude::*;

use crate::directory::{AGENCIES, FUNCTIONS, START_US};
use crate::fold::Driver;

/// One random step. Numbers are choices, taken modulo what there is to choose from.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which command.
    pub verb: u8,
    /// Which referral.
    pub referral: u8,
    /// Which agency acts; small numbers mean the party whose turn it is.
    pub actor: u8,
    /// Which officer acts.
    pub officer: u8,
    /// Further choices.
    pub choice: [u8; 6],
    /// Whether the previous command's key is used again.
    pub replay: bool,
    /// Minutes that pass before.
    pub minutes: u16,
}

/// A strategy of steps.
pub fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<u8>(), 0_u8..3, any::<u8>(), 0_u8..3, any::<[u8; 6]>(), 0_u8..12, 0_u16..2000)
        .prop_map(|(verb, referral, actor, officer, choice, replay, minutes)| Step { verb, referral, actor, officer, choice, replay: replay == 0, minutes });
    proptest::collection::vec(step, 1..max)
}

fn pick<T: Copy>(from: &[T], choice: u8) -> T {
    from[usize::from(choice) % from.len()]
}

fn person(choice: u8) -> PersonName {
    let roles = [Role::Victim, Role::Victim, Role::Child, Role::Suspect, Role::Witness];
    PersonName { role: pick(&roles, choice), number: 1 }
}

/// What a script has come to: its commands with the time of each.
#[derive(Debug, Default)]
pub struct Played {
    /// The commands, in order.
    pub commands: Vec<(Command, Time)>,
    /// The referrals as last answered.
    pub referrals: Vec<Arc<Referral>>,
}

/// Plays a script, one command a batch.
///
/// # Panics
/// When the store fails.
pub async fn play<S: Store>(driver: &mut Driver<S>, steps: &[Step]) -> Played {
    let mut played = Played::default();
    let mut now = Time::from_micros(START_US);
    for (index, step) in steps.iter().enumerate() {
        now = now.plus_minutes(u32::from(step.minutes));
        let command = match played.commands.last() {
            // Looks at clocks have no key: every one is another command.
            Some((previous, _)) if step.replay && !is_look(&previous.action) => previous.clone(),
            _ => command(step, index, &played.referrals, now),
        };
        let replies = driver.batch(std::slice::from_ref(&command), now).await.unwrap();
        played.commands.push((command, now));
        for referral in replies.into_iter().flatten().filter_map(|committed| committed.referral) {
            match played.referrals.iter_mut().find(|known| known.id == referral.id) {
                Some(known) => *known = referral,
                None => played.referrals.push(referral),
            }
        }
    }
    played
}

fn command(step: &Step, index: usize, referrals: &[Arc<Referral>], now: Time) -> Command {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(index as u64 + 1).to_be_bytes());
    seed[8..14].copy_from_slice(&step.choice);
    let entropy = Entropy::new(seed);
    let known = (!referrals.is_empty()).then(|| &referrals[usize::from(step.referral) % referrals.len()]);
    let (agency, action) = match known {
        Some(referral) if step.verb >= 40 => on(step, referral, now),
        Some(_) | None => (pick(&[0, 0, 0, 1, 2, 5], step.actor), Action::SubmitReferral(Box::new(submission(step, now)))),
    };
    Command {
        agency: if is_look(&action) { "brygga" } else { AGENCIES[agency].0 }.parse().unwrap(),
        officer: (!is_look(&action) && (step.officer < 2 || step.choice[5] > 20))
            .then_some(Officer { pseudonym: OfficerPseudonym([step.officer + 1; 16]), proof: OfficerProof::Asserted }),
        request: RequestId(entropy.uuid("request", 0)),
        digest: Digest(entropy.bytes("digest", 0)),
        entropy,
        action,
    }
}

/// The broker's own command.
fn is_look(action: &Action) -> bool {
    matches!(action, Action::MakeMarks(_))
}

fn kinds() -> [(ReferralKind, &'static [Category], usize); 5] {
    use Category::*;
    [
        (ReferralKind::ContactRequest, &[VictimIdentity, SafeContact, Interpreter, OffenceHeading], 2),
        (ReferralKind::ReportedOffence, &[Offence, Children, Suspect, RiskAssessment], 2),
        (ReferralKind::ChildConcern, &[Child, Concern, Custodians, SafeContact], 3),
        (ReferralKind::CaseHandover, &[Offence, VictimIdentity, Suspect], 1),
        (ReferralKind::Support, &[VictimIdentity, SupportStatus], 0),
    ]
}

fn submission(step: &Step, now: Time) -> Submission {
    let (kind, categories, function) = pick(&kinds(), step.choice[0]);
    let count = 1 + usize::from(step.choice[1]) % categories.len();
    let sections = categories.iter().take(count).zip(step.choice.iter().cycle()).map(|(category, choice)| NewSection {
        category: *category,
        persons: if *choice < 8 { Vec::new() } else { vec![person(*choice), person(choice / 7)] },
        investigation: *category == Category::OffenceHeading || *choice < 8,
        content: Bytes::from(format!("{category} {choice}")),
    });
    let persons = [Role::Victim, Role::Child, Role::Suspect, Role::Witness];
    let mut submission = Submission {
        kind,
        recipient: FUNCTIONS[if step.choice[2] > 250 { 5 } else { function }].0.parse().unwrap(),
        urgency: pick(Urgency::ALL, step.choice[3]),
        thread: None,
        leader: (step.choice[3] > 230).then(|| "vasterort-aklagare".parse().unwrap()),
        reported_at: Some(now),
        offer: None,
        new_offer: None,
        sender_reference: (step.choice[4] < 20).then_some(LookupHash([step.choice[4] % 3; 32])),
        assessments: Vec::new(),
        persons: persons
            .map(|role| NewPerson { name: PersonName { role, number: 1 }, lookup: None, protected_identity: ProtectedIdentity::NotProtected })
            .to_vec(),
        sections: sections.collect(),
        consents: Vec::new(),
        decisions: Vec::new(),
        routing: Routing::default(),
        forwards: None,
        excluded: Vec::new(),
    };
    for section in &mut submission.sections {
        section.persons.sort_unstable();
        section.persons.dedup();
    }
    if step.choice[5] < 128 {
        submission.consents.push(consent(step, &submission.recipient, now));
    }
    submission
}

fn consent(step: &Step, recipient: &FunctionId, now: Time) -> NewConsent {
    let wrong_recipient = step.choice[4] > 240;
    let person = person(if step.choice[3] > 200 { step.choice[3] } else { 0 });
    NewConsent {
        person,
        categories: if step.choice[2] > 200 { vec![Category::VictimIdentity] } else { Category::ALL.to_vec() },
        recipient: if wrong_recipient { FUNCTIONS[4].0.parse().unwrap() } else { recipient.clone() },
        purpose: if step.choice[0] > 240 { Purpose::Proceedings } else { Purpose::Protection },
        given_at: now,
        valid_until: now.plus_minutes(if step.choice[1] > 200 { 100 } else { 100_000 }),
        form: ConsentForm::Oral,
        language: None,
        interpreter: false,
        gdpr_basis: GdprBasis::PublicTask,
        given_by: if person.role == Role::Child { ConsentGiver::Custodian } else { ConsentGiver::Person },
        asked_by: None,
        interpreter_reference: None,
    }
}

fn cells(referral: &Referral, choice: u8) -> Vec<NamedCell> {
    let all: Vec<NamedCell> = referral
        .cells()
        .map(|(name, _)| NamedCell {
            section: name.section,
            person: match name.interest {
                event::Interest::Person(id) => referral.person_name(id),
                event::Interest::Investigation => None,
            },
        })
        .collect();
    match choice % 4 {
        0 | 1 => all,
        2 => all.into_iter().take(1 + usize::from(choice) % 5).collect(),
        _ => all.into_iter().skip(usize::from(choice) % 3).collect(),
    }
}

/// The revision that an officer has looked at, as a rule the one that stands.
fn seen(step: &Step, referral: &Referral, section: u32) -> u32 {
    let stands = referral.section(section).map_or(1, |section| section.revision);
    if step.choice[4].is_multiple_of(11) { stands.saturating_add(1) } else { stands }
}

fn decision(step: &Step, referral: &Referral, now: Time) -> NewDecision {
    let grounds = ["NO_HARM", "CONSENT", "GENERAL_CLAUSE", "NECESSARY_OWN", "DUTY_CHILD_REPORT", "COMMITTED_CRIME_SERIOUS", "NO_SUCH_GROUND"];
    let by_person = step.choice[0].is_multiple_of(3);
    let outcome = |cell: &NamedCell| {
        if step.choice[1] < 25 {
            return NewOutcome::Withhold { reason: pick(WithholdReason::ALL, step.choice[2]), nameable: step.choice[2] > 128 };
        }
        let is_victim = cell.person.is_some_and(|person| person.role == Role::Victim);
        let ground = if by_person && is_victim { "CONSENT" } else { pick(&grounds, step.choice[3]) };
        NewOutcome::Release { ground: ground.parse().unwrap(), consent: None, revision: seen(step, referral, cell.section) }
    };
    NewDecision {
        cells: cells(referral, step.choice[4]).iter().map(|cell| NewCell { cell: *cell, outcome: outcome(cell) }).collect(),
        answers: Answers {
            asserted: if step.choice[5] > 30 { FactCode::ALL.iter().copied().collect() } else { std::collections::BTreeSet::new() },
            offence: pick(&["OFREDANDE", "GROVT_OLAGA_HOT", "GROV_KVINNOFRIDSKRANKNING", "NO_SUCH_OFFENCE"], step.choice[5]).parse().ok(),
            attempted: step.choice[5] > 200,
            subject_age_years: Some(step.choice[2] % 25),
            ..Answers::default()
        },
        reasons: Bytes::from_static(b"documented"),
        standing_until: (step.choice[0] > 150).then(|| now.plus_minutes(4_000)),
        template: (step.choice[4] > 240).then(|| Template { name: String::from("everything"), digest: Digest([7; 32]) }),
    }
}

/// What a second officer comes to: as a rule the first one's result, else another.
fn second(step: &Step, referral: &Referral, now: Time) -> NewDecision {
    let first = |cell: &NamedCell| {
        let interest = cell.person.map_or(Some(event::Interest::Investigation), |name| referral.person(name).map(event::Interest::Person))?;
        match &referral.cell(event::CellName { section: cell.section, interest })?.state {
            CellState::Decided(decision) => Some(decision.outcome.clone()),
            CellState::Undecided => None,
        }
    };
    let outcome = |cell: &NamedCell| match first(cell) {
        Some(event::Outcome::Release { ground, .. }) if step.choice[0] > 30 => {
            NewOutcome::Release { ground, consent: None, revision: seen(step, referral, cell.section) }
        }
        _ => NewOutcome::Withhold { reason: pick(WithholdReason::ALL, step.choice[2]), nameable: false },
    };
    let cells = cells(referral, step.choice[4]).iter().map(|cell| NewCell { cell: *cell, outcome: outcome(cell) }).collect();
    NewDecision { cells, template: None, ..decision(step, referral, now) }
}

/// Breaks the glass, or reviews that it was broken.
fn emergency(step: &Step, referral: &Referral, name: ReferralName) -> Action {
    let reasons = Bytes::from_static(b"documented");
    match referral.emergencies.iter().find(|emergency| emergency.review.is_none()) {
        Some(emergency) if step.choice[0] > 100 => {
            let verdict = pick(EmergencyVerdict::ALL, step.choice[1]);
            Action::ReviewEmergency(name, NewReview { emergency: emergency.at, verdict, reasons })
        }
        Some(_) | None => {
            let telephoned_at = (step.choice[2] > 200).then_some(referral.submitted_at);
            Action::DeclareEmergency(name, NewEmergency { hours: u32::from(step.choice[3] % 27), telephoned_at, reasons })
        }
    }
}

fn on(step: &Step, referral: &Referral, now: Time) -> (usize, Action) {
    let name = if step.choice[5].is_multiple_of(2) { ReferralName::Id(referral.id) } else { ReferralName::Reference(referral.reference) };
    let sender = AGENCIES.iter().position(|(id, _)| *id == referral.sender.as_str()).unwrap();
    let host = AGENCIES.iter().position(|(id, _)| *id == referral.host.as_str()).unwrap();
    let leader = AGENCIES.iter().position(|(id, _)| *id == referral.leader.as_str()).unwrap();
    let (turn, action) = match step.verb {
        40..=59 => (sender, Action::RecordConsent(name, consent(step, &referral.recipient, now))),
        60..=109 => (if step.choice[3] > 240 { leader } else { sender }, Action::DecideClearance(name, decision(step, referral, now))),
        110..=124 => (sender, Action::ConfirmClearance(name, second(step, referral, now), None)),
        125..=127 => (sender, Action::RevokeClearance(name, cells(referral, 2))),
        128..=129 => (sender, emergency(step, referral, name)),
        130..=164 => (host, Action::OpenReferral(name)),
        165..=169 => (host, Action::RevealNames(name)),
        170..=179 => (host, Action::ClaimReferral { referral: name, takeover: step.choice[0] > 100 }),
        180..=194 => (host, Action::AcceptReferral(name)),
        195..=199 => (host, Action::DeclineReferral(name, pick(DeclineReason::ALL, step.choice[0]), None)),
        200..=204 => (
            host,
            Action::ReturnReferral(name, NewReturn { reason: pick(ReturnReason::ALL, step.choice[0]), missing: vec![Category::Offence], right_function: None }),
        ),
        205..=219 => {
            let consent = referral.consents.get(usize::from(step.choice[0]) % referral.consents.len().max(1)).map(|consent| consent.given.consent);
            (if step.choice[1] > 128 { host } else { sender }, Action::WithdrawConsent(name, consent.unwrap_or(ConsentId(referral.id.0))))
        }
        220..=229 => {
            let section = &referral.sections[usize::from(step.choice[0]) % referral.sections.len()];
            let category = if step.choice[2] > 230 { Category::Whereabouts } else { section.category };
            (
                sender,
                Action::AmendReferral(
                    name,
                    vec![NewContent { section: section.number, category, content: Bytes::from(vec![step.choice[1]; 9]), told: Told::default() }],
                    None,
                ),
            )
        }
        230..=232 => (sender, Action::RetractReferral(name, pick(RetractReason::ALL, step.choice[0]))),
        233..=236 => (host, Action::AcknowledgeRecall(name)),
        237..=240 => {
            let notice = referral.notices.first().map_or(Position(0), |notice| notice.at);
            (host, Action::AcknowledgeStopUse(name, notice, pick(StopUseAnswer::ALL, step.choice[0])))
        }
        241..=245 => {
            let outcome = pick(ContactOutcome::ALL, step.choice[0]);
            let contact = NewContact { outcome, at: now, channel: Some(SafeChannel::Telephone), interpreter: false, next_try_at: None };
            (host, Action::RecordContact(name, contact))
        }
        246..=250 => {
            let outcome = pick(ClosingOutcome::ALL, step.choice[0]);
            (host, Action::CloseReferral(name, NewClosing { outcome, phases: vec![SupportPhase::BeforeTrial], support: vec![SupportKind::Advice] }))
        }
        251..=252 => (sender, Action::MakeMarks(ReferralName::Id(referral.id))),
        _ => {
            let release = referral.sections.iter().find_map(|section| section.released).map_or(Position(0), |release| release.at);
            if step.choice[0].is_multiple_of(4) { (host, Action::ConfirmImport(name, release)) } else { (host, Action::AcknowledgeDelivery(name, release)) }
        }
    };
    // Mostly the party whose turn it is; sometimes anybody.
    (if step.actor > 240 { usize::from(step.actor) % AGENCIES.len() } else { turn }, action)
}
