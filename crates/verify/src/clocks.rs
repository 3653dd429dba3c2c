//! Reminders and escalations: not early, each once, none after the act that ends the clock, and no word to a sender who may not have it.
//!
//! Opening hours are not in the log, so a deadline that is counted in them is taken as the event says it; every other is reckoned again.

use brygga_domain::clocks::{ClockRule, OpenStage, Period, Start};
use brygga_domain::content::Kept;
use brygga_domain::event::{Escalation, Outcome, Reminder};
use brygga_domain::grounds::{DeadlineKind, GroundCode};
use brygga_domain::referral::{Cell, CellState, Section};
use brygga_domain::{AgencyId, ClockLevel, ClockName, Event, Fact, FunctionId, GroundTable, Referral, SenderStatus, Stage, Time};

use crate::finding::Code;
use crate::release::{Lack, Moment};

/// What an event says of a clock.
struct Said {
    clock: ClockName,
    level: ClockLevel,
    due_at: Time,
    deadline: Time,
    told: Option<SenderStatus>,
}

/// What is wrong with a reminder.
pub(crate) fn reminder(moment: Moment<'_>, reminder: &Reminder) -> Vec<Lack> {
    let mut lacks = of(moment, &Said { clock: reminder.clock, level: reminder.level, due_at: reminder.due_at, deadline: reminder.deadline, told: None });
    if reminder.level == ClockLevel::Overdue || reminder.due_at > reminder.deadline {
        lacks.push((Code::ClockEarly, String::from("a reminder comes before its clock has run out")));
    }
    lacks
}

/// What is wrong with an escalation.
pub(crate) fn escalation(moment: Moment<'_>, escalation: &Escalation) -> Vec<Lack> {
    of(moment, &Said { clock: escalation.clock, level: ClockLevel::Overdue, due_at: escalation.deadline, deadline: escalation.deadline, told: escalation.told })
}

fn of(moment: Moment<'_>, said: &Said) -> Vec<Lack> {
    let clock = said.clock;
    let mut lacks = Vec::new();
    if moment.time < said.due_at {
        lacks.push((Code::ClockEarly, format!("the mark of {clock} is due at {} and was made at {}", said.due_at, moment.time)));
    }
    if moment.book.marks.contains(&(clock, said.level)) {
        lacks.push((Code::ClockTwice, format!("the {} mark of {clock} was made before", said.level)));
    }
    if is_over(moment.referral, clock) {
        lacks.push((Code::ClockOver, format!("{clock} had ended before its {} mark", said.level)));
    }
    let silent = clock == ClockName::Contact || clock == ClockName::Board || clock == ClockName::Feedback;
    let alarm = said.told.is_none_or(|status| status == SenderStatus::Overdue || status == SenderStatus::Telephone);
    if !alarm || (silent && said.told.is_some()) {
        lacks.push((Code::ClockTold, format!("the sender is told of {clock} what is not its to know")));
    }
    if let Some(table) = moment.table {
        lacks.extend(by_table(table, moment, said));
    }
    lacks
}

/// Whether what the clock waits for has been done, or nothing is done any more.
fn is_over(referral: &Referral, clock: ClockName) -> bool {
    let stage = referral.stage;
    let with_recipient = stage == Stage::Ready || stage == Stage::Opened || stage == Stage::Accepted;
    match clock {
        ClockName::Clear => {
            stage != Stage::Held || referral.sections.iter().all(|section| stays(section) || section.cells.iter().all(|cell| is_settled(referral, cell)))
        }
        ClockName::Open => stage != Stage::Ready,
        ClockName::Decide => stage != Stage::Opened,
        ClockName::Contact => !with_recipient || referral.contacted_at.is_some(),
        ClockName::Leave => (stage != Stage::Held && !with_recipient) || referral.sections.iter().all(has_ended),
        ClockName::Supplement => {
            let waits = since(referral, |section| section.offered && !stays(section)).next().is_some();
            (stage != Stage::Opened && stage != Stage::Accepted) || !waits
        }
        ClockName::Board | ClockName::Feedback => !with_recipient,
        ClockName::Keep => (stage != Stage::Held && !with_recipient) || kept_since(referral).is_none(),
    }
}

/// Whether a section has left, is gone, or it was decided that it stays.
fn has_ended(section: &Section) -> bool {
    section.released.is_some() || !section.kept.iter().any(|kept| kept.revision == section.revision) || stays(section)
}

fn stays(section: &Section) -> bool {
    section.cells.iter().any(|cell| matches!(&cell.state, CellState::Decided(decision) if matches!(decision.outcome, Outcome::Withhold { .. })))
}

/// Whether nothing of a cell is left to decide: it stays, or both officers released it where two were due, on a consent that stands.
fn is_settled(referral: &Referral, cell: &Cell) -> bool {
    let CellState::Decided(decision) = &cell.state else { return false };
    let Outcome::Release { consent, .. } = &decision.outcome else { return true };
    let fallen = consent.is_some_and(|at| referral.consents.iter().any(|given| given.at == at && given.withdrawn.is_some()));
    !fallen && (!decision.second_officer || decision.confirmed.is_some())
}

