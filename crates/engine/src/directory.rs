//! Directory entries as JSON: what is stored, and what the registration event holds the digest of.

use brygga_domain::clocks::Opening;
use brygga_domain::codes::{AgencyKind, ReferralKind, Relationship};
use brygga_domain::content::OwnDays;
use brygga_domain::directory::{CertificateName, OnDuty};
use brygga_domain::{Agency, Digest, Directory, Function, TargetGroup, Time};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::rows::{AgencyRow, Blob, FunctionRow};
use crate::store::Corrupt;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgencyEntry {
    id: String,
    kind: AgencyKind,
    name: String,
    organisation_number: Option<String>,
    issuer_key_hash: Blob,
    san_uri: String,
    agreement_at: Option<i64>,
    suitability_at: Option<i64>,
    #[serde(default, skip_serializing_if = "OwnDays::is_unset")]
    content_days: OwnDays,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionEntry {
    id: String,
    host: String,
    name: String,
    territories: Vec<String>,
    kinds: Vec<ReferralKind>,
    telephone: Option<String>,
    // What was added later is left out where it says nothing, so that entries which do not use it read as they always did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    clears: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opening: Option<Opening>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deputy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out_of_hours: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<TargetEntry>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    conflict_step: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    age_from: Option<u32>,
    age_to: Option<u32>,
    relationships: Vec<Relationship>,
}

impl From<&TargetGroup> for TargetEntry {
    fn from(target: &TargetGroup) -> Self {
        Self { age_from: target.age_from, age_to: target.age_to, relationships: target.relationships.clone() }
    }
}

impl From<TargetEntry> for TargetGroup {
    fn from(entry: TargetEntry) -> Self {
        Self { age_from: entry.age_from, age_to: entry.age_to, relationships: entry.relationships }
    }
}

/// An agency's entry as JSON.
pub fn agency_entry(agency: &Agency) -> String {
    let entry = AgencyEntry {
        id: agency.id.to_string(),
        kind: agency.kind,
        name: agency.name.clone(),
        organisation_number: agency.organisation_number.clone(),
        issuer_key_hash: agency.certificate.issuer_key_hash.into(),
        san_uri: agency.certificate.san_uri.clone(),
        agreement_at: agency.agreement_at.map(Time::micros),
        suitability_at: agency.suitability_at.map(Time::micros),
        content_days: agency.content_days,
    };
    serde_json::to_string(&entry).unwrap_or_default()
}

/// A function's entry as JSON.
pub fn function_entry(function: &Function) -> String {
    let entry = FunctionEntry {
        id: function.id.to_string(),
        host: function.host.to_string(),
        name: function.name.clone(),
        territories: function.territories.clone(),
        kinds: function.kinds.clone(),
        telephone: function.telephone.clone(),
        clears: function.duty.clears,
        opening: function.duty.opening.clone(),
        deputy: function.duty.deputy.as_ref().map(ToString::to_string),
        out_of_hours: function.duty.out_of_hours.as_ref().map(ToString::to_string),
        conflict_step: function.duty.conflict_step,
        target: (!function.target.is_everybody()).then(|| TargetEntry::from(&function.target)),
    };
    serde_json::to_string(&entry).unwrap_or_default()
}

/// The digest that a registration event holds.
pub fn entry_digest(entry: &str) -> Digest {
    Digest(sha2::Sha256::digest(entry.as_bytes()).into())
}

/// The directory of stored rows.
pub fn read(agencies: &[AgencyRow], functions: &[FunctionRow]) -> Result<Directory, Corrupt> {
    let mut directory = Directory::default();
    enter(&mut directory, agencies, functions)?;
    Ok(directory)
}

/// Enters stored rows into a directory, in place of what it has under their names.
pub fn enter(directory: &mut Directory, agencies: &[AgencyRow], functions: &[FunctionRow]) -> Result<(), Corrupt> {
    for row in agencies {
        directory.put_agency(agency(row).ok_or_else(|| Corrupt { table: "agency", row: row.id.clone(), column: "entry" })?);
    }
    for row in functions {
        directory.put_function(function(row).ok_or_else(|| Corrupt { table: "function", row: row.id.clone(), column: "entry" })?);
    }
    Ok(())
}

fn agency(row: &AgencyRow) -> Option<Agency> {
    let entry: AgencyEntry = serde_json::from_str(&row.entry).ok()?;
    Some(Agency {
        id: entry.id.parse().ok()?,
        kind: entry.kind,
        name: entry.name,
        organisation_number: entry.organisation_number,
        certificate: CertificateName { issuer_key_hash: entry.issuer_key_hash.0.try_into().ok()?, san_uri: entry.san_uri },
        agreement_at: entry.agreement_at.map(Time::from_micros),
        suitability_at: entry.suitability_at.map(Time::from_micros),
        content_days: entry.content_days,
    })
}

fn function(row: &FunctionRow) -> Option<Function> {
    let entry: FunctionEntry = serde_json::from_str(&row.entry).ok()?;
    Some(Function {
        id: entry.id.parse().ok()?,
        host: entry.host.parse().ok()?,
        name: entry.name,
        territories: entry.territories,
        kinds: entry.kinds,
        target: entry.target.map(TargetGroup::from).unwrap_or_default(),
        telephone: entry.telephone,
        duty: OnDuty {
            clears: entry.clears,
            opening: entry.opening,
            deputy: entry.deputy.map(|text| text.parse()).transpose().ok()?,
            out_of_hours: entry.out_of_hours.map(|text| text.parse()).transpose().ok()?,
            conflict_step: entry.conflict_step,
        },
    })
}
