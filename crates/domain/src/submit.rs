//! Submission: what a sender may hand to a function, and what it becomes.

use std::collections::BTreeSet;

use crate::codes::{AgencyKind, OfferAnswer, ReferralKind, Role};
use crate::command::{NewCell, NewDecision, NewOutcome, NewPerson, NewSection, Submission};
use crate::decide::{Content, Draft, record_offer};
use crate::directory::{Agency, Function};
use crate::entropy::commit;
use crate::event::{Fact, OfferResult, Person, PersonName, SectionContent, Submitted, SubmittedSection};
use crate::exclusion::{self, Excluded};
use crate::forward::PassedOn;
use crate::grounds::{GroundTable, KindRule};
use crate::ids::{AgencyId, OfferId, PersonId, Reference, ReferralId, ThreadId};
use crate::refusal::{Detail, Reason, Refusal};
use crate::{clearance, consent, forward, routing};

/// How many references a command may try before it gives up; one in 10^12 is taken at a million referrals.
const REFERENCE_TRIES: usize = 4;

pub(crate) fn submit(to: &mut Draft<'_>, submission: &Submission) -> Result<(), Refusal> {
    let sender = to.active_agency()?;
    let (function, host) = recipient(to, submission)?;
    let rule = to.facts.table.kind(submission.kind).ok_or(Refusal::new(Reason::WrongDirection))?;
    let forwarded = forward::passed_on(to, submission)?;
    check_direction(sender, host, function, rule)?;
    routing::check(submission, function, rule, to.facts.directory)?;
    check_persons_and_sections(submission, rule, to.facts.table)?;
    check_references(to, submission)?;
    if rule.contact_due_minutes.is_some() && submission.reported_at.is_none() {
        return Err(Refusal::field(Reason::MalformedMessage, "reported_at"));
    }
    let offer = offer(to, submission)?;
    let inherited = forwarded.as_ref().map(|passed_on| passed_on.excluded.clone()).unwrap_or_default();
    let excluded = exclusion::together(&submission.excluded, &inherited);
    let submitted = submitted(to, submission, (sender.kind, host), Cited { offer, forwarded, excluded: &excluded }, rule)?;
    to.push(Fact::ReferralSubmitted(submitted));
    to.keep_excluded(excluded, inherited);
    to.decided.sender_reference = submission.sender_reference;
    to.decided.assessments.clone_from(&submission.assessments);
    for (index, new) in submission.consents.iter().enumerate() {
        consent::record(to, new).map_err(|refusal| refusal.within(format_args!("consents[{index}]")))?;
    }
    for (index, decision) in submission.decisions.iter().enumerate() {
        let decide = check_age(submission, decision, to.facts.table).and_then(|()| clearance::record(to, decision));
        decide.map_err(|refusal| refusal.within(format_args!("decisions[{index}]")))?;
    }
    // Offered once, after the last act: the recipient gets one envelope, and all events of the submission fit one receipt.
    if submission.decisions.is_empty() { Ok(()) } else { to.offer_what_passes() }
}

/// Where the route says that the victim is a minor, whoever releases on her consent says so too: it is then not hers alone.
fn check_age(submission: &Submission, decision: &NewDecision, table: &GroundTable) -> Result<(), Refusal> {
    let minor = |age: u32| age < u32::from(table.minors().age_below);
    let has = |role: Role| submission.persons.iter().any(|person| person.name.role == role);
    let by_route = submission.routing.whom.age_years.is_some_and(minor) && has(Role::Victim) && !has(Role::Child);
    let on_consent = |outcome: &NewOutcome| match outcome {
        NewOutcome::Release { ground, .. } => table.grounds().any(|row| row.code == *ground && row.needs_consent()),
        NewOutcome::Withhold { .. } => false,
    };
    let hers = |cell: &&NewCell| cell.cell.person.is_some_and(|person| person.role == Role::Victim);
    let about_her = decision.cells.iter().filter(hers).any(|cell| on_consent(&cell.outcome));
    if by_route && about_her && !decision.answers.victim_age_years.is_some_and(|age| minor(age.into())) {
        return Err(Refusal::field(Reason::MalformedMessage, "answers.victim_age_years"));
    }
    Ok(())
}

