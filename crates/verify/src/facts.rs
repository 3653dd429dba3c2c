//! What each kind of event of a referral must be true to, beyond who caused it and when.

use std::collections::BTreeSet;

use brygga_domain::event::{
    CarriedCell, CellName, ClearanceDecision, Confirmation, DecidedCell, Interest, OfferedSections, Outcome, Person, SectionContent, Submitted,
};
use brygga_domain::gate::ReleasedSection;
use brygga_domain::grounds::Templates;
use brygga_domain::{ConsentId, Event, Fact, FunctionId, GroundTable, Position, ProtectedIdentity, ResidenceBasis, Role, TableHash};

use crate::book::{Standing, Waiver};
use crate::clocks;
use crate::content;
use crate::emergency;
use crate::finding::Code;
use crate::law;
use crate::release::{Lack, Moment, same_result};

/// Everything that is wrong with what the event says.
pub(crate) fn lacks(moment: Moment<'_>, event: &Event, active: Option<TableHash>) -> Vec<Lack> {
    let mut lacks = names_left_open(moment, event);
    lacks.extend(of_fact(moment, event, active));
    lacks
}

fn of_fact(moment: Moment<'_>, event: &Event, active: Option<TableHash>) -> Vec<Lack> {
    match &event.fact {
        Fact::ReferralAmended { sections, .. } => amended(moment, sections),
        Fact::ConsentRecorded(given) => consent_recorded(moment, given.consent, given.person),
        Fact::ConsentWithdrawn { consent, .. } => consent_withdrawn(moment, *consent),
        Fact::StopUseSent { recipient, sections, withdrawal, .. } => stop_use_sent(moment, recipient, sections, *withdrawal),
        Fact::StopUseAnswered { notice, .. } => {
            let waits = moment.referral.notices.iter().any(|sent| sent.at == *notice && sent.answer.is_none());
            unfounded(waits, || format!("entry {notice} is no stop-use notice that waits for an answer"))
        }
        Fact::DeliveryAcknowledged { release, .. } => {
            unfounded(moment.book.releases.contains(release), || format!("entry {release} is no release of this referral"))
        }
        Fact::ClearanceDecided(decision) => decided(moment, event, decision, active),
        Fact::ClearanceConfirmed(second) => {
            let words = second.cells.iter().filter_map(|word| confirmed(moment, event, word));
            inactive(second.table, active).into_iter().chain(words).collect()
        }
        Fact::ClearanceRevoked { cells, table, .. } => {
            inactive(*table, active).into_iter().chain(cells.iter().filter_map(|cell| revoked(moment, event, *cell))).collect()
        }
        Fact::ClearanceCarried(carried) => {
            inactive(carried.table, active).into_iter().chain(carried.cells.iter().filter_map(|cell| self::carried(moment, *cell))).collect()
        }
        Fact::EmergencyDeclared(declared) => emergency::declared(moment, event, declared),
        Fact::EmergencyReviewed(review) => emergency::reviewed(moment, event, review),
        Fact::ReferralOffered(offered) | Fact::SectionsOffered(offered) => offered_sections(moment, offered),
        Fact::ReminderSent(reminder) => clocks::reminder(moment, reminder),
        Fact::Escalated(escalation) => clocks::escalation(moment, escalation),
        Fact::ContentDestroyed(destruction) => content::destruction(moment, destruction),
        Fact::OfferWithdrawn { recipient, .. } => other_recipient(moment, recipient).into_iter().collect(),
        Fact::NameRevealed { recipient, sections, .. } => names_revealed(moment, recipient, sections),
        Fact::SectionsReleased { recipient, released, .. } => released_sections(moment, recipient, released.sections()),
        Fact::LogStarted { .. }
        | Fact::AgencyRegistered { .. }
        | Fact::FunctionRegistered { .. }
        | Fact::GroundTableActivated { .. }
        | Fact::OfferRecorded(_)
        | Fact::ReferralSubmitted(_)
        | Fact::ReferralRetracted { .. }
        | Fact::RecallAcknowledged { .. }
        | Fact::ReferralClaimed { .. }
        | Fact::ReferralAccepted { .. }
        | Fact::ReferralDeclined { .. }
        | Fact::ReferralReturned { .. }
        | Fact::ContactRecorded(_)
        | Fact::ReferralClosed(_)
        | Fact::DisclosureRefused { .. }
        | Fact::LogQueried { .. } => Vec::new(),
    }
}