/// From when the days count of content that has not left, in sections of that sort.
fn since(referral: &Referral, sort: impl Fn(&Section) -> bool) -> impl Iterator<Item = Time> {
    let sections = referral.sections.iter().filter(move |section| sort(section));
    sections.flat_map(|section| section.kept.iter().filter(|kept| !kept.left && kept.revision == section.revision)).map(|kept| kept.since)
}

/// When the latest offer was made of what has not been opened.
pub(crate) fn offered_since(referral: &Referral) -> Option<Time> {
    since(referral, |section| section.offered).max()
}

/// From when the days count of what the sender holds and has not decided to withhold.
pub(crate) fn kept_since(referral: &Referral) -> Option<Time> {
    since(referral, |section| !section.offered && !stays(section)).min()
}

/// The table knows the clock for this referral, and where it can be reckoned without opening hours it runs out when the event says.
fn by_table(table: &GroundTable, moment: Moment<'_>, said: &Said) -> Vec<Lack> {
    let referral = moment.referral;
    // Whether some cell is to leave on a ground that is so pressing.
    let pressing = |kind: DeadlineKind| {
        let of =
            |code: &GroundCode| table.grounds().any(|ground| ground.code == *code && ground.deadline.as_ref().is_some_and(|deadline| deadline.kind == kind));
        moment.book.grounds().any(of)
    };
    let stage = OpenStage::of(referral.stage);
    let fits = |rule: &&ClockRule| {
        let kind = rule.kinds.as_ref().is_none_or(|kinds| kinds.contains(&referral.kind));
        let urgency = rule.urgencies.as_ref().is_none_or(|urgencies| urgencies.contains(&referral.urgency));
        rule.clock == said.clock && kind && urgency && rule.ground_deadline.is_none_or(pressing) && stage.is_some_and(|stage| rule.stages.contains(&stage))
    };
    let Some(rule) = table.clocks().clocks.iter().find(fits) else {
        return vec![(Code::ClockUnknown, format!("the table has no clock {} for a {} that is {}", said.clock, referral.kind, referral.stage.as_str()))];
    };
    let start = match rule.starts {
        Start::Report => referral.reported_at,
        Start::Submission => Some(referral.submitted_at),
        Start::Receipt => referral.received_at,
        Start::Stage => Some(referral.stage_since),
        // What is held has days and no start that could be reckoned with.
        Start::Content if said.clock == ClockName::Supplement => offered_since(referral).map(|offered| offered.max(referral.stage_since)),
        Start::Content => None,
    };
    let reckoned = match &rule.lasts {
        Period::Minutes(minutes) if rule.ground_deadline.is_none() => start.map(|start| start.plus_minutes(*minutes)),
        Period::ContactDue => referral.contact_due_at,
        Period::Minutes(_) | Period::OfficeMinutes(_) | Period::Days(_) | Period::Share { .. } | Period::GroundDays | Period::ContentDays => None,
    };
    // How many days a sender keeps content stands in its entry, of which the log holds the digest; the fewest stand in the table.
    let earliest = kept_since(referral).map(|since| table.clocks().content_days.earliest(Kept { revision: 0, since, left: false }));
    if said.clock == ClockName::Keep && earliest.is_some_and(|earliest| said.deadline < earliest) {
        return vec![(Code::ClockEarly, format!("what is held may not be destroyed at {}, when the event says that it is", said.deadline))];
    }
    let differs = reckoned.filter(|deadline| *deadline != said.deadline);
    differs.map(|deadline| (Code::ClockEarly, format!("{} runs out at {deadline}, the event says {}", said.clock, said.deadline))).into_iter().collect()
}

/// What is wrong with whom the event names: it is the broker's own, and tells a function of the agency whose turn it is.
pub(crate) fn parties(referral: &Referral, event: &Event, broker: Option<&AgencyId>, host_of: impl Fn(&FunctionId) -> Option<AgencyId>) -> Vec<Lack> {
    let (clock, function) = if let Fact::ReminderSent(reminder) = &event.fact {
        (reminder.clock, Some(&reminder.function))
    } else if let Fact::Escalated(escalation) = &event.fact {
        (escalation.clock, escalation.function.as_ref())
    } else {
        return Vec::new();
    };
    let mut lacks = Vec::new();
    if broker != Some(&event.agency) || event.officer.is_some() {
        lacks.push((Code::WrongAgency, format!("{} belongs to {}; clocks are the broker's", event.fact.name(), event.agency)));
    }
    let waits = |offered: bool| referral.sections.iter().any(|section| section.offered == offered && !has_ended(section));
    let sender = referral.stage == Stage::Held || clock == ClockName::Keep || (clock == ClockName::Leave && waits(false));
    // Which part is so pressing as to have a clock may be either's, where some is offered and some is not.
    let host = !sender || (clock == ClockName::Leave && referral.stage != Stage::Held && waits(true));
    let turns = [(sender, &referral.sender), (host, &referral.host)].map(|(has_turn, agency)| has_turn.then_some(agency));
    if let Some(function) = function.filter(|function| !turns.contains(&host_of(function).as_ref())) {
        lacks.push((Code::RecipientDiffers, format!("{function} is no function of the agency whose turn it is")));
    }
    lacks
}
