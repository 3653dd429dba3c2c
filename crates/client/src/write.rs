//! What the receipt of each write must prove: that this agency did what it asked for, to the referral that it named.
//!
//! Pure. Opening has a module of its own, for there content is handed on.

use std::collections::BTreeSet;
use std::sync::Arc;

use brygga_domain::event::{CellName, Confirmation, DecidedCell, Outcome};
use brygga_domain::grounds::{GroundTable, SHIPPED, TableError};
use brygga_domain::{AgencyId, Code, ConsentId, DestructionCause, Event, Fact, FunctionId, Position, ReferralId, ReferralName};
use brygga_merkle::{Hash, leaf_hash};
use brygga_wire::contract::WriteRequest;
use brygga_wire::v1;
use brygga_wire::view::INVESTIGATION;
use bytes::Bytes;

use crate::refused::Refused;
use crate::release;
use crate::verify::{self, Verified};

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The agency.
    pub agency: AgencyId,
    /// Its functions; none: not known here.
    pub functions: Vec<FunctionId>,
    /// The ground table that ships with this program: it knows which grounds rest on a consent.
    pub table: Arc<GroundTable>,
}

impl Caller {
    /// Who asks, with the ground table that ships.
    pub fn new(agency: AgencyId, functions: Vec<FunctionId>) -> Result<Self, TableError> {
        Ok(Self { agency, functions, table: Arc::new(GroundTable::load(SHIPPED)?) })
    }
}

/// The fields that every write has.
#[derive(Debug)]
pub struct Head<'a> {
    /// The key.
    pub request_id: &'a mut String,
    /// The officer.
    pub officer: &'a mut String,
    /// The pinned size.
    pub pinned_size: &'a mut u64,
}

/// A write that the client can send and whose answer it can check.
pub trait Write: WriteRequest<Response: Clone + 'static> + 'static {
    /// The fields that every write has.
    fn head_mut(&mut self) -> Head<'_>;

    /// Checks that the answer and what its receipt proves are what was asked for.
    fn check(&self, response: &Self::Response, proof: &Verified, caller: &Caller) -> Result<(), Refused>;
}

macro_rules! writes {
    ($($request:ident => $check:path;)*) => {$(
        impl Write for v1::$request {
            fn head_mut(&mut self) -> Head<'_> {
                Head { request_id: &mut self.request_id, officer: &mut self.officer, pinned_size: &mut self.pinned_size }
            }

            fn check(&self, response: &Self::Response, proof: &Verified, caller: &Caller) -> Result<(), Refused> {
                $check(self, response, (proof, caller))
            }
        }
    )*};
}

writes! {
    RecordOfferRequest => offer;
    SubmitReferralRequest => submit;
    AmendReferralRequest => amend;
    RetractReferralRequest => retract;
    RecordConsentRequest => consent;
    WithdrawConsentRequest => withdraw;
    DecideClearanceRequest => decide;
    ConfirmClearanceRequest => confirm;
    RevokeClearanceRequest => revoke;
    DeclareEmergencyRequest => emergency;
    ReviewEmergencyRequest => review;
    ClaimReferralRequest => claim;
    OpenReferralRequest => release::check;
    AcknowledgeDeliveryRequest => delivery;
    ConfirmImportRequest => import;
    AcceptReferralRequest => accept;
    DeclineReferralRequest => decline;
    ReturnReferralRequest => send_back;
    RecordContactRequest => contact;
    CloseReferralRequest => close;
    AcknowledgeStopUseRequest => stop_use;
    AcknowledgeRecallRequest => recall;
    SearchEntriesRequest => search;
    GetEntryRequest => entry;
}

/// What was proved, and to whom.
pub(crate) type Given<'a> = (&'a Verified, &'a Caller);
type Checked = Result<(), Refused>;

fn same(equal: bool, what: &'static str) -> Checked {
    if equal { Ok(()) } else { Err(Refused::EventDiffers { what }) }
}

/// The first event of this name that our agency caused.
fn own<'a>((proof, caller): Given<'a>, wanted: &'static str) -> Result<&'a Event, Refused> {
    own_all((proof, caller), wanted).next().ok_or(Refused::EventMissing { wanted })
}