pub(crate) fn unfounded(founded: bool, text: impl FnOnce() -> String) -> Vec<Lack> {
    if founded { Vec::new() } else { vec![(Code::AnswerUnfounded, text())] }
}

pub(crate) fn other_recipient(moment: Moment<'_>, recipient: &FunctionId) -> Option<Lack> {
    let own = &moment.referral.recipient;
    (recipient != own).then(|| (Code::RecipientDiffers, format!("the event is for {recipient}, the referral for {own}")))
}

/// What is wrong with the sections of a referral as submitted.
pub(crate) fn submitted(submitted: &Submitted, table: Option<&GroundTable>) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let mut malformed = |text: String| lacks.push((Code::ReferralMalformed, text));
    let persons: BTreeSet<_> = submitted.persons.iter().map(|person| person.id).collect();
    let names: BTreeSet<_> = submitted.persons.iter().map(|person| person.name).collect();
    if persons.len() != submitted.persons.len() || names.len() != submitted.persons.len() {
        malformed(String::from("a person stands twice"));
    }
    if submitted.sections.is_empty() {
        malformed(String::from("it has no sections"));
    }
    let rule = table.and_then(|table| table.kind(submitted.kind));
    if rule.is_some_and(|rule| !rule.from.contains(&submitted.from) || !rule.to.contains(&submitted.to)) {
        malformed(format!("a {} does not go from {} to {}", submitted.kind, submitted.from, submitted.to));
    }
    for (number, section) in (1_u32..).zip(&submitted.sections) {
        if section.content.section != number || section.content.revision != 1 {
            malformed(format!("section {} at revision {} stands where section {number} must begin", section.content.section, section.content.revision));
        }
        if section.persons.is_empty() && !section.investigation {
            malformed(format!("section {number} protects nobody"));
        }
        if !section.persons.iter().all(|person| persons.contains(person)) {
            malformed(format!("section {number} protects a person outside the referral"));
        }
        if rule.is_some_and(|rule| !rule.categories.contains(&section.category)) {
            malformed(format!("a {} does not carry {}", submitted.kind, section.category));
        }
    }
    lacks.extend(by_register(submitted));
    lacks
}

/// Where the register is wrong on purpose, or may be, it sends nothing anywhere (folkbokföringslagen 16 §).
fn by_register(submitted: &Submitted) -> Option<Lack> {
    let misled = |person: &Person| {
        person.protected_identity == ProtectedIdentity::ProtectedPopulationRegistration
            || (person.protected_identity == ProtectedIdentity::Unknown && [Role::Victim, Role::Child].contains(&person.name.role))
    };
    let found = submitted.persons.iter().find(|person| misled(person)).filter(|_| submitted.residence_basis == Some(ResidenceBasis::PopulationRegister));
    found.map(|person| (Code::ResidenceFromRegister, format!("it was sent by the register, and {} is {}", person.name, person.protected_identity)))
}

fn amended(moment: Moment<'_>, contents: &[SectionContent]) -> Vec<Lack> {
    let mut seen = BTreeSet::new();
    let lack = |content: &SectionContent| {
        let number = content.section;
        let Some(section) = moment.book.section(number) else { return Some((Code::CellUnknown, format!("there is no section {number}"))) };
        let text = || format!("section {number} goes from revision {} to {}", section.revision, content.revision);
        (!seen.insert(number) || content.revision != section.revision.saturating_add(1)).then(|| (Code::RevisionDiffers, text()))
    };
    contents.iter().filter_map(lack).collect()
}

fn consent_recorded(moment: Moment<'_>, consent: ConsentId, person: brygga_domain::PersonId) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if moment.referral.person_name(person).is_none() {
        lacks.push((Code::ConsentOfAnother, String::from("the consent is of a person outside the referral")));
    }
    // A consent under a known id would be withdrawn, or not, together with the other.
    if let Some(other) = moment.book.waiver_named(consent) {
        lacks.push((Code::EventTwice, format!("entry {} recorded a consent of the same id", other.at)));
    }
    lacks
}

