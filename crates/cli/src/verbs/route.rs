//! Where a referral goes.

use brygga_domain::{Code, Relationship};
use brygga_wire::v1;

use crate::args::RouteArgs;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::message;

/// `referral route`.
pub async fn route(desk: &mut Desk<'_>, asked: RouteArgs) -> Result<(), Failure> {
    let (municipality, district) = asked.territory.split_once('/').unwrap_or((&asked.territory, ""));
    let request = v1::ResolveRouteRequest {
        municipality: municipality.to_owned(),
        district: district.to_owned(),
        kind: asked.kind.number(),
        residence_basis: asked.residence.number(),
        age_years: asked.age,
        relationship: asked.relationship.map_or(0, Relationship::number),
        protected_identity: asked.protected_identity.map_or(0, Code::number),
    };
    let (client, _) = desk.client()?;
    // Where somebody lives is not repeated in what goes wrong.
    let answer = client.resolve_route(request).await.map_err(|error| Failure::client(&error))?;
    let function = answer.function.clone().unwrap_or_default();
    let telephone = if function.telephone.is_empty() { String::from("the directory has no number") } else { function.telephone };
    desk.answer(&[format!("goes to    {}   {}, {}; telephone {telephone}", function.id, function.display_name, function.host)], message::show(&answer))
}
