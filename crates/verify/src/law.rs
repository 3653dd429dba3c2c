//! The ground tables that the auditor has, and whether a ground can carry a cell, stated a second time.
//!
//! The log names tables by their hash only. A table that the auditor was not given is a doubt, never a pass.

use brygga_domain::grounds::{Barrier, Ground, GroundCode, Party, Protects, Secrecy};
use brygga_domain::{AgencyKind, Category, GroundTable, ProtectedIdentity, Purpose, Referral, ReferralKind, TableHash, Time};

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

/// Whether a release on a ground, about somebody of that protection or about the investigation, wants two officers.
pub(crate) fn wants_two(table: &GroundTable, code: &GroundCode, protection: Option<ProtectedIdentity>) -> bool {
    let policy = table.two_officers();
    if policy.one_suffices.contains(code) {
        return false;
    }
    policy.grounds.contains(code) || protection.is_some_and(|protection| policy.protected_identity.contains(&protection))
}

/// Whether a consent for that purpose may carry what a kind of referral tells. A table that does not say takes any.
pub(crate) fn serves(table: &GroundTable, kind: ReferralKind, purpose: Purpose) -> bool {
    let rule = table.kind(kind);
    rule.is_some_and(|rule| rule.consented_for.as_ref().is_none_or(|purposes| purposes.iter().any(|known| *known == purpose)))
}

/// The ground of that name that can carry the cell on that day, or why none can. The protection is the person's; the investigation has none.
pub(crate) fn carrying<'t>(
    table: &'t GroundTable,
    code: &GroundCode,
    referral: &Referral,
    cell: (Category, Option<ProtectedIdentity>),
    time: Time,
) -> Result<&'t Ground, String> {
    let (category, protection) = cell;
    let date = time.date();
    let in_force = |ground: &&Ground| ground.valid_from <= date && ground.valid_to.as_ref().is_none_or(|end| date < *end);
    let standing: Vec<&Ground> = table.grounds().filter(|ground| ground.code == *code).filter(in_force).collect();
    if standing.is_empty() {
        return Err(format!("{code} is not in force on {date}"));
    }
    // A reason to refer, a defence, or what carries other things than referrals: whatever it says, it clears nothing here.
    if standing.iter().any(|ground| ground.never_clears.is_some()) {
        return Err(format!("{code} never clears a section"));
    }
    let between = |ground: &&Ground| named(&ground.from, referral.from) && named(&ground.to, referral.to);
    let ground = standing.into_iter().find(between).ok_or_else(|| format!("{code} is not for {} to {}", referral.from, referral.to))?;
    if ground.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&referral.kind)) {
        return Err(format!("{code} is not for a {}", referral.kind));
    }
    if ground.categories.as_ref().is_some_and(|categories| !categories.contains(&category)) {
        return Err(format!("{code} is not for {category}"));
    }
    let keeps = |barrier: &&Barrier| barrier.categories.contains(&category) && named(&barrier.to, referral.to);
    if let Some(barrier) = table.barriers().iter().filter(keeps).find(|barrier| !barrier.except.contains(code)) {
        return Err(format!("{code} does not carry {category} to {} ({})", referral.to, barrier.provision));
    }
    // Every secrecy that protects the cell at the sender must fall, not just one of them.
    let protected = if protection.is_some() { Protects::Person } else { Protects::Investigation };
    let holds = |secrecy: &&Secrecy| {
        let dated = secrecy.valid_from <= date && secrecy.valid_to.as_ref().is_none_or(|end| date < *end);
        let about = secrecy.categories.as_ref().is_none_or(|categories| categories.contains(&category));
        let hers = protection.is_none_or(|held| secrecy.protected_identity.as_ref().is_none_or(|only| only.contains(&held)));
        dated && about && hers && secrecy.protects == protected && named(&secrecy.at, referral.from)
    };
    match table.all_secrecies().filter(holds).find(|secrecy| !ground.lifts.contains(&secrecy.code)) {
        Some(secrecy) => Err(format!("{code} does not lift {}", secrecy.code)),
        None => Ok(ground),
    }
}

/// Whether a row's parties name that kind of agency. The broker's operator is no agency of a referral, and "any" means those that are.
fn named(parties: &[Party], kind: AgencyKind) -> bool {
    let own = match kind {
        AgencyKind::Police => Party::Police,
        AgencyKind::Prosecution => Party::Prosecution,
        AgencyKind::SocialBoard => Party::SocialBoard,
        AgencyKind::Supervisor => return parties.contains(&Party::Supervisor),
    };
    parties.contains(&own) || parties.contains(&Party::AnyAuthority)
}
