//! Replays the log: order, identity, the directory, and every referral through the rules.

use std::collections::{BTreeMap, HashMap, HashSet};

use brygga_domain::event::{OfferResult, Submitted};
use brygga_domain::referral::{Stage, evolve};
use brygga_domain::{
    AgencyId, AgencyKind, ClockName, DeclineReason, Event, EventId, Fact, FunctionId, OfferAnswer, OfferId, OfficerPseudonym, Position, Referral, ReferralId,
    ReferralKind, StopUseAnswer, Time,
};

use crate::book::Book;
use crate::clocks;
use crate::content;
use crate::emergency::Reviews;
use crate::facts;
use crate::finding::{Code, Findings};
use crate::law::Law;
use crate::release::Moment;
use crate::steps;

/// The log as far as it was read.
#[derive(Debug)]
pub(crate) struct Replay {
    law: Law,
    origin: String,
    pub(crate) findings: Findings,
    pub(crate) releases: u64,
    /// The broker's own name, as the first event gives it.
    broker: Option<AgencyId>,
    last_time: Option<Time>,
    seen: HashSet<EventId>,
    agencies: HashMap<AgencyId, AgencyKind>,
    hosts: HashMap<FunctionId, AgencyId>,
    offers: HashMap<OfferId, (AgencyId, OfferResult)>,
    referrals: HashMap<ReferralId, (Referral, Book)>,
    /// Withdrawals whose holders must be told next, by their positions.
    owed: BTreeMap<Position, Owed>,
    /// Disclosures of names that were announced, and did not follow yet.
    announced: BTreeMap<Position, ReferralId>,
    reviews: Reviews,
}

/// A stop-use notice that must come.
#[derive(Debug, Clone)]
struct Owed {
    referral: ReferralId,
    sections: Vec<u32>,
}

impl Replay {
    pub(crate) fn new(origin: &str, law: Law) -> Self {
        Self {
            law,
            origin: origin.to_owned(),
            findings: Findings::default(),
            releases: 0,
            broker: None,
            last_time: None,
            seen: HashSet::new(),
            agencies: HashMap::new(),
            hosts: HashMap::new(),
            offers: HashMap::new(),
            referrals: HashMap::new(),
            owed: BTreeMap::new(),
            announced: BTreeMap::new(),
            reviews: Reviews::default(),
        }
    }

    /// Takes the event at a position; positions come in order.
    pub(crate) fn event(&mut self, at: Position, event: &Event) {
        self.order(at, event);
        if let Some(overdue) = self.reviews.note(at, event) {
            self.findings.at(at, Code::ReviewOverdue, format!("the emergency in entry {overdue} was not reviewed in time"));
        }
        self.ask_for_table(event);
        match (event.fact.referral(), &event.fact) {
            (_, Fact::ReferralSubmitted(submitted)) => self.submitted(at, event, submitted),
            (Some(id), _) => self.of_referral(at, id, event),
            (None, _) => self.of_log(at, event),
        }
    }

    /// What happens to referrals is judged by the table in force; one under which nothing happened need not be at hand.
    fn ask_for_table(&mut self, event: &Event) {
        let judged = event.fact.referral().is_some() || matches!(event.fact, Fact::ReferralSubmitted(_));
        if let Some(table) = self.law.active_hash().filter(|_| judged && self.law.active().is_none()) {
            self.findings.doubt(format!("ground table {table} is not at hand; give it with --grounds"));
        }
    }

    fn order(&mut self, at: Position, event: &Event) {
        if let Some(last) = self.last_time.filter(|last| event.time < *last) {
            self.findings.at(at, Code::TimeBack, format!("{} comes after {last}", event.time));
        }
        self.last_time = self.last_time.max(Some(event.time));
        if !self.seen.insert(event.id) {
            self.findings.at(at, Code::EventTwice, format!("{} has the id of an earlier event", event.fact.name()));
        }
        let begins = matches!(event.fact, Fact::LogStarted { .. });
        if begins != (at == Position(0)) {
            let text = if begins { "LogStarted stands inside the log" } else { "the log does not begin with LogStarted" };
            self.findings.at(at, Code::LogStart, text);
        }
    }

    /// A table comes into force with the log, or by two officers.
    fn two_activate(&mut self, at: Position, event: &Event, proposed_by: Option<OfficerPseudonym>) {
        let agreed = event.officer.map(|officer| officer.pseudonym);
        match (proposed_by, agreed) {
            (None, None) if at == Position(1) => {}
            (Some(first), Some(second)) if first != second => {}
            (Some(_), Some(_)) => self.findings.at(at, Code::SecondOfficerSame, "one officer put a ground table into force alone"),
            (None, _) | (_, None) => self.findings.at(at, Code::SecondOfficerMissing, "no two officers put the ground table into force"),
        }
    }

