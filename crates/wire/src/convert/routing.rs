//! By what a recipient is chosen: what a sender states with its referral, and what a question for the route says.

use brygga_domain::{ProtectedIdentity, ReferralKind, ResidenceBasis, Routing, Whom};

use super::Malformed;
use super::check::Check;
use crate::limits::SUBJECT_AGE_YEARS_MAX;
use crate::v1;

const NO_BASIS: &str = "must say on what the residence rests";

/// What a submission states.
pub(super) fn stated(check: &mut Check, stated: v1::Routing) -> Option<Routing> {
    let without_basis = !stated.territory.is_empty() && stated.residence_basis == 0;
    if without_basis {
        check.fault("routing.residence_basis", NO_BASIS);
    }
    let territory = check.territory("routing.territory", stated.territory);
    let basis = check.optional_code("routing.residence_basis", stated.residence_basis);
    let whom = whom(check, "routing.", (stated.age_years, stated.relationship));
    Some(Routing { territory: territory?, basis: basis?, whom: whom? }).filter(|_| !without_basis)
}

fn whom(check: &mut Check, path: &str, (age_years, relationship): (Option<u32>, i32)) -> Option<Whom> {
    let relationship = check.optional_code(format_args!("{path}relationship"), relationship);
    if age_years.is_some_and(|age| age > SUBJECT_AGE_YEARS_MAX) {
        check.fault(format_args!("{path}age_years"), "must be an age in whole years, at most 130");
        return None;
    }
    Some(Whom { age_years, relationship: relationship? })
}

/// What a question for the route says.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// The territory as the directory names it.
    pub territory: String,
    /// The kind.
    pub kind: ReferralKind,
    /// On what the residence rests.
    pub basis: ResidenceBasis,
    /// Whom it is about.
    pub whom: Whom,
    /// The strongest protection among the persons.
    pub protected_identity: ProtectedIdentity,
}

/// `ResolveRoute`.
pub fn resolve_route(request: &v1::ResolveRouteRequest) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let territory = if request.municipality.is_empty() { check.message("municipality", None) } else { Some(request.municipality.clone()) };
    let municipality = territory.and_then(|text| check.territory("municipality", text)).flatten().filter(|text| {
        let plain = !text.contains('/');
        if !plain {
            check.fault("municipality", "must be four digits; the district has a field of its own");
        }
        plain
    });
    let territory = match municipality {
        Some(code) if request.district.is_empty() => Some(code),
        Some(code) => check.territory("district", format!("{code}/{}", request.district)).flatten(),
        None => None,
    };
    let kind = check.code("kind", request.kind);
    let basis = check.optional_code("residence_basis", request.residence_basis);
    if basis == Some(None) {
        check.fault("residence_basis", NO_BASIS);
    }
    let whom = whom(&mut check, "", (request.age_years, request.relationship));
    let held = check.optional_code("protected_identity", request.protected_identity);
    let asked = || {
        let protected_identity = held?.unwrap_or(ProtectedIdentity::Unknown);
        Some(Asked { territory: territory?, kind: kind?, basis: basis??, whom: whom?, protected_identity })
    };
    let asked = asked();
    check.finish(asked)
}
