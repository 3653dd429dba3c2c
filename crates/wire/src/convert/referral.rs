//! What senders write: offers, submissions, amendments, retractions.

#![expect(clippy::option_option, reason = "the outer None says that a fault is noted, the inner one that the field was left out")]

use std::collections::{BTreeMap, BTreeSet};

use brygga_domain::command::{Action, NewContent, NewOffer, NewPerson, NewSection, OnRecord, Submission, Told};
use brygga_domain::event::{OfferResult, PersonName};
use brygga_domain::{AgencyId, Category, FunctionId, LookupHash, ProtectedIdentity, ReferralKind, Role, Routing};
use bytes::Bytes;

use super::check::{Check, head};
use super::{Asked, Malformed, clearance, consent, exclusion, routing};
use crate::content::{Read, assessment_in, category, read, told};
use crate::door::Door;
use crate::identifier::normalise;
use crate::limits::{CONSENTS_MAX, DECISIONS_MAX, PERSONS_MAX, SECTION_BYTES_MAX, SECTIONS_MAX, SENDER_REFERENCE_BYTES_MAX};
use crate::lint::{Act, Finding, findings_in, findings_in_label};
use crate::shape::misshapen;
use crate::v1;

const REFERENCE_SHAPE: &str = "must be 1 to 64 bytes of printable text";

/// `RecordOffer`.
pub fn record_offer(request: v1::RecordOfferRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let new = check.message("offer", request.offer.clone()).and_then(|new| offer(&mut check, new));
    check.asked(&head, new.map(Action::RecordOffer))
}

fn offer(check: &mut Check, offer: v1::Offer) -> Option<NewOffer> {
    use v1::offer::Result as Wire;
    let result = match offer.result {
        Some(Wire::Answer(number)) => check.code("offer.answer", number).map(OfferResult::Offered),
        Some(Wire::NotOffered(number)) => check.code("offer.not_offered", number).map(OfferResult::NotOffered),
        None => check.message("offer.result", None),
    };
    let language = check.language("offer.language", offer.language);
    let relationship = check.optional_code("offer.relationship", offer.relationship);
    let district = check.territory("offer.district", offer.district);
    let reported_at = check.time("offer.reported_at", offer.reported_at.as_ref());
    Some(NewOffer {
        result: result?,
        language: language?,
        interpreter: offer.interpreter,
        relationship: relationship?,
        district: district?,
        reported_at: reported_at?,
    })
}

/// `SubmitReferral`.
pub fn submit_referral(mut request: v1::SubmitReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let (sections, consents, decisions) =
        (std::mem::take(&mut request.sections), std::mem::take(&mut request.consents), std::mem::take(&mut request.decisions));
    let head = head!(request, door, agency);
    let kind = check.code("kind", request.kind);
    let recipient = check.slug("recipient", &request.recipient);
    let urgency = check.code("urgency", request.urgency);
    let thread = check.optional_uuid("thread_id", &request.thread_id);
    let leader = if request.leader.is_empty() { Some(None) } else { check.slug("leader", &request.leader).map(Some) };
    let reported_at = check.optional_time("reported_at", request.reported_at.as_ref());
    let offer_id = check.optional_uuid("offer_id", &request.offer_id);
    if request.offer.is_some() && !request.offer_id.is_empty() {
        check.fault("offer", "stands beside offer_id; give one of the two");
    }
    let new_offer = match request.offer.clone() {
        Some(new) => offer(&mut check, new).map(Some),
        None => Some(None),
    };
    let persons = persons(&mut check, &request.persons, door, agency);
    let sender_reference = sender_reference(&mut check, &request.sender_reference, (kind, recipient.as_ref(), persons.as_deref()), (door, agency));
    let sections = new_sections(&mut check, sections);
    if let (Some(sections), Some(persons)) = (&sections, &persons) {
        told_agrees(&mut check, sections, persons);
    }
    let sections: Option<Vec<NewSection>> = sections.map(|sections| sections.into_iter().map(|(section, _)| section).collect());
    let assessments = assessments(&mut check, kind, sections.as_deref(), (recipient.as_ref(), door, agency));
    let consents = listed(&mut check, "consents", consents, CONSENTS_MAX, |check, path, terms| consent::terms(check, path, terms, (door, agency)));
    let decisions = listed(&mut check, "decisions", decisions, DECISIONS_MAX, clearance::decision);
    let routing = request.routing.take().map_or_else(|| Some(Routing::default()), |stated| routing::stated(&mut check, stated));
    let excluded = request.excluded.take().map_or_else(|| Some(Vec::new()), |list| exclusion::excluded(&mut check, list, &head));
    let forwards = if request.forwarded_from.is_empty() { Some(None) } else { check.referral("forwarded_from", &request.forwarded_from).map(Some) };
    let submission = (|| {
        Some(Submission {
            kind: kind?,
            recipient: recipient?,
            urgency: urgency?,
            thread: thread?,
            leader: leader?,
            reported_at: reported_at?,
            offer: offer_id?,
            new_offer: new_offer?,
            sender_reference: sender_reference?,
            assessments,
            persons: persons?,
            sections: sections?,
            consents: consents?,
            decisions: decisions?,
            routing: routing?,
            forwards: forwards?,
            excluded: excluded?,
        })
    })();
    check.asked(&head, submission.map(|submission| Action::SubmitReferral(Box::new(submission))))
}