fn own_all<'a>((proof, caller): Given<'a>, wanted: &'static str) -> impl Iterator<Item = &'a Event> {
    proof.events().values().filter(move |event| event.agency == caller.agency && event.fact.name() == wanted)
}

/// The referral that an answer is about, if it is the one that was asked for. A reference is as the answer says it.
pub(crate) fn asked(name: &str, id: &str, reference: &str) -> Result<ReferralId, Refused> {
    let found: ReferralId = id.parse().map_err(|_| Refused::NotAsked)?;
    let fits = match name.parse::<ReferralName>() {
        Ok(ReferralName::Id(wanted)) => wanted == found,
        Ok(ReferralName::Reference(wanted)) => reference.parse() == Ok(wanted),
        Err(_) => false,
    };
    if fits { Ok(found) } else { Err(Refused::NotAsked) }
}

/// Every event of the receipt that is about a referral is about this one.
pub(crate) fn all_of(proof: &Verified, referral: ReferralId) -> Checked {
    let other = proof.events().iter().find(|(_, event)| event.fact.referral().is_some_and(|found| found != referral));
    other.map_or(Ok(()), |(position, _)| Err(Refused::OtherReferral { position: *position }))
}

/// What three views of a referral have in common.
trait Named {
    fn named(&self) -> (&str, &str);
}

macro_rules! named {
    ($($view:ident)*) => {$(
        impl Named for v1::$view {
            fn named(&self) -> (&str, &str) {
                (&self.id, &self.reference)
            }
        }
    )*};
}

named! { SenderReferral ClearanceReferral Envelope }

/// The event of this name about the referral that was asked for, caused by our agency.
fn about<'a>(name: &str, view: Option<&impl Named>, wanted: &'static str, given: Given<'a>) -> Result<&'a Fact, Refused> {
    let (id, reference) = view.ok_or(Refused::NotAsked)?.named();
    all_of(given.0, asked(name, id, reference)?)?;
    own(given, wanted).map(|event| &event.fact)
}

fn offer(request: &v1::RecordOfferRequest, response: &v1::RecordOfferResponse, given: Given<'_>) -> Checked {
    let Fact::OfferRecorded(recorded) = &own(given, "OfferRecorded")?.fact else { return Ok(()) };
    same(recorded.id.to_string() == response.offer_id, "the offer's id")?;
    same(request.offer.as_ref().is_some_and(|offer| offer.interpreter == recorded.interpreter), "the offer")
}

fn submit(request: &v1::SubmitReferralRequest, response: &v1::SubmitReferralResponse, given: Given<'_>) -> Checked {
    let view = response.referral.as_ref().ok_or(Refused::NotAsked)?;
    let Fact::ReferralSubmitted(submitted) = &own(given, "ReferralSubmitted")?.fact else { return Ok(()) };
    all_of(given.0, submitted.referral)?;
    same(view.id == submitted.referral.to_string() && view.reference == submitted.reference.to_string(), "the referral's id")?;
    same(submitted.recipient.as_str() == request.recipient, "the recipient")?;
    same(submitted.kind.number() == request.kind, "the kind")?;
    let mut logged: Vec<_> = submitted.sections.iter().map(|section| (section.category.number(), section.persons.len(), section.investigation)).collect();
    let mut sent: Vec<_> = request.sections.iter().map(|section| (section.category, section.persons.len(), section.investigation)).collect();
    logged.sort_unstable();
    sent.sort_unstable();
    same(logged == sent, "the sections")?;
    // What is passed on keeps whom the first referral excludes, of which its holder is told nothing.
    let excluding = request.excluded.as_ref().is_some_and(|list| !list.exclusions.is_empty());
    let inherits = !request.forwarded_from.is_empty() && !excluding;
    same(inherits || submitted.excluded.is_some() == excluding, "who is excluded")?;
    same(own_all(given, "OfferRecorded").count() == usize::from(request.offer.is_some()), "the offer")?;
    same(own_all(given, "ConsentRecorded").count() == request.consents.len(), "the consents")?;
    same(own_decided(given).count() == request.decisions.iter().map(|decision| decision.cells.len()).sum::<usize>(), "the decisions")
}