fn recipient<'a>(to: &Draft<'a>, submission: &Submission) -> Result<(&'a Function, &'a Agency), Refusal> {
    let directory = to.facts.directory;
    let function = directory.function(&submission.recipient).ok_or(Refusal::new(Reason::UnknownFunction))?;
    let host = directory.agency(&function.host).ok_or(Refusal::new(Reason::UnknownAgency))?;
    if !host.is_active(to.facts.now) {
        return Err(Refusal::field(Reason::AgencyNotActive, "recipient"));
    }
    if let Some(leader) = &submission.leader {
        check_leader(to, leader)?;
    }
    Ok((function, host))
}

/// A leader clears the investigation and sees what is held, so it must be one that leads investigations.
fn check_leader(to: &Draft<'_>, leader: &AgencyId) -> Result<(), Refusal> {
    let about = |reason| Refusal::field(reason, "leader");
    let agency = to.facts.directory.agency(leader).ok_or_else(|| about(Reason::UnknownAgency))?;
    if !agency.is_active(to.facts.now) {
        Err(about(Reason::AgencyNotActive))
    } else if *leader != to.command.agency && !to.facts.table.may_lead(agency.kind) {
        Err(about(Reason::WrongRole))
    } else {
        Ok(())
    }
}

fn check_direction(sender: &Agency, host: &Agency, function: &Function, rule: &KindRule) -> Result<(), Refusal> {
    if sender.kind == AgencyKind::Supervisor {
        return Err(Reason::WrongRole.into());
    }
    if !rule.from.contains(&sender.kind) || !rule.to.contains(&host.kind) {
        return Err(Reason::WrongDirection.into());
    }
    if function.takes(rule.kind) { Ok(()) } else { Err(Reason::FunctionDoesNotTake.into()) }
}

fn check_persons_and_sections(submission: &Submission, rule: &KindRule, table: &GroundTable) -> Result<(), Refusal> {
    let named: BTreeSet<PersonName> = submission.persons.iter().map(|person| person.name).collect();
    if named.len() != submission.persons.len() {
        return Err(Refusal::field(Reason::MalformedMessage, "persons"));
    }
    let mut seen = BTreeSet::new();
    for (number, section) in (1_u32..).zip(&submission.sections) {
        if !rule.categories.contains(&section.category) {
            return Err(Refusal::about(Reason::CategoryNotAllowed, Detail::Category(section.category, rule.kind)));
        }
        if let Some(unknown) = section.persons.iter().find(|person| !named.contains(person)) {
            return Err(Refusal::about(Reason::PersonUnknown, Detail::Person(*unknown)));
        }
        let persons: BTreeSet<PersonName> = section.persons.iter().copied().collect();
        // Nobody's data becomes the investigation's alone by leaving out whose it is.
        if persons.is_empty() && (!section.investigation || table.is_about_a_person(section.category)) {
            return Err(Refusal::field(Reason::MalformedMessage, "persons").within(format_args!("sections[{}]", number - 1)));
        }
        if !seen.insert((section.category, persons)) {
            return Err(Refusal::about(Reason::DuplicateSection, Detail::Section(number)));
        }
    }
    if submission.sections.is_empty() { Err(Refusal::field(Reason::MalformedMessage, "sections")) } else { Ok(()) }
}

fn check_references(to: &Draft<'_>, submission: &Submission) -> Result<(), Refusal> {
    // Which one it is stays unsaid: it may exclude the officer who asks. Whoever may know finds it by the same number.
    if to.facts.known.sender_reference_taken {
        return Err(Reason::SenderReferenceTaken.into());
    }
    // A concern is reported after an assessment of that child (JO dnr 682-2014); one that fits many is a routine.
    let distinct: BTreeSet<_> = submission.assessments.iter().collect();
    if to.facts.known.assessment_taken || distinct.len() < submission.assessments.len() {
        return Err(Reason::RoutineConcern.into());
    }
    if submission.reported_at.is_some_and(|at| at > to.facts.now) {
        return Err(Refusal::field(Reason::TimeOutOfRange, "reported_at"));
    }
    Ok(())
}