/// The hashes under which a child concern is found again by what was assessed. One that says nothing of that is none.
fn assessments(check: &mut Check, kind: Option<ReferralKind>, sections: Option<&[NewSection]>, at: (Option<&FunctionId>, &Door, &AgencyId)) -> Vec<LookupHash> {
    let (recipient, door, agency) = at;
    let concerns = || sections.into_iter().flatten().filter(|section| section.category == Category::Concern);
    if kind == Some(ReferralKind::ChildConcern) && sections.is_some() {
        let child = |section: &NewSection| section.persons.iter().any(|name| name.role == Role::Child);
        if concerns().next().is_none() {
            check.fault("sections", "must have one on the concern, which says what was assessed for this child");
        } else if !concerns().all(child) {
            check.fault("sections", "must name, in each on the concern, the child whom it is about");
        }
    }
    let words = concerns().filter_map(|concern| assessment_in(&concern.content));
    words.filter_map(|words| Some(door.assessment(agency, recipient?, &words))).collect()
}

/// Converts a list of at most so many items, each under its path.
fn listed<W, D>(check: &mut Check, field: &str, items: Vec<W>, max: usize, convert: impl Fn(&mut Check, &str, W) -> Option<D>) -> Option<Vec<D>> {
    check.count(field, items.len(), 0..=max)?;
    // Collected first, so that a fault in one item does not hide those of the next.
    let converted: Vec<Option<D>> = items.into_iter().enumerate().map(|(index, item)| convert(check, &format!("{field}[{index}]."), item)).collect();
    converted.into_iter().collect()
}

fn persons(check: &mut Check, persons: &[v1::Person], door: &Door, agency: &AgencyId) -> Option<Vec<NewPerson>> {
    check.count("persons", persons.len(), 0..=PERSONS_MAX)?;
    let mut seen = BTreeSet::new();
    let mut converted = Vec::new();
    for (index, person) in persons.iter().enumerate() {
        let name = check.person(format_args!("persons[{index}].name"), &person.name);
        if name.is_some_and(|name| !seen.insert(name)) {
            check.twice(format_args!("persons[{index}].name"));
        }
        let lookup = lookup(check, &format!("persons[{index}].identifier"), person.identifier.as_ref(), (door, agency));
        let protection = check.optional_code(format_args!("persons[{index}].protected_identity"), person.protected_identity);
        converted.push((|| {
            let protected_identity = protection?.unwrap_or(ProtectedIdentity::Unknown);
            Some(NewPerson { name: name?, lookup: lookup?, protected_identity })
        })());
    }
    converted.into_iter().collect()
}

/// The keyed hash of an identifier, where there is one.
pub(super) fn lookup(check: &mut Check, field: &str, identifier: Option<&v1::Identifier>, at: (&Door, &AgencyId)) -> Option<Option<LookupHash>> {
    let Some(identifier) = identifier else { return Some(None) };
    let (door, agency) = at;
    let Ok(kind) = v1::IdentifierType::try_from(identifier.r#type) else {
        check.fault(format_args!("{field}.type"), "must be set to a known code");
        return None;
    };
    match normalise(kind, &identifier.value) {
        Ok(known) => Some(Some(door.person_lookup(agency, &known))),
        Err(wrong) => {
            let part = if kind == v1::IdentifierType::Unspecified { "type" } else { "value" };
            check.fault(format_args!("{field}.{part}"), wrong);
            None
        }
    }
}