/// Every cell that our agency decided; one act makes an event for what may leave and another for what stays.
fn own_decided(given: Given<'_>) -> impl Iterator<Item = &DecidedCell> {
    own_all(given, "ClearanceDecided").flat_map(|event| if let Fact::ClearanceDecided(decision) = &event.fact { decision.cells.as_slice() } else { &[] })
}

/// Every word of our agency's second officer, on what may leave and on what stays.
fn own_words(given: Given<'_>) -> impl Iterator<Item = &Confirmation> {
    own_all(given, "ClearanceConfirmed").flat_map(|event| if let Fact::ClearanceConfirmed(second) = &event.fact { second.cells.as_slice() } else { &[] })
}

fn amend(request: &v1::AmendReferralRequest, response: &v1::AmendReferralResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.referral.as_ref(), "ReferralAmended", given)?;
    let Fact::ReferralAmended { sections, excluded, .. } = fact else { return Ok(()) };
    same(excluded.is_some() == request.excluded.is_some(), "who is excluded")?;
    let logged: BTreeSet<u32> = sections.iter().map(|content| content.section).collect();
    same(logged == request.sections.iter().map(|section| section.number).collect(), "the sections")
}

fn retract(request: &v1::RetractReferralRequest, response: &v1::RetractReferralResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.referral.as_ref(), "ReferralRetracted", given)?;
    let Fact::ReferralRetracted { reason, .. } = fact else { return Ok(()) };
    same(reason.number() == request.reason, "the reason")
}

/// The referral of a consent: a reference is not repeated there, an id is.
fn of_consent<'a>(name: &str, consent: Option<&'a v1::Consent>, given: Given<'_>) -> Result<&'a v1::Consent, Refused> {
    let consent = consent.ok_or(Refused::NotAsked)?;
    let found: ReferralId = consent.referral.parse().map_err(|_| Refused::NotAsked)?;
    if name.parse::<ReferralId>().is_ok_and(|wanted| wanted != found) {
        return Err(Refused::NotAsked);
    }
    all_of(given.0, found)?;
    Ok(consent)
}

fn consent(request: &v1::RecordConsentRequest, response: &v1::RecordConsentResponse, given: Given<'_>) -> Checked {
    let view = of_consent(&request.referral, response.consent.as_ref(), given)?;
    let Fact::ConsentRecorded(recorded) = &own(given, "ConsentRecorded")?.fact else { return Ok(()) };
    let terms = request.terms.as_ref().ok_or(Refused::NotAsked)?;
    same(recorded.consent.to_string() == view.id, "the consent's id")?;
    same(recorded.recipient.as_str() == terms.recipient, "the recipient")?;
    let logged: BTreeSet<i32> = recorded.categories.iter().map(|category| category.number()).collect();
    same(logged == terms.categories.iter().copied().collect(), "the categories")?;
    same(terms.valid_until.as_ref().and_then(micros) == Some(recorded.valid_until.micros()), "until when it holds")
}

fn micros(time: &prost_types::Timestamp) -> Option<i64> {
    time.seconds.checked_mul(1_000_000)?.checked_add(i64::from(time.nanos) / 1_000)
}

fn withdraw(request: &v1::WithdrawConsentRequest, response: &v1::WithdrawConsentResponse, given: Given<'_>) -> Checked {
    of_consent(&request.referral, response.consent.as_ref(), given)?;
    let Fact::ConsentWithdrawn { consent, .. } = &own(given, "ConsentWithdrawn")?.fact else { return Ok(()) };
    same(request.consent_id.parse::<ConsentId>() == Ok(*consent), "the consent")
}

/// A decision as far as the log and the command can be compared: persons have other names there.
fn logged_outcome(cell: CellName, outcome: &Outcome) -> (u32, bool, String) {
    let (is_investigation, section) = (is_investigation(cell), cell.section);
    match outcome {
        Outcome::Release { ground, .. } => (section, is_investigation, ground.to_string()),
        Outcome::Withhold { reason, nameable } => (section, is_investigation, format!("{} {nameable}", reason.number())),
    }
}

