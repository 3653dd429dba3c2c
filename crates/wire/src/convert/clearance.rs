//! Decisions about cells.

use std::collections::BTreeSet;

use brygga_domain::command::{Action, NamedCell, NewCell, NewDecision, NewEmergency, NewOutcome, NewReview, Template};
use brygga_domain::grounds::{Answers, OffenceCode};
use brygga_domain::{AgencyId, Digest, Position};
use bytes::Bytes;

use super::check::{Check, head};
use super::{Asked, Malformed};
use crate::door::Door;
use crate::limits::{CELLS_MAX, EMERGENCY_HOURS_MAX, REASONS_BYTES_MAX, SUBJECT_AGE_YEARS_MAX, TEMPLATE_BYTES_MAX};
use crate::v1;
use crate::view::INVESTIGATION;

/// `DecideClearance`.
pub fn decide_clearance(mut request: v1::DecideClearanceRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let decided = request.decision.take();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let decided = check.message("decision", decided).and_then(|decided| decision(&mut check, "decision.", decided));
    check.asked(&head, (|| Some(Action::DecideClearance(referral?, decided?)))())
}

/// Decisions of one act; `path` ends in a dot.
pub(super) fn decision(check: &mut Check, path: &str, decision: v1::Decision) -> Option<NewDecision> {
    let cells = cells(check, &format!("{path}cells"), decision.cells, decided_cell, |cell| cell.cell);
    let answers = answers(check, &format!("{path}answers"), decision.answers.unwrap_or_default());
    let reasons = reasons(check, &format!("{path}reasons"), decision.reasons);
    let standing_until = check.optional_time(format_args!("{path}standing_until"), decision.standing_until.as_ref());
    let template = match decision.template {
        None => Some(None),
        Some(marked) => template(check, &format!("{path}template"), marked).map(Some),
    };
    Some(NewDecision { cells: cells?, answers: answers?, reasons: reasons?, standing_until: standing_until?, template: template? })
}

fn template(check: &mut Check, path: &str, marked: v1::Template) -> Option<Template> {
    let name = check.label(format_args!("{path}.name"), &marked.name, 1..=TEMPLATE_BYTES_MAX, "must be text of 1 to 64 bytes");
    let digest = Digest::from_bytes(&marked.digest).ok();
    if digest.is_none() {
        check.fault(format_args!("{path}.digest"), "must be the 32 bytes of SHA-256");
    }
    name?;
    Some(Template { name: marked.name, digest: digest? })
}

fn reasons(check: &mut Check, field: &str, text: String) -> Option<Bytes> {
    check.text(field, &text, 1..=REASONS_BYTES_MAX, "must be text of 1 to 8,192 bytes").map(|()| Bytes::from(text))
}

/// Converts cells, of which there must be at least one and each once.
fn cells<W, D>(
    check: &mut Check,
    field: &str,
    items: Vec<W>,
    convert: impl Fn(&mut Check, &str, W) -> Option<D>,
    name: impl Fn(&D) -> NamedCell,
) -> Option<Vec<D>> {
    check.count(field, items.len(), 1..=CELLS_MAX)?;
    let mut seen = BTreeSet::new();
    let mut converted = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let cell = convert(check, &format!("{field}[{index}]"), item);
        if cell.as_ref().is_some_and(|cell| !seen.insert(name(cell))) {
            check.twice(format_args!("{field}[{index}]"));
        }
        converted.push(cell);
    }
    converted.into_iter().collect()
}

fn decided_cell(check: &mut Check, path: &str, decided: v1::CellDecision) -> Option<NewCell> {
    use v1::cell_decision::Outcome as Wire;
    let cell = named(check, &format!("{path}.cell"), decided.cell);
    let outcome = match decided.outcome {
        None => check.message(format_args!("{path}.outcome"), None),
        Some(Wire::Release(release)) => {
            let ground = release.ground.parse().ok();
            if ground.is_none() {
                check.fault(format_args!("{path}.release.ground"), "must be 2 to 48 upper-case letters, digits and '_'");
            }
            let consent = check.optional_uuid(format_args!("{path}.release.consent_id"), &release.consent_id);
            ground.zip(consent).map(|(ground, consent)| NewOutcome::Release { ground, consent, revision: release.revision.max(1) })
        }
        Some(Wire::Withhold(withhold)) => {
            let reason = check.code(format_args!("{path}.withhold.reason"), withhold.reason);
            reason.map(|reason| NewOutcome::Withhold { reason, nameable: withhold.nameable })
        }
    };
    Some(NewCell { cell: cell?, outcome: outcome? })
}

fn named(check: &mut Check, path: &str, cell: Option<v1::Cell>) -> Option<NamedCell> {
    let cell = check.message(path, cell)?;
    if cell.section == 0 {
        check.fault(format_args!("{path}.section"), "must be the number of a section, from 1");
    }
    let person = if cell.interest == INVESTIGATION { None } else { Some(check.person(format_args!("{path}.interest"), &cell.interest)?) };
    Some(NamedCell { section: cell.section, person })
}