fn consent_withdrawn(moment: Moment<'_>, consent: ConsentId) -> Vec<Lack> {
    match moment.book.waiver_named(consent) {
        None => vec![(Code::ConsentMissing, String::from("the referral has no consent of that id"))],
        Some(waiver) => {
            waiver.withdrawn.map(|before| (Code::ConsentWithdrawn, format!("entry {before} withdrew the consent in entry {}", waiver.at))).into_iter().collect()
        }
    }
}

fn stop_use_sent(moment: Moment<'_>, recipient: &FunctionId, sections: &[u32], withdrawal: Position) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = other_recipient(moment, recipient).into_iter().collect();
    let was_released = |number: &u32| moment.book.section(*number).is_some_and(|section| section.released.is_some() || section.revealed);
    if !moment.book.waivers.iter().any(|waiver| waiver.withdrawn == Some(withdrawal)) {
        lacks.push((Code::StopUseUnfounded, format!("entry {withdrawal} withdrew no consent of this referral")));
    }
    if sections.is_empty() || !sections.iter().all(was_released) {
        lacks.push((Code::StopUseUnfounded, String::from("the notice names what was not released")));
    }
    lacks
}

fn decided(moment: Moment<'_>, event: &Event, decision: &ClearanceDecision, active: Option<TableHash>) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = other_recipient(moment, &decision.recipient).into_iter().collect();
    lacks.extend(inactive(decision.table, active));
    let rule = moment.table.and_then(|table| table.kind(moment.referral.kind));
    if decision.template.is_some() && rule.is_some_and(|rule| rule.templates == Templates::Never) {
        lacks.push((Code::TemplateNotAllowed, format!("a template decides cells of a {}", moment.referral.kind)));
    }
    if let Some(table) = moment.table {
        let latest = moment.time.plus_minutes(u32::from(table.standing().days_max).saturating_mul(24 * 60));
        if decision.cells.iter().any(|decided| decided.standing_until.is_some_and(|until| until > latest)) {
            lacks.push((Code::StandingUnfounded, format!("it stands for more than {} days", table.standing().days_max)));
        }
    }
    for decided in &decision.cells {
        let lack = decided_cell(moment, event, decided.cell, &decided.outcome).err();
        let lack = lack.or_else(|| emergency::one_officer(moment, event, decided)).or_else(|| uncited(moment, decided));
        lacks.extend(lack.map(|(code, text)| (code, format!("{}: {text}", moment.name(decided.cell)))));
    }
    lacks
}

/// A decision to release says after which withdrawal it comes, where a consent to that had been given and withdrawn.
fn uncited(moment: Moment<'_>, decided: &DecidedCell) -> Option<Lack> {
    let part = moment.book.part_of(decided.cell)?;
    let covers = |waiver: &&Waiver| {
        let given = &waiver.given;
        Interest::Person(given.person) == decided.cell.interest && given.categories.contains(&part.category) && given.recipient == moment.referral.recipient
    };
    let latest = moment.book.waivers.iter().filter(covers).filter_map(|waiver| waiver.withdrawn).max();
    let wanted = latest.filter(|_| !decided.outcome.is_withheld());
    (decided.withdrawal != wanted).then(|| match wanted {
        Some(at) => (Code::WithdrawalUncited, format!("the withdrawal in entry {at} is not cited")),
        None => (Code::WithdrawalUncited, String::from("a withdrawal is cited that there was not")),
    })
}

fn inactive(named: TableHash, active: Option<TableHash>) -> Option<Lack> {
    (active != Some(named)).then(|| (Code::TableInactive, format!("the decision names table {named}, which is not the active one")))
}

fn decided_cell(moment: Moment<'_>, event: &Event, cell: CellName, outcome: &Outcome) -> Result<(), Lack> {
    let section = moment.book.part_of(cell).ok_or_else(|| (Code::CellUnknown, String::from("there is no such cell")))?;
    clearer(moment, event, cell)?;
    let Outcome::Release { ground, consent } = outcome else { return Ok(()) };
    if let Some(table) = moment.table {
        let ground = law::carrying(table, ground, moment.referral, (section.category, moment.book.protection(cell.interest)), moment.time);
        let ground = ground.map_err(|why| (Code::GroundUnlawful, why))?;
        if ground.needs_consent() && consent.is_none() {
            return Err((Code::ConsentMissing, format!("{} rests on a consent and none is named", ground.code)));
        }
    }
    consent.map_or(Ok(()), |consent| moment.consent(consent, section.category, cell.interest))
}