fn asked_outcome(cell: &v1::CellDecision) -> (u32, bool, String) {
    let (section, interest) = cell.cell.as_ref().map_or((0, ""), |cell| (cell.section, cell.interest.as_str()));
    let outcome = match &cell.outcome {
        Some(v1::cell_decision::Outcome::Release(release)) => release.ground.clone(),
        Some(v1::cell_decision::Outcome::Withhold(withhold)) => format!("{} {}", withhold.reason, withhold.nameable),
        None => String::new(),
    };
    (section, interest == INVESTIGATION, outcome)
}

fn decide(request: &v1::DecideClearanceRequest, response: &v1::DecideClearanceResponse, given: Given<'_>) -> Checked {
    about(&request.referral, response.referral.as_ref(), "ClearanceDecided", given)?;
    let mut logged: Vec<_> = own_decided(given).map(|decided| logged_outcome(decided.cell, &decided.outcome)).collect();
    let mut sent: Vec<_> = request.decision.iter().flat_map(|decision| &decision.cells).map(asked_outcome).collect();
    logged.sort_unstable();
    sent.sort_unstable();
    same(logged == sent, "the cells")?;
    let until = request.decision.as_ref().and_then(|decision| decision.standing_until.as_ref()).and_then(micros);
    let stands = |decided: &DecidedCell| decided.outcome.is_withheld() || decided.standing_until.map(brygga_domain::Time::micros) == until;
    same(own_decided(given).all(stands), "until when it stands")
}

fn confirm(request: &v1::ConfirmClearanceRequest, response: &v1::ConfirmClearanceResponse, given: Given<'_>) -> Checked {
    about(&request.referral, response.referral.as_ref(), "ClearanceConfirmed", given)?;
    let mut logged: Vec<_> = own_words(given).map(|word| logged_outcome(word.cell, &word.outcome)).collect();
    let decision = request.decision.as_ref().or_else(|| request.owed.as_ref()?.decision.as_ref());
    let mut sent: Vec<_> = decision.iter().flat_map(|decision| &decision.cells).map(asked_outcome).collect();
    logged.sort_unstable();
    sent.sort_unstable();
    same(logged == sent, "the cells")
}

fn is_investigation(cell: CellName) -> bool {
    cell.interest == brygga_domain::event::Interest::Investigation
}

fn revoke(request: &v1::RevokeClearanceRequest, response: &v1::RevokeClearanceResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.referral.as_ref(), "ClearanceRevoked", given)?;
    let Fact::ClearanceRevoked { cells, .. } = fact else { return Ok(()) };
    let logged: BTreeSet<_> = cells.iter().map(|cell| (cell.section, is_investigation(*cell))).collect();
    let sent: BTreeSet<_> = request.cells.iter().map(|cell| (cell.section, cell.interest == INVESTIGATION)).collect();
    same(logged == sent, "the cells")
}

fn emergency(request: &v1::DeclareEmergencyRequest, response: &v1::DeclareEmergencyResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.referral.as_ref(), "EmergencyDeclared", given)?;
    let Fact::EmergencyDeclared(declared) = fact else { return Ok(()) };
    let declared_at = own(given, "EmergencyDeclared")?.time;
    same(declared_at.plus_minutes(request.hours.saturating_mul(60)) == declared.expires_at, "until when it holds")?;
    same(request.telephoned_at.as_ref().and_then(micros) == declared.telephoned_at.map(brygga_domain::Time::micros), "the telephone")
}

fn review(request: &v1::ReviewEmergencyRequest, response: &v1::ReviewEmergencyResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.referral.as_ref(), "EmergencyReviewed", given)?;
    let Fact::EmergencyReviewed(review) = fact else { return Ok(()) };
    same(review.emergency == Position(request.emergency) && review.verdict.number() == request.verdict, "the review")
}

fn claim(request: &v1::ClaimReferralRequest, response: &v1::ClaimReferralResponse, given: Given<'_>) -> Checked {
    about(&request.referral, response.envelope.as_ref(), "ReferralClaimed", given).map(|_| ())
}

fn delivery(request: &v1::AcknowledgeDeliveryRequest, response: &v1::AcknowledgeDeliveryResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.envelope.as_ref(), "DeliveryAcknowledged", given)?;
    let Fact::DeliveryAcknowledged { release, .. } = fact else { return Ok(()) };
    same(*release == Position(request.release), "the release")
}