/// What an officer says, in the field of that path.
fn answers(check: &mut Check, path: &str, answers: v1::Answers) -> Option<Answers> {
    let asserted = check.codes(&format!("{path}.asserted"), &answers.asserted);
    let denied = check.codes(&format!("{path}.denied"), &answers.denied);
    // Each list may be as long as a message lets it, so that neither is gone through for every entry of the other.
    let said: BTreeSet<i32> = answers.asserted.iter().copied().collect();
    if let Some(index) = answers.denied.iter().position(|fact| said.contains(fact)) {
        check.fault(format_args!("{path}.denied[{index}]"), "stands among what is asserted, too");
        return None;
    }
    let offence: Option<Option<OffenceCode>> = match answers.offence.as_str() {
        "" => Some(None),
        name => name.parse().ok().map(Some),
    };
    if offence.is_none() {
        check.fault(format_args!("{path}.offence"), "must be 2 to 48 upper-case letters, digits and '_'");
    }
    let offence_on = check.optional_day(format_args!("{path}.offence_on"), &answers.offence_on);
    let purpose = check.optional_code(format_args!("{path}.purpose"), answers.purpose);
    let mut age = |field: &str, years: Option<u32>| {
        if years.is_some_and(|years| years > SUBJECT_AGE_YEARS_MAX) {
            check.fault(format_args!("{path}.{field}"), "must be at most 130 years");
            return None;
        }
        Some(years.and_then(|years| u8::try_from(years).ok()))
    };
    let ages =
        [("subject_age_years", answers.subject_age_years), ("victim_age_years", answers.victim_age_years), ("suspect_age_years", answers.suspect_age_years)];
    let [subject_age, victim_age, suspect_age] = ages.map(|(field, years)| age(field, years));
    Some(Answers {
        asserted: asserted?.into_iter().collect(),
        denied: denied?.into_iter().collect(),
        offence: offence?,
        offence_on: offence_on?,
        attempted: answers.attempted,
        purpose: purpose?,
        subject_age_years: subject_age?,
        victim_age_years: victim_age?,
        suspect_age_years: suspect_age?,
    })
}

/// What a question about a referral takes for known.
pub fn known(answers: Option<v1::Answers>) -> Result<Answers, Malformed> {
    let mut check = Check::default();
    let known = self::answers(&mut check, "known", answers.unwrap_or_default());
    check.finish(known)
}

/// `ConfirmClearance`.
pub fn confirm_clearance(mut request: v1::ConfirmClearanceRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let (decided, owed) = (request.decision.take(), request.owed.take());
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let revision = owed.as_ref().map(|owed| owed.revision);
    if owed.is_some() && decided.is_some() {
        check.fault("owed", "stands beside decision; give one of the two");
    }
    if revision == Some(0) {
        check.fault("owed.revision", "must be a revision, from 1");
    }
    let (field, decided) = owed.map_or(("decision", decided), |owed| ("owed.decision", owed.decision));
    let decided = check.message(field, decided).and_then(|decided| decision(&mut check, &format!("{field}."), decided));
    check.asked(&head, (|| Some(Action::ConfirmClearance(referral?, decided?, revision)))())
}

/// `RevokeClearance`.
pub fn revoke_clearance(mut request: v1::RevokeClearanceRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let revoked = std::mem::take(&mut request.cells);
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let revoked = cells(&mut check, "cells", revoked, |check, path, cell| named(check, path, Some(cell)), |cell| *cell);
    check.asked(&head, (|| Some(Action::RevokeClearance(referral?, revoked?)))())
}

/// `DeclareEmergency`.
pub fn declare_emergency(mut request: v1::DeclareEmergencyRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let documented = std::mem::take(&mut request.reasons);
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let reasons = reasons(&mut check, "reasons", documented);
    let telephoned_at = check.optional_time("telephoned_at", request.telephoned_at.as_ref());
    if request.hours > EMERGENCY_HOURS_MAX {
        check.fault("hours", "must be at most 168");
    }
    let emergency = (|| Some(NewEmergency { hours: request.hours, telephoned_at: telephoned_at?, reasons: reasons? }))();
    check.asked(&head, (|| Some(Action::DeclareEmergency(referral?, emergency?)))())
}

/// `ReviewEmergency`.
pub fn review_emergency(mut request: v1::ReviewEmergencyRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let documented = std::mem::take(&mut request.reasons);
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let verdict = check.code("verdict", request.verdict);
    let reasons = reasons(&mut check, "reasons", documented);
    let review = (|| Some(NewReview { emergency: Position(request.emergency), verdict: verdict?, reasons: reasons? }))();
    check.asked(&head, (|| Some(Action::ReviewEmergency(referral?, review?)))())
}
