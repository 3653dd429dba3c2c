//! The ground tables that the auditor has, and whether a ground can carry a cell, stated a second time.
//!
//! The log names tables by their hash only. A table that the auditor was not given is a doubt, never a pass.

use brygga_domain::event::Interest;
use brygga_domain::grounds::{Ground, GroundCode};
use brygga_domain::{Category, GroundTable, Referral, TableHash, Time};

/// The tables at hand, and which one the log has activated.
#[derive(Debug, Default)]
pub(crate) struct Law {
    tables: Vec<GroundTable>,
    active: Option<TableHash>,
}

impl Law {
    pub(crate) fn new(tables: Vec<GroundTable>) -> Self {
        Self { tables, active: None }
    }

    pub(crate) fn activate(&mut self, table: TableHash) {
        self.active = Some(table);
    }

    /// Hash of the table that the log activated last.
    pub(crate) fn active_hash(&self) -> Option<TableHash> {
        self.active
    }

    /// That table, if the auditor has it.
    pub(crate) fn active(&self) -> Option<&GroundTable> {
        self.tables.iter().find(|table| Some(table.hash()) == self.active)
    }
}

/// The ground of that name that can carry the cell on that day, or why none can.
pub(crate) fn carrying<'t>(
    table: &'t GroundTable,
    code: &GroundCode,
    referral: &Referral,
    cell: (Category, Interest),
    time: Time,
) -> Result<&'t Ground, String> {
    let (category, interest) = cell;
    let date = time.date();
    let in_force = |ground: &&Ground| ground.valid_from <= date && ground.valid_to.as_ref().is_none_or(|end| date < *end);
    let ground = table.grounds().filter(|ground| ground.code == *code).find(in_force).ok_or_else(|| format!("{code} is not in force on {date}"))?;
    if !(ground.from.contains(&referral.from) && ground.to.contains(&referral.to)) {
        return Err(format!("{code} is not for {} to {}", referral.from, referral.to));
    }
    if ground.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&referral.kind)) {
        return Err(format!("{code} is not for a {}", referral.kind));
    }
    if ground.categories.as_ref().is_some_and(|categories| !categories.contains(&category)) {
        return Err(format!("{code} is not for {category}"));
    }
    // Every secrecy that protects the cell at the sender must fall, not just one of them.
    match table.secrecies(referral.from, category, interest).find(|secrecy| !ground.lifts.contains(&secrecy.code)) {
        Some(secrecy) => Err(format!("{code} does not lift {}", secrecy.code)),
        None => Ok(ground),
    }
}