fn import(request: &v1::ConfirmImportRequest, response: &v1::ConfirmImportResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.envelope.as_ref(), "ContentDestroyed", given)?;
    let Fact::ContentDestroyed(destruction) = fact else { return Ok(()) };
    same(destruction.cause == DestructionCause::ImportConfirmed, "the cause")
}

fn accept(request: &v1::AcceptReferralRequest, response: &v1::AcceptReferralResponse, given: Given<'_>) -> Checked {
    about(&request.referral, response.envelope.as_ref(), "ReferralAccepted", given).map(|_| ())
}

fn decline(request: &v1::DeclineReferralRequest, response: &v1::DeclineReferralResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.envelope.as_ref(), "ReferralDeclined", given)?;
    let Fact::ReferralDeclined { reason, duplicate_of, .. } = fact else { return Ok(()) };
    same(reason.number() == request.reason && duplicate_of.is_some() != request.duplicate_of.is_empty(), "the reason")
}

fn send_back(request: &v1::ReturnReferralRequest, response: &v1::ReturnReferralResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.envelope.as_ref(), "ReferralReturned", given)?;
    let Fact::ReferralReturned { reason, right_function, .. } = fact else { return Ok(()) };
    let named = right_function.as_ref().map(ToString::to_string).unwrap_or_default();
    same(reason.number() == request.reason && named == request.right_function, "the reason")
}

fn contact(request: &v1::RecordContactRequest, response: &v1::RecordContactResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.envelope.as_ref(), "ContactRecorded", given)?;
    let Fact::ContactRecorded(recorded) = fact else { return Ok(()) };
    same(request.contact.as_ref().is_some_and(|contact| contact.outcome == recorded.outcome.number()), "the outcome")
}

fn close(request: &v1::CloseReferralRequest, response: &v1::CloseReferralResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.envelope.as_ref(), "ReferralClosed", given)?;
    let Fact::ReferralClosed(closed) = fact else { return Ok(()) };
    same(request.closing.as_ref().is_some_and(|closing| closing.outcome == closed.outcome.number()), "the outcome")
}

fn stop_use(request: &v1::AcknowledgeStopUseRequest, response: &v1::AcknowledgeStopUseResponse, given: Given<'_>) -> Checked {
    let fact = about(&request.referral, response.envelope.as_ref(), "StopUseAnswered", given)?;
    let Fact::StopUseAnswered { notice, answer, .. } = fact else { return Ok(()) };
    same(*notice == Position(request.notice) && answer.number() == request.answer, "the answer")
}

fn recall(request: &v1::AcknowledgeRecallRequest, response: &v1::AcknowledgeRecallResponse, given: Given<'_>) -> Checked {
    about(&request.referral, response.envelope.as_ref(), "RecallAcknowledged", given).map(|_| ())
}

fn search(_request: &v1::SearchEntriesRequest, response: &v1::SearchEntriesResponse, given: Given<'_>) -> Checked {
    own(given, "LogQueried")?;
    response.entries.iter().try_for_each(|entry| hashes_as_said(entry).map(|_| ()))
}

fn entry(request: &v1::GetEntryRequest, response: &v1::GetEntryResponse, given: Given<'_>) -> Checked {
    own(given, "LogQueried")?;
    let entry = response.entry.as_ref().ok_or(Refused::NotAsked)?;
    if entry.position != request.position {
        return Err(Refused::NotAsked);
    }
    verify::included(Position(entry.position), &hashes_as_said(entry)?, &response.proof, given.0.checkpoint())
}

/// The leaf hash of an entry, after its bytes were held against it. Bytes outside a reader's mandate are not there.
pub fn hashes_as_said(entry: &v1::LogEntry) -> Result<Hash, Refused> {
    let differs = Refused::EntryDiffers { position: Position(entry.position) };
    let said = Hash::from_slice(&entry.leaf_hash).map_err(|_| Refused::HashLength)?;
    let fits = |leaf: &Bytes| leaf.is_empty() || leaf_hash(leaf) == said;
    if fits(&entry.leaf) { Ok(said) } else { Err(differs) }
}

#[cfg(test)]
mod tests {
    use brygga_domain::{DeclineReason, StopUseAnswer};
    use uuid::Uuid;

    use super::*;
    use crate::fixture::{Log, event};