/// The offer that the submission follows, recorded before or with it. Only a yes leads to a contact request.
fn offer(to: &mut Draft<'_>, submission: &Submission) -> Result<Option<OfferId>, Refusal> {
    let answer = match (&submission.new_offer, submission.offer) {
        (Some(new), _) => match new.result {
            OfferResult::Offered(answer) => Some(answer),
            OfferResult::NotOffered(_) => None,
        },
        (None, Some(_)) => to.facts.known.offer.ok_or(Refusal::new(Reason::OfferUnknown))?,
        (None, None) => return Ok(None),
    };
    if submission.kind == ReferralKind::ContactRequest && answer != Some(OfferAnswer::Yes) {
        return Err(Reason::OfferDeclined.into());
    }
    match &submission.new_offer {
        Some(new) => record_offer(to, new).map(Some),
        None => Ok(submission.offer),
    }
}

/// What a submission follows.
struct Cited<'a> {
    offer: Option<OfferId>,
    forwarded: Option<PassedOn>,
    /// Whom the sender excludes, and whom the referral excludes that it passes on.
    excluded: &'a [Excluded],
}

fn submitted(to: &mut Draft<'_>, submission: &Submission, parties: (AgencyKind, &Agency), cited: Cited<'_>, rule: &KindRule) -> Result<Submitted, Refusal> {
    let (from, host) = parties;
    let joined = submission.thread.or(cited.forwarded.as_ref().map(|passed_on| passed_on.thread));
    let entropy = &to.command.entropy;
    let referral = ReferralId(entropy.uuid("referral", 0));
    let person =
        |(index, new): (usize, &NewPerson)| Person { id: PersonId(entropy.uuid("person", index)), name: new.name, protected_identity: new.protected_identity };
    let persons: Vec<Person> = submission.persons.iter().enumerate().map(person).collect();
    let lookups = submission.persons.iter().zip(&persons).filter_map(|(new, person)| new.lookup.map(|hash| (hash, person.id)));
    to.decided.persons.extend(lookups);
    let sections = (1_u32..).zip(&submission.sections).map(|(number, new)| section(to, referral, number, new, &persons)).collect();
    // Whoever passes something on cannot tell from the event whether it excludes anybody.
    let sealed = cited.forwarded.is_some() || !cited.excluded.is_empty();
    let excluded = sealed.then(|| to.exclude(cited.excluded, &submission.recipient)).transpose()?;
    Ok(Submitted {
        referral,
        reference: free_reference(to)?,
        thread: joined.unwrap_or_else(|| ThreadId(to.command.entropy.uuid("thread", 0))),
        kind: submission.kind,
        from,
        to: host.kind,
        recipient: submission.recipient.clone(),
        host: host.id.clone(),
        leader: submission.leader.clone().unwrap_or_else(|| to.command.agency.clone()),
        urgency: submission.urgency,
        reported_at: submission.reported_at,
        contact_due_at: submission.reported_at.zip(rule.contact_due_minutes).map(|(at, minutes)| at.plus_minutes(minutes)),
        offer: cited.offer,
        persons,
        sections,
        residence_basis: submission.routing.basis,
        forwarded_from: cited.forwarded.map(|passed_on| passed_on.referral),
        excluded,
    })
}

fn free_reference(to: &Draft<'_>) -> Result<Reference, Refusal> {
    reference_candidates(to.command).find(|candidate| !to.facts.known.references.contains(candidate)).ok_or_else(|| Reason::NotCommitted.into())
}

/// The references that a submission would take, the first that is free; the store is asked about them beforehand.
pub fn reference_candidates(command: &crate::Command) -> impl Iterator<Item = Reference> + '_ {
    (0..REFERENCE_TRIES).map(|index| Reference::from_random(command.entropy.bits("reference", index)))
}

fn section(to: &mut Draft<'_>, referral: ReferralId, number: u32, new: &NewSection, persons: &[Person]) -> SubmittedSection {
    let content = keep_content(to, referral, (number, 1), &new.content);
    let mut touched: Vec<PersonId> = persons.iter().filter(|person| new.persons.contains(&person.name)).map(|person| person.id).collect();
    touched.dedup();
    SubmittedSection { content, category: new.category, persons: touched, investigation: new.investigation }
}

/// Commits to a section's bytes and keeps them beside the journal.
pub(crate) fn keep_content(to: &mut Draft<'_>, referral: ReferralId, place: (u32, u32), bytes: &bytes::Bytes) -> SectionContent {
    let (section, revision) = place;
    let salt = to.command.entropy.bytes("content", to.decided.contents.len());
    to.decided.contents.push(Content { referral, section, revision, salt, bytes: bytes.clone() });
    SectionContent { section, revision, commitment: commit(&salt, bytes) }
}
