//! Break-glass: an emergency is declared, and reviewed afterwards.

use std::path::PathBuf;

use brygga_domain::{Code as _, EmergencyVerdict};
use brygga_wire::v1;
use jiff::Timestamp;

use crate::args::EmergencyArgs;
use crate::desk::{Desk, whole};
use crate::failure::Failure;
use crate::verbs::clearance::tell;
use crate::verbs::inbox::time;
use crate::words;

/// What a review says.
pub struct Review {
    /// The referral.
    pub referral: String,
    /// Position of the declaration; absent: the only one that waits.
    pub emergency: Option<u64>,
    /// The verdict.
    pub verdict: EmergencyVerdict,
    /// Where the reasons lie.
    pub reasons: PathBuf,
}

/// `clearance emergency`.
pub async fn declare(desk: &mut Desk<'_>, said: EmergencyArgs) -> Result<(), Failure> {
    let telephoned_at = said.telephoned.as_ref().map(|text| time(text, desk.now)).transpose()?;
    let request = v1::DeclareEmergencyRequest {
        referral: said.referral.clone(),
        hours: said.hours,
        reasons: Desk::text(&said.reasons)?,
        telephoned_at,
        ..v1::DeclareEmergencyRequest::default()
    };
    let Some(answer) = desk.write(request, "").await.map_err(|failure| failure.about(said.referral))? else { return Ok(()) };
    let (referral, shown) = (answer.response.referral.clone().unwrap_or_default(), whole(&answer));
    tell(desk, &referral, &answer, shown)
}

/// `clearance review`.
pub async fn review(desk: &mut Desk<'_>, said: Review) -> Result<(), Failure> {
    let emergency = match said.emergency {
        Some(position) => position,
        None => only_one(desk, &said.referral).await?,
    };
    let request = v1::ReviewEmergencyRequest {
        referral: said.referral.clone(),
        emergency,
        verdict: said.verdict.number(),
        reasons: Desk::text(&said.reasons)?,
        ..v1::ReviewEmergencyRequest::default()
    };
    let Some(answer) = desk.write(request, "").await.map_err(|failure| failure.about(said.referral))? else { return Ok(()) };
    let (referral, shown) = (answer.response.referral.clone().unwrap_or_default(), whole(&answer));
    tell(desk, &referral, &answer, shown)
}

/// The only emergency of the referral that waits for its review.
async fn only_one(desk: &mut Desk<'_>, referral: &str) -> Result<u64, Failure> {
    let (client, settings) = desk.client()?;
    let asked = v1::AssessReferralRequest { referral: referral.to_owned(), officer: desk.reader(&settings), ..v1::AssessReferralRequest::default() };
    let stands = client.assess_referral(asked).await.map_err(|error| Failure::client(&error).about(referral))?.referral.unwrap_or_default();
    let waiting: Vec<u64> = unreviewed(&stands).map(|emergency| emergency.position).collect();
    match waiting.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failure::usage("no emergency of the referral waits for a review")),
        [..] => Err(Failure::usage("more than one waits for a review").with_try("--emergency POSITION")),
    }
}

fn unreviewed(referral: &v1::ClearanceReferral) -> impl Iterator<Item = &v1::Emergency> {
    referral.emergencies.iter().filter(|emergency| emergency.review.is_none())
}

/// What waits for a review, with when it is due, as a column takes it.
pub fn to_review(referral: &v1::ClearanceReferral, now: Timestamp) -> String {
    unreviewed(referral)
        .map(|emergency| format!("log {}, {}", emergency.position, words::due(emergency.review_due_at.as_ref(), now)))
        .collect::<Vec<_>>()
        .join("; ")
}

/// One line for each emergency that was not reviewed: what it does while it stands, and what it wants afterwards.
pub fn standing(referral: &v1::ClearanceReferral, now: Timestamp) -> Vec<String> {
    let line = |emergency: &v1::Emergency| {
        let ends = words::stamp(emergency.expires_at.as_ref()).filter(|ends| *ends > now);
        let stands = ends
            .map_or_else(|| String::from("over"), |ends| format!("stands until {}: what is decided leaves before a second officer's word", words::local(ends)));
        let due = words::due(emergency.review_due_at.as_ref(), now);
        format!("emergency  log {}, {stands}; review {due}", emergency.position)
    };
    unreviewed(referral).map(line).collect()
}