    /// Events that are about no referral.
    fn of_log(&mut self, at: Position, event: &Event) {
        if let Some(previous) = event.previous {
            self.findings.at(at, Code::PreviousWrong, format!("{} is about no referral and names entry {previous}", event.fact.name()));
        }
        match &event.fact {
            Fact::LogStarted { origin } => {
                self.broker = Some(event.agency.clone());
                if *origin != self.origin {
                    self.findings.at(at, Code::OriginDiffers, "the first event names another log than the key");
                }
            }
            Fact::AgencyRegistered { agency, kind, .. } => {
                self.agencies.insert(agency.clone(), *kind);
            }
            Fact::FunctionRegistered { function, host, .. } => {
                if !self.agencies.contains_key(host) {
                    self.findings.at(at, Code::AgencyUnknown, format!("{function} is hosted by {host}, which was not registered"));
                }
                self.hosts.insert(function.clone(), host.clone());
            }
            Fact::GroundTableActivated { table, proposed_by } => {
                self.two_activate(at, event, *proposed_by);
                self.law.activate(*table);
            }
            Fact::OfferRecorded(offer) => {
                self.offers.insert(offer.id, (event.agency.clone(), offer.result));
            }
            Fact::LogQueried { .. } => {
                if self.agencies.get(&event.agency) != Some(&AgencyKind::Supervisor) {
                    self.findings.at(at, Code::WrongAgency, format!("{} read the log and is no supervisor", event.agency));
                }
            }
            // Whatever names a referral was handled as an event of that.
            Fact::ReferralSubmitted(_)
            | Fact::ReferralAmended { .. }
            | Fact::ReferralRetracted { .. }
            | Fact::RecallAcknowledged { .. }
            | Fact::ConsentRecorded(_)
            | Fact::ConsentWithdrawn { .. }
            | Fact::StopUseSent { .. }
            | Fact::StopUseAnswered { .. }
            | Fact::ClearanceDecided(_)
            | Fact::ClearanceConfirmed(_)
            | Fact::ClearanceRevoked { .. }
            | Fact::ClearanceCarried(_)
            | Fact::EmergencyDeclared(_)
            | Fact::EmergencyReviewed(_)
            | Fact::ReferralOffered(_)
            | Fact::SectionsOffered(_)
            | Fact::OfferWithdrawn { .. }
            | Fact::ReferralClaimed { .. }
            | Fact::NameRevealed { .. }
            | Fact::SectionsReleased { .. }
            | Fact::DeliveryAcknowledged { .. }
            | Fact::ReferralAccepted { .. }
            | Fact::ReferralDeclined { .. }
            | Fact::ReferralReturned { .. }
            | Fact::ContactRecorded(_)
            | Fact::ReferralClosed(_)
            | Fact::ReminderSent(_)
            | Fact::Escalated(_)
            | Fact::ContentDestroyed(_)
            | Fact::DisclosureRefused { .. } => {}
        }
    }

    fn submitted(&mut self, at: Position, event: &Event, submitted: &Submitted) {
        if let Some(previous) = event.previous {
            self.findings.at(at, Code::PreviousWrong, format!("a new referral names entry {previous} as its previous one"));
        }
        for (code, text) in facts::submitted(submitted, self.law.active()) {
            self.findings.at(at, code, text);
        }
        self.check_parties(at, event, submitted);
        self.check_offer(at, event, submitted);
        if let Some(text) = submitted.forwarded_from.and_then(|id| self.unfounded_forward(event, submitted, id)) {
            self.findings.at(at, Code::ForwardUnfounded, text);
        }
        if self.referrals.contains_key(&submitted.referral) {
            self.findings.at(at, Code::ReferralTwice, format!("referral {} was submitted before", submitted.referral));
            return;
        }
        if let Some(referral) = evolve(None, at, event) {
            self.referrals.insert(submitted.referral, (referral, Book::new(event.time, submitted)));
        }
    }

    fn check_parties(&mut self, at: Position, event: &Event, submitted: &Submitted) {
        let kinds = [(&event.agency, submitted.from), (&submitted.host, submitted.to)];
        for (agency, kind) in kinds {
            if self.agencies.get(agency) != Some(&kind) {
                self.findings.at(at, Code::AgencyUnknown, format!("{agency} was not registered as {kind}"));
            }
        }
        if !self.agencies.contains_key(&submitted.leader) {
            self.findings.at(at, Code::AgencyUnknown, format!("{} leads the investigation and was not registered", submitted.leader));
        }
        if self.hosts.get(&submitted.recipient) != Some(&submitted.host) {
            self.findings.at(at, Code::AgencyUnknown, format!("{} was not registered as a function of {}", submitted.recipient, submitted.host));
        }
    }