fn clearer(moment: Moment<'_>, event: &Event, cell: CellName) -> Result<(), Lack> {
    let clearer = moment.clearer(cell);
    if event.agency == *clearer { Ok(()) } else { Err((Code::ClearanceByOther, format!("{} acts, {clearer} clears it", event.agency))) }
}

fn confirmed(moment: Moment<'_>, event: &Event, word: &Confirmation) -> Option<Lack> {
    let Confirmation { cell, decision, outcome, standing_until: _ } = word;
    let (cell, decision) = (*cell, *decision);
    let named = |(code, text): Lack| (code, format!("{}: {text}", moment.name(cell)));
    let standing = moment.book.in_effect(cell).filter(|standing| standing.at == decision);
    let standing = standing.filter(|standing| moment.wants_two(cell, standing) && standing.word.is_none());
    let on_what_left = moment.book.owed(cell, decision);
    let Some(standing) = standing.or(on_what_left) else {
        return Some(named((Code::ConfirmationUnfounded, format!("no decision in entry {decision} waits for a second officer"))));
    };
    // The second officer decides as the first did: by the agency that clears it, on a ground that carries it. The gate asked when it left, and a
    // word on that is not judged again.
    let judged = match on_what_left {
        Some(_) => clearer(moment, event, cell).and_then(|()| known_consent(moment, outcome)),
        None => decided_cell(moment, event, cell, outcome),
    };
    if let Err(lack) = judged {
        return Some(named(lack));
    }
    same_officer(event, standing).map(named)
}

fn known_consent(moment: Moment<'_>, outcome: &Outcome) -> Result<(), Lack> {
    let Outcome::Release { consent: Some(at), .. } = outcome else { return Ok(()) };
    moment.book.waiver(*at).map(drop).ok_or_else(|| (Code::ConsentMissing, format!("entry {at} is no consent of this referral")))
}

fn same_officer(event: &Event, standing: &Standing) -> Option<Lack> {
    let officer = event.officer.map(|officer| officer.pseudonym);
    (officer.is_some() && officer == standing.officer).then(|| (Code::SecondOfficerSame, format!("entry {} is by the same officer", standing.at)))
}

fn revoked(moment: Moment<'_>, event: &Event, cell: CellName) -> Option<Lack> {
    let named = |(code, text): Lack| (code, format!("{}: {text}", moment.name(cell)));
    let Some(standing) = moment.book.in_effect(cell) else {
        return Some(named((Code::ClearanceMissing, String::from("no decision stands that could be revoked"))));
    };
    if let Err(lack) = clearer(moment, event, cell) {
        return Some(named(lack));
    }
    // One that stands for later revisions may be ended when this one has left, and so may one to withhold, by one officer or by two who differ.
    let stands = standing.until().is_some_and(|until| moment.time < until);
    let withholds = standing.outcome.is_withheld() || standing.word.as_ref().is_some_and(|word| !same_result(&standing.outcome, &word.outcome));
    let left = moment.book.section(cell.section).is_some_and(|section| section.released == Some(section.revision));
    (left && !stands && !withholds).then(|| named((Code::RevokedAfterRelease, String::from("it had left before"))))
}

/// A decision goes on for the next revision only if it stands for it, and as long as everything else that it needs is there.
fn carried(moment: Moment<'_>, carried: CarriedCell) -> Option<Lack> {
    let CarriedCell { cell, revision, decision } = carried;
    let named = |(code, text): Lack| (code, format!("{}: {text}", moment.name(cell)));
    let Some(section) = moment.book.part_of(cell) else { return Some(named((Code::CellUnknown, String::from("there is no such cell")))) };
    if revision != section.revision.saturating_add(1) {
        return Some(named((Code::RevisionDiffers, format!("it goes on for revision {revision}, the section is at {}", section.revision))));
    }
    let Some(standing) = moment.book.in_effect(cell).filter(|standing| standing.at == decision) else {
        return Some(named((Code::ClearanceMissing, format!("entry {decision} is no decision that stands"))));
    };
    if standing.until().is_none_or(|until| until <= moment.time) {
        return Some(named((Code::StandingUnfounded, format!("entry {decision} does not stand for later revisions"))));
    }
    // An emergency puts a second officer off for what leaves in it, not for what comes after.
    if standing.word.is_none() && moment.wants_two(cell, standing) {
        return Some(named((Code::SecondOfficerMissing, format!("no second officer has agreed to entry {decision}"))));
    }
    moment.cell(section, cell).err().map(named)
}