fn sender_reference(
    check: &mut Check,
    number: &str,
    of: (Option<ReferralKind>, Option<&FunctionId>, Option<&[NewPerson]>),
    at: (&Door, &AgencyId),
) -> Option<Option<LookupHash>> {
    if number.is_empty() {
        return Some(None);
    }
    check.text("sender_reference", number, 1..=SENDER_REFERENCE_BYTES_MAX, REFERENCE_SHAPE)?;
    // A number of a diary may look like anything, and a report that is refused for it would be lost.
    for finding in findings_in_label(number) {
        check.found("sender_reference", &Finding { act: Act::Warn, ..finding });
    }
    let (door, agency) = at;
    let first = of.2?.iter().find_map(|person| person.lookup);
    Some(Some(door.sender_reference(agency, (of.0?, of.1?), first, number)))
}

/// The hash under which a sender finds a referral again by its own number.
pub(super) fn named_by_sender(check: &mut Check, name: &v1::SenderReferenceName, at: (&Door, &AgencyId)) -> Option<LookupHash> {
    let kind = check.code("sender_reference.kind", name.kind);
    let recipient: Option<FunctionId> = check.slug("sender_reference.recipient", &name.recipient);
    let person = lookup(check, "sender_reference.identifier", name.identifier.as_ref(), at);
    check.text("sender_reference.sender_reference", &name.sender_reference, 1..=SENDER_REFERENCE_BYTES_MAX, REFERENCE_SHAPE)?;
    let (door, agency) = at;
    Some(door.sender_reference(agency, (kind?, &recipient?), person?, &name.sender_reference))
}

/// Sections, each with what its content tells of persons.
fn new_sections(check: &mut Check, sections: Vec<v1::Section>) -> Option<Vec<(NewSection, Told)>> {
    check.count("sections", sections.len(), 1..=SECTIONS_MAX)?;
    let mut seen = BTreeSet::new();
    let converted: Vec<Option<(NewSection, Told)>> = sections
        .into_iter()
        .enumerate()
        .map(|(index, section)| {
            let (section, told) = new_section(check, index, section)?;
            let persons: BTreeSet<PersonName> = section.persons.iter().copied().collect();
            if !seen.insert((section.category, persons)) {
                check.fault(format_args!("sections[{index}]"), "another section has the same category and persons");
            }
            Some((section, told))
        })
        .collect();
    converted.into_iter().collect()
}

fn new_section(check: &mut Check, index: usize, section: v1::Section) -> Option<(NewSection, Told)> {
    let path = format!("sections[{index}]");
    if section.number != 0 && usize::try_from(section.number) != Ok(index + 1) {
        check.fault(format_args!("{path}.number"), "must be the place in the list, from 1, or left out");
    }
    let category: Option<Category> = check.code(format_args!("{path}.category"), section.category);
    let persons = section_persons(check, &path, &section.persons);
    if section.persons.is_empty() && !section.investigation {
        check.fault(format_args!("{path}.persons"), "must name whose secrecy the section touches, unless it is the investigation's alone");
    }
    let content = content(check, &format!("{path}.content"), section.content, category);
    let (content, _, told) = content?;
    Some((NewSection { category: category?, persons: persons?, investigation: section.investigation, content }, told))
}

const IDENTIFIES_OTHERS: &str = "must tell only of the section's persons, each in the part that it is named for and nobody twice: the suspect as a suspect, also of an arrest, of custody and of a contact ban; a child as a child";
const RESIDENCE: &str = "must say nothing of the residence, unless the protected identity is said to be none; else that is a section on whereabouts";

/// What the sections tell of persons is what the submission says of them.
fn told_agrees(check: &mut Check, sections: &[(NewSection, Told)], persons: &[NewPerson]) {
    for (index, (section, told)) in sections.iter().enumerate() {
        let field = format!("sections[{index}].content");
        // Somebody whom persons lacks is the rules' to refuse.
        let held =
            |name: &PersonName| persons.iter().find(|person| person.name == *name).map_or(ProtectedIdentity::Unknown, |person| person.protected_identity);
        let about: Vec<OnRecord> = section.persons.iter().map(|name| (*name, held(name))).collect();
        if !told.is_about(&about) {
            check.fault(&field, IDENTIFIES_OTHERS);
        } else if !told.agrees_with(&about) {
            check.fault(&field, "states another protection of somebody's personal data than persons does");
        }
        // Where somebody is settled is told of nobody who has a protected identity, or may have one.
        if told.residence && about.iter().any(|(_, held)| *held != ProtectedIdentity::NotProtected) {
            check.fault(&field, RESIDENCE);
        }
    }
}

