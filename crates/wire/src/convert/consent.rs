//! Consents and their end.

#![expect(clippy::option_option, reason = "the outer None says that a fault is noted, the inner one that the field was left out")]

use brygga_domain::command::{Action, NewConsent};
use brygga_domain::{AgencyId, ConsentGiver};
use bytes::Bytes;

use super::check::{Check, head};
use super::{Asked, Malformed};
use crate::door::Door;
use crate::limits::INTERPRETER_REFERENCE_BYTES_MAX;
use crate::v1;

/// `RecordConsent`.
pub fn record_consent(mut request: v1::RecordConsentRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let given = request.terms.take();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let given = check.message("terms", given).and_then(|given| terms(&mut check, "terms.", given, (door, agency)));
    check.asked(&head, (|| Some(Action::RecordConsent(referral?, given?)))())
}

/// What was consented to; `path` ends in a dot.
pub(super) fn terms(check: &mut Check, path: &str, terms: v1::ConsentTerms, at: (&Door, &AgencyId)) -> Option<NewConsent> {
    let person = check.person(format_args!("{path}person"), &terms.person);
    let field = format!("{path}categories");
    let some = check.count(&field, terms.categories.len(), 1..=usize::MAX);
    let categories = check.codes(&field, &terms.categories);
    let recipient = check.slug(format_args!("{path}recipient"), &terms.recipient);
    let purpose = check.code(format_args!("{path}purpose"), terms.purpose);
    let given_at = check.time(format_args!("{path}given_at"), terms.given_at.as_ref());
    let valid_until = check.time(format_args!("{path}valid_until"), terms.valid_until.as_ref());
    if let (Some(given_at), Some(valid_until)) = (given_at, valid_until)
        && valid_until <= given_at
    {
        check.fault(format_args!("{path}valid_until"), "must be after given_at");
    }
    let form = check.code(format_args!("{path}form"), terms.form);
    let interpreter_reference = interpreter_reference(check, path, &terms);
    let language = check.language(format_args!("{path}language"), terms.language);
    let gdpr_basis = check.code(format_args!("{path}gdpr_basis"), terms.gdpr_basis);
    let given_by = check.optional_code(format_args!("{path}given_by"), terms.given_by);
    let asked_by = check.asking_officer(format_args!("{path}asked_by"), &terms.asked_by, at);
    some?;
    Some(NewConsent {
        person: person?,
        categories: categories?,
        recipient: recipient?,
        purpose: purpose?,
        given_at: given_at?,
        valid_until: valid_until?,
        form: form?,
        language: language?,
        interpreter: terms.interpreter,
        gdpr_basis: gdpr_basis?,
        given_by: given_by?.unwrap_or(ConsentGiver::Person),
        asked_by: asked_by?,
        interpreter_reference: interpreter_reference?,
    })
}

fn interpreter_reference(check: &mut Check, path: &str, terms: &v1::ConsentTerms) -> Option<Option<Bytes>> {
    let (field, text) = (format!("{path}interpreter_reference"), &terms.interpreter_reference);
    if text.is_empty() {
        return Some(None);
    }
    if !terms.interpreter {
        check.fault(field, "stands without interpreter");
        return None;
    }
    check.label(field, text, 1..=INTERPRETER_REFERENCE_BYTES_MAX, "must be 1 to 64 bytes of printable text")?;
    Some(Some(Bytes::copy_from_slice(text.as_bytes())))
}

/// `WithdrawConsent`.
pub fn withdraw_consent(request: v1::WithdrawConsentRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let consent = check.uuid("consent_id", &request.consent_id);
    check.asked(&head, (|| Some(Action::WithdrawConsent(referral?, consent?)))())
}
