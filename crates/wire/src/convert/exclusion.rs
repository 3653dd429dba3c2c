//! Who is excluded from a referral. Officers become the pseudonyms that their commands have.

use std::collections::BTreeSet;

use brygga_domain::{AgencyId, Excluded};

use super::check::{Check, Head};
use crate::door::{Door, is_officer};
use crate::limits::EXCLUSIONS_MAX;
use crate::v1;

/// The list, in one order whatever the sender's, so that its commitment says nothing of that.
pub(super) fn excluded(check: &mut Check, list: v1::ExclusionList, head: &Head<'_>) -> Option<Vec<Excluded>> {
    check.count("excluded.exclusions", list.exclusions.len(), 0..=EXCLUSIONS_MAX)?;
    let acting = (head.agency, head.officer);
    let mut seen = BTreeSet::new();
    let mut faulty = false;
    for (index, one) in list.exclusions.iter().enumerate() {
        let path = format!("excluded.exclusions[{index}]");
        // Whoever sends it answers for it, and could not repeat a request that was lost.
        if (one.agency.as_str(), one.officer.as_str()) == (acting.0.as_str(), acting.1) {
            check.fault(format_args!("{path}.officer"), "must be another officer than the one who acts");
            faulty = true;
        }
        match exclusion(check, &path, one, head.door) {
            Some(one) if seen.contains(&one) => check.twice(path),
            Some(one) => drop(seen.insert(one)),
            None => faulty = true,
        }
    }
    (!faulty).then(|| seen.into_iter().collect())
}

fn exclusion(check: &mut Check, path: &str, one: &v1::Exclusion, door: &Door) -> Option<Excluded> {
    let names_officer = !one.agency.is_empty() || !one.officer.is_empty();
    if names_officer != one.function.is_empty() {
        check.fault(path, "must name an officer with the agency, or a function; one of the two");
        return None;
    }
    if !names_officer {
        return check.slug(format_args!("{path}.function"), &one.function).map(Excluded::Function);
    }
    let agency: Option<AgencyId> = check.slug(format_args!("{path}.agency"), &one.agency);
    if !is_officer(&one.officer) {
        check.fault(format_args!("{path}.officer"), "must be 1 to 64 of a-z, 0-9, '.', '_' and '-'");
        return None;
    }
    let agency = agency?;
    let officer = door.officer(&agency, &one.officer);
    Some(Excluded::Officer(agency, officer))
}