fn section_persons(check: &mut Check, path: &str, names: &[String]) -> Option<Vec<PersonName>> {
    check.count(&format!("{path}.persons"), names.len(), 0..=PERSONS_MAX)?;
    let mut seen = BTreeSet::new();
    let mut persons = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let person = check.person(format_args!("{path}.persons[{place}]"), name);
        if person.is_some_and(|person| !seen.insert(person)) {
            check.twice(format_args!("{path}.persons[{place}]"));
        }
        persons.push(person);
    }
    persons.into_iter().collect()
}

/// Content of the declared category, where one is declared, with its category and what it tells of persons.
fn content(check: &mut Check, field: &str, bytes: Bytes, declared: Option<Category>) -> Option<(Bytes, Category, Told)> {
    if bytes.len() > SECTION_BYTES_MAX {
        check.fault(field, "must be at most 262,144 bytes");
        return None;
    }
    let Some(Read { section, whole }) = read(&bytes) else {
        check.fault(field, "must be an encoded brygga.content.v1.Content with one of its arms set");
        return None;
    };
    let found = category(&section);
    if declared.is_some_and(|declared| declared != found) {
        check.fault(field, "must hold content of the declared category");
        return None;
    }
    if !whole {
        check.fault(field, NOT_WHOLE);
        return None;
    }
    let mut misplaced = false;
    for finding in findings_in(&section) {
        misplaced |= check.found(format_args!("{field}.{}", finding.field), &finding);
    }
    let misshapen = misshapen(&section);
    for (inner, wanted) in &misshapen {
        check.fault(format_args!("{field}.{inner}"), wanted);
    }
    let told = told(&section);
    if told.is_none() {
        check.fault(field, UNNAMED);
    }
    if !misplaced && misshapen.is_empty() { Some((bytes, found, told?)) } else { None }
}

const NOT_WHOLE: &str = "must hold one content and nothing that this broker does not know, written as protobuf is: it could not look at the rest";
const UNNAMED: &str = "must name whom it identifies as persons does, for example victim-1; a custodian and a party without a role need a name";

/// A draft: checked as its submission would be, but for the key and the officer, which a question does not need.
pub fn draft(mut request: v1::SubmitReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    if request.request_id.is_empty() {
        DRAFT_KEY.clone_into(&mut request.request_id);
    }
    if request.officer.is_empty() {
        DRAFT_OFFICER.clone_into(&mut request.officer);
    }
    submit_referral(request, door, agency)
}

const DRAFT_KEY: &str = "00000000-0000-4000-8000-000000000001";
const DRAFT_OFFICER: &str = "draft";

/// `AmendReferral`.
pub fn amend_referral(mut request: v1::AmendReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let sections = std::mem::take(&mut request.sections);
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    // Who is excluded may change without any content.
    let contents = amended(&mut check, sections, usize::from(request.excluded.is_none()));
    let excluded = match request.excluded.take() {
        Some(list) => exclusion::excluded(&mut check, list, &head).map(Some),
        None => Some(None),
    };
    check.asked(&head, (|| Some(Action::AmendReferral(referral?, contents?, excluded?)))())
}

fn amended(check: &mut Check, sections: Vec<v1::AmendedSection>, least: usize) -> Option<Vec<NewContent>> {
    check.count("sections", sections.len(), least..=SECTIONS_MAX)?;
    let mut converted = BTreeMap::new();
    let mut faulty = false;
    for (index, section) in sections.into_iter().enumerate() {
        if section.number == 0 {
            check.fault(format_args!("sections[{index}].number"), MISSING_NUMBER);
        }
        match content(check, &format!("sections[{index}].content"), section.content, None) {
            Some((content, category, told)) if !converted.contains_key(&section.number) => {
                converted.insert(section.number, NewContent { section: section.number, category, content, told });
            }
            Some(_) => check.twice(format_args!("sections[{index}].number")),
            None => faulty = true,
        }
    }
    (!faulty).then(|| converted.into_values().collect())
}

const MISSING_NUMBER: &str = "must be the number of a section, from 1";

/// `RetractReferral`.
pub fn retract_referral(request: v1::RetractReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let reason = check.code("reason", request.reason);
    check.asked(&head, (|| Some(Action::RetractReferral(referral?, reason?)))())
}
