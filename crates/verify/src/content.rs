//! Destruction of content: only of what is there, for the cause that holds, by whoever may, and not before its days can be over.
//!
//! The days that a sender has set are not in the log: that it is not earlier than the fewest of the table is what can be said.

use brygga_domain::content::Kept;
use brygga_domain::event::Destruction;
use brygga_domain::{AgencyId, DestructionCause, Event, Fact, Referral};

use crate::book::Held;
use crate::finding::Code;
use crate::release::{Lack, Moment};

/// What is wrong with what the event destroys.
pub(crate) fn destruction(moment: Moment<'_>, destruction: &Destruction) -> Vec<Lack> {
    let mut lacks = Vec::new();
    for name in &destruction.contents {
        let what = format!("section {} at revision {}", name.section, name.revision);
        let Some(held) = moment.book.contents.iter().find(|held| held.name == *name) else {
            lacks.push((Code::ContentUnknown, format!("{what} was not there")));
            continue;
        };
        let latest = moment.book.section(name.section).and_then(|section| section.released);
        let fits = match destruction.cause {
            // What a delivered revision has replaced goes with it.
            DestructionCause::ImportConfirmed => latest.is_some_and(|released| name.revision <= released),
            DestructionCause::HeldTooLong => held.left.is_none(),
            DestructionCause::AfterDelivery => held.left.is_some(),
        };
        if !fits {
            lacks.push((Code::ContentUnknown, format!("{what} was not destroyed for {}", destruction.cause)));
        } else if destruction.cause != DestructionCause::ImportConfirmed {
            lacks.extend(early(moment, held).map(|text| (Code::ContentEarly, format!("{what} {text}"))));
        }
    }
    lacks
}

fn early(moment: Moment<'_>, held: &Held) -> Option<String> {
    let kept = Kept { revision: held.name.revision, since: held.since, left: held.left.is_some() };
    let earliest = moment.table?.clocks().content_days.earliest(kept);
    (moment.time < earliest).then(|| format!("is kept until {earliest} at least, and went at {}", moment.time))
}

/// What is wrong with who caused it: an import is confirmed by an officer of the recipient, the rest is the broker's own.
pub(crate) fn parties(referral: &Referral, event: &Event, broker: Option<&AgencyId>) -> Vec<Lack> {
    let Fact::ContentDestroyed(destruction) = &event.fact else { return Vec::new() };
    let confirmed = destruction.cause == DestructionCause::ImportConfirmed;
    let owner = if confirmed { Some(&referral.host) } else { broker };
    let mut lacks = Vec::new();
    if owner != Some(&event.agency) || (!confirmed && event.officer.is_some()) {
        lacks.push((Code::WrongAgency, format!("{} belongs to {}, which may not cause it for {}", event.fact.name(), event.agency, destruction.cause)));
    }
    if confirmed && event.officer.is_none() {
        lacks.push((Code::OfficerMissing, String::from("the import is confirmed by nobody")));
    }
    lacks
}