/// The envelope names only what may leave.
fn offered_sections(moment: Moment<'_>, offered: &OfferedSections) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = other_recipient(moment, &offered.recipient).into_iter().collect();
    if offered.sections.is_empty() {
        lacks.push((Code::CellUnknown, String::from("the offer names no section")));
    }
    for number in &offered.sections {
        match moment.book.section(*number) {
            None => lacks.push((Code::CellUnknown, format!("there is no section {number}"))),
            Some(section) => lacks.extend(moment.basis_of(section).err().unwrap_or_default()),
        }
    }
    lacks
}

/// What is shown for the check of conflicts of interest says who it is about, and nothing else.
fn names_revealed(moment: Moment<'_>, recipient: &FunctionId, sections: &[u32]) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = other_recipient(moment, recipient).into_iter().collect();
    lacks.extend(unfounded(!sections.is_empty(), || String::from("the check of conflicts names no section")));
    for number in sections {
        let category = moment.book.section(*number).map(|section| section.category);
        let is_name = moment.table.is_none_or(|table| category.is_some_and(|category| table.is_a_name(category)));
        lacks.extend(unfounded(is_name, || format!("section {number} does not say who it is about, and was shown as if it did")));
    }
    lacks
}

/// The disclosure of names follows its entry at once, and holds what that entry names.
fn names_left_open(moment: Moment<'_>, event: &Event) -> Vec<Lack> {
    let Some((at, sections)) = &moment.book.revealing else { return Vec::new() };
    let follows = moment.at.0 == at.0.saturating_add(1);
    let mut left = Vec::new();
    if let Fact::SectionsReleased { released, .. } = &event.fact {
        left.extend(released.sections().iter().map(|section| section.section));
    }
    left.sort_unstable();
    let holds = !left.is_empty() && left == *sections;
    unfounded(follows && holds, || format!("the disclosure that entry {at} announces does not follow it with the sections that it names"))
}

fn released_sections(moment: Moment<'_>, recipient: &FunctionId, leaving: &[ReleasedSection]) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = other_recipient(moment, recipient).into_iter().collect();
    let mut seen = BTreeSet::new();
    if leaving.is_empty() {
        lacks.push((Code::CellUnknown, String::from("the release names no section")));
    }
    for released in leaving {
        if !seen.insert(released.section) {
            lacks.push((Code::BasisDiffers, format!("section {} stands twice in the release", released.section)));
        }
        lacks.extend(released_section(moment, released));
    }
    lacks
}

fn released_section(moment: Moment<'_>, released: &ReleasedSection) -> Vec<Lack> {
    let number = released.section;
    let Some(section) = moment.book.section(number) else { return vec![(Code::CellUnknown, format!("there is no section {number}"))] };
    let mut lacks = Vec::new();
    if !section.offered {
        lacks.push((Code::ReleaseNotOffered, format!("no standing offer names section {number}")));
    }
    if released.revision != section.revision {
        lacks.push((Code::RevisionDiffers, format!("section {number} left at revision {}, it is at {}", released.revision, section.revision)));
    } else if released.commitment != section.commitment {
        lacks.push((Code::CommitmentDiffers, format!("section {number} left with other bytes than those of revision {}", section.revision)));
    }
    match moment.basis_of(section) {
        Err(missing) => lacks.extend(missing),
        Ok(basis) if basis != released.basis => {
            let text = format!("section {number} rests on entries {}, the release names {}", list(&basis), list(&released.basis));
            lacks.push((Code::BasisDiffers, text));
        }
        Ok(_) => {}
    }
    lacks
}

/// Most positions that a text lists.
const POSITIONS_SHOWN_MAX: usize = 16;

fn list(positions: &[Position]) -> String {
    let shown: Vec<String> = positions.iter().take(POSITIONS_SHOWN_MAX).map(ToString::to_string).collect();
    let more = if positions.len() > POSITIONS_SHOWN_MAX { " and others" } else { "" };
    if shown.is_empty() { String::from("none") } else { format!("{}{more}", shown.join(", ")) }
}