    fn referral(number: u128) -> ReferralId {
        ReferralId(Uuid::from_u128(number))
    }

    /// What is proved by a log with this one event about a referral.
    fn proof(agency: &str, fact: Fact) -> Verified {
        let mut log = Log::of_size(7, 3);
        let position = log.push(&event(agency, 1, 9, fact));
        verify::receipt(Some(&log.receipt(&[position], log.size())), &log.key()).unwrap()
    }

    fn envelope() -> v1::Envelope {
        v1::Envelope { id: referral(1).to_string(), ..Default::default() }
    }

    fn checked<W: Write>(request: &W, response: &W::Response, proof: &Verified) -> &'static str {
        let caller = Caller::new("solna-soc".parse().unwrap(), Vec::new()).unwrap();
        request.check(response, proof, &caller).err().map_or("accepted", |refused| refused.name())
    }

    #[test]
    fn an_answer_is_accepted_for_our_own_act_on_the_asked_referral_only() {
        let request = v1::AcceptReferralRequest { referral: referral(1).to_string(), ..Default::default() };
        let response = v1::AcceptReferralResponse { envelope: Some(envelope()), ..Default::default() };
        let accepted = |number| Fact::ReferralAccepted { referral: referral(number) };
        let claimed = Fact::ReferralClaimed { referral: referral(1), takeover: false };
        assert_eq!(checked(&request, &response, &proof("solna-soc", accepted(1))), "accepted");
        assert_eq!(checked(&request, &response, &proof("ekero-soc", accepted(1))), "EVENT_MISSING");
        assert_eq!(checked(&request, &response, &proof("solna-soc", accepted(2))), "OTHER_REFERRAL");
        assert_eq!(checked(&request, &response, &proof("solna-soc", claimed)), "EVENT_MISSING");
        assert_eq!(checked(&request, &v1::AcceptReferralResponse::default(), &proof("solna-soc", accepted(1))), "NOT_WHAT_WAS_ASKED");
    }

    #[test]
    fn what_the_log_says_is_what_was_asked_for() {
        let referral_name = referral(1).to_string();
        let decline = v1::DeclineReferralRequest { referral: referral_name.clone(), reason: DeclineReason::NoCapacity.number(), ..Default::default() };
        let declined = v1::DeclineReferralResponse { envelope: Some(envelope()), ..Default::default() };
        let logged = |reason| proof("solna-soc", Fact::ReferralDeclined { referral: referral(1), reason, duplicate_of: None });
        assert_eq!(checked(&decline, &declined, &logged(DeclineReason::NoCapacity)), "accepted");
        assert_eq!(checked(&decline, &declined, &logged(DeclineReason::ConflictOfInterest)), "EVENT_DIFFERS");
        let stop = v1::AcknowledgeStopUseRequest { referral: referral_name, notice: 2, answer: StopUseAnswer::Stopped.number(), ..Default::default() };
        let stopped = v1::AcknowledgeStopUseResponse { envelope: Some(envelope()), ..Default::default() };
        let logged = |notice, answer| proof("solna-soc", Fact::StopUseAnswered { referral: referral(1), notice: Position(notice), answer });
        assert_eq!(checked(&stop, &stopped, &logged(2, StopUseAnswer::Stopped)), "accepted");
        assert_eq!(checked(&stop, &stopped, &logged(1, StopUseAnswer::Stopped)), "EVENT_DIFFERS");
        assert_eq!(checked(&stop, &stopped, &logged(2, StopUseAnswer::NotYetUsed)), "EVENT_DIFFERS");
    }

    #[test]
    fn an_entry_hashes_to_what_is_said_of_it() {
        let entry = |leaf: &'static [u8], hashed: &[u8]| v1::LogEntry {
            leaf: Bytes::from_static(leaf),
            leaf_hash: Bytes::copy_from_slice(&leaf_hash(hashed).0),
            ..Default::default()
        };
        assert!(hashes_as_said(&entry(b"event", b"event")).is_ok());
        assert!(hashes_as_said(&entry(b"", b"outside the mandate")).is_ok());
        assert_eq!(hashes_as_said(&entry(b"event", b"other")).unwrap_err().name(), "ENTRY_DIFFERS");
    }
}
