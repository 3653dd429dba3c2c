//! What a command leaves beside the journal: content and what opens commitments, offers and the directory; and what it takes away.

use std::collections::BTreeSet;
use std::sync::Arc;

use brygga_domain::decide::Decided;
use brygga_domain::event::{Destruction, OfferResult};
use brygga_domain::{Command, Event, Fact, Referral};

use super::Fold;
use crate::directory;
use crate::projection::number;
use crate::rows::*;

/// Whether an event of a command is in the receipt of whoever asked: what was offered depends on the persons' cells, and is not for a leader to know.
pub(super) fn is_told(command: &Command, referral: Option<&Referral>, event: &Event) -> bool {
    let leads = |referral: &Referral| referral.leader == command.agency && referral.sender != command.agency && referral.host != command.agency;
    let of_offers = matches!(event.fact, Fact::ReferralOffered(_) | Fact::SectionsOffered(_) | Fact::OfferWithdrawn { .. });
    !(of_offers && referral.is_some_and(leads))
}

impl Fold<'_> {
    pub(super) fn keep_aside(&mut self, command: &Command, decided: &Decided) {
        self.batch.contents.extend(decided.contents.iter().map(|content| ContentRow {
            referral: content.referral.as_bytes().into(),
            section: i64::from(content.section),
            revision: i64::from(content.revision),
            key_id: None,
            salt: content.salt.into(),
            bytes: Blob(content.bytes.to_vec()),
        }));
        self.batch.openings.extend(decided.openings.iter().map(|opening| OpeningRow {
            position: number(opening.position.0),
            field: opening.field.to_owned(),
            salt: opening.salt.into(),
            value: Blob(opening.value.to_vec()),
        }));
        let lookup =
            |(hash, person): &(brygga_domain::LookupHash, brygga_domain::PersonId)| PersonLookupRow { hash: hash.0.into(), person: person.as_bytes().into() };
        self.batch.person_lookups.extend(decided.persons.iter().map(lookup));
        if let Some(referral) = &decided.referral {
            for hash in decided.sender_reference.iter().chain(&decided.assessments) {
                let hash = Blob::from(hash.0);
                self.sender_references.insert(hash.clone());
                self.batch.sender_references.push(SenderReferenceRow { hash, referral: referral.id.as_bytes().into() });
            }
        }
        self.keep_offers_and_directory(command, decided);
    }

    fn keep_offers_and_directory(&mut self, command: &Command, decided: &Decided) {
        let made = u64::try_from(decided.events.len()).unwrap_or_default();
        let first = self.size.saturating_sub(made);
        for (position, event) in (first..).zip(&decided.events) {
            if let Fact::OfferRecorded(offer) = &event.fact {
                let answer = match offer.result {
                    OfferResult::Offered(answer) => Some(answer.to_string()),
                    OfferResult::NotOffered(_) => None,
                };
                let row = OfferRow { id: offer.id.as_bytes().into(), agency: command.agency.to_string(), position: number(position), answer };
                self.offers.insert((row.agency.clone(), row.id.clone()), row.answer.clone());
                self.batch.offers.push(row);
            }
        }
        if let Some(agency) = &decided.agency {
            let row = AgencyRow { id: agency.id.to_string(), position: number(first), entry: directory::agency_entry(agency) };
            self.batch.agencies.retain(|other| other.id != row.id);
            self.batch.agencies.push(row);
            Arc::make_mut(&mut self.directory).put_agency(agency.clone());
            self.directory_changed = true;
        }
        if let Some(function) = &decided.function {
            let row = FunctionRow { id: function.id.to_string(), position: number(first), entry: directory::function_entry(function) };
            self.batch.functions.retain(|other| other.id != row.id);
            self.batch.functions.push(row);
            Arc::make_mut(&mut self.directory).put_function(function.clone());
            self.directory_changed = true;
        }
    }

    /// Content goes in the same commit as the event that says so.
    pub(super) fn destroy(&mut self, origin: u64, destruction: &Destruction) {
        let row = |name: &brygga_domain::event::ContentName| ContentNameRow {
            origin: number(origin),
            section: i64::from(name.section),
            revision: i64::from(name.revision),
        };
        self.batch.destroyed.extend(destruction.contents.iter().map(row));
    }

    /// What was kept and destroyed in one batch is never written.
    pub(super) fn leave_out_destroyed(&mut self) {
        if self.batch.destroyed.is_empty() || self.batch.contents.is_empty() {
            return;
        }
        let destroyed: BTreeSet<ContentNameRow> = self.batch.destroyed.iter().copied().collect();
        let referrals = &self.referrals;
        self.batch.contents.retain(|row| {
            let origin = referrals.values().find(|referral| Blob::from(referral.id.as_bytes()) == row.referral).map(|referral| number(referral.first.0));
            origin.is_none_or(|origin| !destroyed.contains(&ContentNameRow { origin, section: row.section, revision: row.revision }))
        });
    }
}