    fn check_offer(&mut self, at: Position, event: &Event, submitted: &Submitted) {
        let Some(id) = submitted.offer else { return };
        let Some((_, result)) = self.offers.get(&id).filter(|(agency, _)| *agency == event.agency) else {
            self.findings.at(at, Code::OfferUnknown, "the sender recorded no such offer before");
            return;
        };
        let said_no = match result {
            OfferResult::Offered(OfferAnswer::No) => true,
            OfferResult::Offered(OfferAnswer::Yes | OfferAnswer::Later) | OfferResult::NotOffered(_) => false,
        };
        if said_no && submitted.kind == ReferralKind::ContactRequest {
            self.findings.at(at, Code::OfferDeclined, "a contact request follows an offer that she declined");
        }
    }

    /// What is passed on must have come to the agency by a release, be in its hands still, and be neither stopped nor a child concern.
    fn unfounded_forward(&self, event: &Event, submitted: &Submitted, id: ReferralId) -> Option<String> {
        let Some((held, _)) = self.referrals.get(&id) else { return Some(String::from("it passes on a referral that was not submitted before")) };
        let stopped = held.notices.iter().any(|notice| notice.answer != Some(StopUseAnswer::ContinuesOnOwnProvision));
        let by = event.officer.map(|officer| officer.pseudonym);
        let why = if held.host != event.agency {
            "of another recipient"
        } else if !held.has_released() {
            "that had not left"
        } else if !matches!(held.stage, Stage::Opened | Stage::Accepted) {
            "that is ended"
        } else if held.kind == ReferralKind::ChildConcern {
            "of a child concern"
        } else if stopped {
            "whose use had stopped"
        } else if held.claimed_by.is_some() && held.claimed_by != by {
            "of another officer"
        } else if held.thread != submitted.thread || held.recipient == submitted.recipient {
            "into another thread, or to where it was"
        } else {
            return None;
        };
        Some(format!("it passes on a referral {why}"))
    }

    /// One agency never hears of another's referral, so a duplicate is of the same sender's.
    fn unfounded_duplicate(&self, referral: &Referral, event: &Event) -> Option<String> {
        let Fact::ReferralDeclined { reason, duplicate_of, .. } = &event.fact else { return None };
        let Some(id) = duplicate_of else {
            return (*reason == DeclineReason::Duplicate).then(|| String::from("a duplicate names no earlier referral"));
        };
        let earlier = self.referrals.get(id).map(|(earlier, _)| earlier);
        let founded = earlier.is_some_and(|earlier| earlier.sender == referral.sender && earlier.host == referral.host && earlier.offered_at.is_some());
        (!founded || *reason != DeclineReason::Duplicate).then(|| String::from("it is a duplicate of no referral that the same sender had sent"))
    }

    fn of_referral(&mut self, at: Position, id: ReferralId, event: &Event) {
        let Some((referral, mut book)) = self.referrals.remove(&id) else {
            self.findings.at(at, Code::ReferralUnknown, format!("{} is about a referral that was not submitted before", event.fact.name()));
            return;
        };
        if event.previous != Some(referral.last) {
            let named = event.previous.map_or_else(|| String::from("none"), |previous| format!("entry {previous}"));
            self.findings.at(at, Code::PreviousWrong, format!("the previous event of this referral is entry {}, it names {named}", referral.last));
        }
        self.settle(&referral, event);
        let moment = Moment { referral: &referral, book: &book, table: self.law.active(), at, time: event.time };
        let mut lacks = steps::wrong_actor(&referral, event);
        lacks.extend(steps::wrong_stage(&referral, &event.fact));
        lacks.extend(steps::wrong_answer(&referral, &event.fact));
        lacks.extend(facts::lacks(moment, event, self.law.active_hash()));
        lacks.extend(content::parties(&referral, event, self.broker.as_ref()));
        lacks.extend(clocks::parties(&referral, event, self.broker.as_ref(), |function| self.hosts.get(function).cloned()));
        lacks.extend(self.unfounded_duplicate(&referral, event).map(|text| (Code::AnswerUnfounded, text)));
        for (code, text) in lacks {
            self.findings.at(at, code, text);
        }
        self.enter(at, event, &mut book);
        let (kept, offered, cleared_since) = (clocks::kept_since(&referral), clocks::offered_since(&referral), referral.stage_since);
        if let Some(referral) = evolve(Some(referral), at, event) {
            // A clock that counts from something later begins anew.
            let anew = [
                (ClockName::Keep, clocks::kept_since(&referral) > kept),
                (ClockName::Supplement, clocks::offered_since(&referral) > offered),
                (ClockName::Clear, referral.stage == Stage::Held && referral.stage_since > cleared_since),
            ];
            book.marks.retain(|(clock, _)| !anew.contains(&(*clock, true)));
            self.referrals.insert(id, (referral, book));
        }
    }

    /// A stop-use notice is the very next event of the referral; whatever else comes finds it missing.
    fn settle(&mut self, referral: &Referral, event: &Event) {
        let Some(owed) = self.owed.remove(&referral.last) else { return };
        let told =
            |section: &u32| matches!(&event.fact, Fact::StopUseSent { sections, withdrawal, .. } if *withdrawal == referral.last && sections.contains(section));
        if let Some(section) = owed.sections.iter().find(|section| !told(section)) {
            let text = format!("section {section} was released on the withdrawn consent and no notice follows");
            self.findings.at(referral.last, Code::StopUseMissing, text);
        }
    }

    /// Enters the event into the referral's account.
    fn enter(&mut self, at: Position, event: &Event, book: &mut Book) {
        let announced = book.revealing.take();
        if let Some((before, _)) = &announced {
            self.announced.remove(before);
        }
        match &event.fact {
            Fact::NameRevealed { sections, referral, .. } => {
                self.announced.insert(at, *referral);
                book.revealing = Some((at, sections.clone()));
            }
            Fact::ReferralAmended { sections, .. } => book.amend(event.time, sections),
            Fact::ConsentRecorded(given) => book.waive(at, given),
            Fact::ConsentWithdrawn { consent, referral } => {
                let sections = book.waiver_named(*consent).map(|waiver| book.released_on(waiver.at)).unwrap_or_default();
                if !sections.is_empty() {
                    self.owed.insert(at, Owed { referral: *referral, sections });
                }
                book.withdraw(at, *consent);
            }
            Fact::ClearanceDecided(decision) => book.decide(at, event, decision),
            Fact::ClearanceConfirmed(second) => book.confirm(at, event, &second.cells),
            Fact::ClearanceRevoked { cells, .. } => book.revoke(at, cells),
            Fact::ClearanceCarried(carried) => book.carry(at, &carried.cells),
            Fact::EmergencyDeclared(declared) => book.emergencies.declare(at, event, declared),
            Fact::EmergencyReviewed(review) => book.emergencies.review(review),
            Fact::ReferralOffered(offered) | Fact::SectionsOffered(offered) => book.offer(event.time, &offered.sections),
            Fact::OfferWithdrawn { .. } => book.take_offer_back(),
            Fact::ContentDestroyed(destruction) => book.contents.retain(|held| !destruction.contents.contains(&held.name)),
            Fact::ReminderSent(reminder) => book.marks.push((reminder.clock, reminder.level)),
            Fact::Escalated(escalation) => book.run_out(escalation.clock, escalation.function.is_none()),
            Fact::SectionsReleased { released, .. } => {
                self.releases = self.releases.saturating_add(1);
                book.revealing = announced;
                book.release((at, event.time), released.sections());
            }
            Fact::LogStarted { .. }
            | Fact::AgencyRegistered { .. }
            | Fact::FunctionRegistered { .. }
            | Fact::GroundTableActivated { .. }
            | Fact::OfferRecorded(_)
            | Fact::ReferralSubmitted(_)
            | Fact::ReferralRetracted { .. }
            | Fact::RecallAcknowledged { .. }
            | Fact::StopUseSent { .. }
            | Fact::StopUseAnswered { .. }
            | Fact::ReferralClaimed { .. }
            | Fact::DeliveryAcknowledged { .. }
            | Fact::ReferralAccepted { .. }
            | Fact::ReferralDeclined { .. }
            | Fact::ReferralReturned { .. }
            | Fact::ContactRecorded(_)
            | Fact::ReferralClosed(_)
            | Fact::DisclosureRefused { .. }
            | Fact::LogQueried { .. } => {}
        }
    }

    /// The findings as they are if the log ends here: a withdrawal and its notice are one commit, so no checkpoint parts them.
    pub(crate) fn findings_at_end(&self) -> Findings {
        let mut findings = self.findings.clone();
        for (withdrawal, owed) in &self.owed {
            let text = format!("{} sections of referral {} were released on the withdrawn consent and no notice follows", owed.sections.len(), owed.referral);
            findings.at(*withdrawal, Code::StopUseMissing, text);
        }
        for (position, referral) in &self.announced {
            findings.at(*position, Code::AnswerUnfounded, format!("the disclosure of names of referral {referral} that it announces does not follow"));
        }
        findings
    }
}
