//! The directory as a file: agencies and their functions, in JSON or TOML.
//!
//! It is read at start and by `config check`; the engine turns what differs from its journal into events. It must never let two
//! agencies share a certificate name, or a function serve under an agency that does not exist.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use brygga_domain::clocks::Opening;
use brygga_domain::codes::{AgencyKind, Code, ReferralKind, Relationship};
use brygga_domain::content::OwnDays;
use brygga_domain::directory::{CertificateName, OnDuty};
use brygga_domain::{Agency, AgencyId, Directory, Function, FunctionId, TargetGroup, Time};
use serde::Deserialize;

/// The file's shape.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryFile {
    /// What the file is, for people.
    #[serde(default)]
    pub about: Option<String>,
    /// The issuer of every agency's certificate that names none of its own: SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
    #[serde(default)]
    pub issuer_key_sha256: Option<String>,
    /// The agencies.
    pub agencies: Vec<AgencyEntry>,
    /// Their functions.
    pub functions: Vec<FunctionEntry>,
}

/// An agency in the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgencyEntry {
    /// Its name in the directory.
    pub id: String,
    /// What it is: police, prosecution, `social_board`, supervisor.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// `NNNNNN-NNNN`.
    #[serde(default)]
    pub organisation_number: Option<String>,
    /// The issuer of its certificates, where it differs from the file's.
    #[serde(default)]
    pub issuer_key_sha256: Option<String>,
    /// The URI in its certificates; absent: `urn:brygga:agency:` and its name.
    #[serde(default)]
    pub san_uri: Option<String>,
    /// The day on which the assignment agreement was signed, `YYYY-MM-DD`.
    #[serde(default)]
    pub agreement_on: Option<String>,
    /// The day of the suitability assessment, `YYYY-MM-DD`.
    #[serde(default)]
    pub suitability_on: Option<String>,
    /// How many days content that it sends is kept, held and delivered; absent: as the table of clocks says.
    #[serde(default)]
    pub content_days: OwnDays,
}

/// A function in the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionEntry {
    /// Its name.
    pub id: String,
    /// The agency that answers for it.
    pub host: String,
    /// Name for people.
    pub name: String,
    /// Municipality codes, with a district's name after a slash.
    #[serde(default)]
    pub territories: Vec<String>,
    /// Kinds of referral; none: all that no other function of the territory takes.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Whom it is there for; none: everybody.
    #[serde(default)]
    pub target_group: TargetEntry,
    /// Telephone number.
    #[serde(default)]
    pub telephone: Option<String>,
    /// Whether it clears what its agency sends, and is reminded while that is held; one function of an agency does.
    #[serde(default)]
    pub clears: bool,
    /// When it is open; none: the office hours of the table of clocks.
    #[serde(default)]
    pub opening: Option<Opening>,
    /// The function of the same agency that is told when this one does not act.
    #[serde(default)]
    pub deputy: Option<String>,
    /// The function of the same agency that is told while this one is closed.
    #[serde(default)]
    pub out_of_hours: Option<String>,
    /// Whether its officers check for conflicts of interest, on the names alone, before they open.
    #[serde(default)]
    pub conflict_step: bool,
}

/// A target group in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetEntry {
    /// From which age, in whole years.
    #[serde(default)]
    pub age_from: Option<u32>,
    /// Up to and with which age, in whole years.
    #[serde(default)]
    pub age_to: Option<u32>,
    /// Relationships to the suspect; none: all.
    #[serde(default)]
    pub relationships: Vec<String>,
}

/// Why a directory file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The name ends neither in `.json` nor in `.toml`.
    #[error("{} must end in .json or .toml", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// Not the JSON that is wanted.
    #[error("{} is not a directory file", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// Not the TOML that is wanted.
    #[error("{} is not a directory file", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An entry can't be used.
    #[error("{entry}: {field}: {why}")]
    Entry {
        /// Which: `agency solna-soc` or `function solna-rvc`.
        entry: String,
        /// The field.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
}

impl DirectoryFile {
    /// Reads a file; its ending tells the format.
    pub fn load(path: &Path) -> Result<Self, DirectoryError> {
        let text = fs::read_to_string(path).map_err(|source| DirectoryError::Read { path: path.to_owned(), source })?;
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => serde_json::from_str(&text).map_err(|source| DirectoryError::Json { path: path.to_owned(), source }),
            Some("toml") => toml::from_str(&text).map_err(|source| DirectoryError::Toml { path: path.to_owned(), source: Box::new(source) }),
            Some(_) | None => Err(DirectoryError::Format { path: path.to_owned() }),
        }
    }

    /// Checks every entry. `assumed_issuer` is used where the file names none: a development world's own authority.
    pub fn into_directory(self, assumed_issuer: Option<[u8; 32]>) -> Result<Directory, DirectoryError> {
        let issuer = match &self.issuer_key_sha256 {
            Some(text) => Some(key_hash(text).ok_or_else(|| wrong("file", "issuer_key_sha256", NOT_A_HASH))?),
            None => assumed_issuer,
        };
        let mut directory = Directory::default();
        for entry in self.agencies {
            let agency = entry.into_agency(issuer)?;
            let name = format!("agency {}", agency.id);
            if directory.agency(&agency.id).is_some() {
                return Err(wrong(name, "id", "stands twice"));
            }
            if let Some(other) = directory.agency_of_certificate(&agency.certificate) {
                return Err(wrong(name, "san_uri", format!("agency {} has the same issuer and URI", other.id)));
            }
            directory.put_agency(agency);
        }
        let mut served = BTreeSet::new();
        for entry in self.functions {
            let function = entry.into_function(&directory)?;
            let name = format!("function {}", function.id);
            if directory.function(&function.id).is_some() {
                return Err(wrong(name, "id", "stands twice"));
            }
            for territory in &function.territories {
                // A function that names no kind is the one for the rest; that may be only one, too.
                let kinds = if function.kinds.is_empty() { vec![None] } else { function.kinds.iter().copied().map(Some).collect() };
                for kind in kinds {
                    if !served.insert((territory.clone(), kind)) {
                        return Err(wrong(name, "territories", format!("{territory} is already served by another function for the same kind")));
                    }
                }
            }
            directory.put_function(function);
        }
        check_duties(&directory)?;
        Ok(directory)
    }
}

const NOT_A_HASH: &str = "must be 64 hexadecimal digits";

impl AgencyEntry {
    fn into_agency(self, issuer: Option<[u8; 32]>) -> Result<Agency, DirectoryError> {
        let name = format!("agency {}", self.id);
        let id: AgencyId = self.id.parse().map_err(|_| wrong(&name, "id", NOT_A_SLUG))?;
        let kind = AgencyKind::from_text(&self.kind).ok_or_else(|| wrong(&name, "kind", one_of::<AgencyKind>()))?;
        let issuer_key_hash = match &self.issuer_key_sha256 {
            Some(text) => key_hash(text).ok_or_else(|| wrong(&name, "issuer_key_sha256", NOT_A_HASH))?,
            None => issuer.ok_or_else(|| wrong(&name, "issuer_key_sha256", "is missing, here and for the whole file"))?,
        };
        let san_uri = self.san_uri.unwrap_or_else(|| crate::tls::agency_uri(&id));
        if !san_uri.starts_with("urn:") || !san_uri.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong(&name, "san_uri", "must be a URN"));
        }
        let organisation_number = match &self.organisation_number {
            Some(text) => Some(organisation_number(text).ok_or_else(|| wrong(&name, "organisation_number", "must be NNNNNN-NNNN with a right check digit"))?),
            None => None,
        };
        Ok(Agency {
            kind,
            name: person_name(&name, &self.name)?,
            organisation_number,
            certificate: CertificateName { issuer_key_hash, san_uri },
            agreement_at: day(&name, "agreement_on", self.agreement_on.as_deref())?,
            suitability_at: day(&name, "suitability_on", self.suitability_on.as_deref())?,
            content_days: self.content_days,
            id,
        })
    }
}

impl FunctionEntry {
    fn into_function(self, directory: &Directory) -> Result<Function, DirectoryError> {
        let name = format!("function {}", self.id);
        let id: FunctionId = self.id.parse().map_err(|_| wrong(&name, "id", NOT_A_SLUG))?;
        let host: AgencyId = self.host.parse().map_err(|_| wrong(&name, "host", NOT_A_SLUG))?;
        if directory.agency(&host).is_none() {
            return Err(wrong(&name, "host", format!("there is no agency {host}")));
        }
        if let Some(bad) = self.territories.iter().find(|territory| !is_territory(territory)) {
            return Err(wrong(&name, "territories", format!("{bad} is not a municipality code like 0184 or 0180/bromma")));
        }
        let mut kinds = Vec::with_capacity(self.kinds.len());
        for text in &self.kinds {
            let kind = ReferralKind::from_text(text).ok_or_else(|| wrong(&name, "kinds", format!("{text}: {}", one_of::<ReferralKind>())))?;
            if kinds.contains(&kind) {
                return Err(wrong(&name, "kinds", format!("{text} stands twice")));
            }
            kinds.push(kind);
        }
        let target = self.target_group.into_target(&name)?;
        if self.telephone.as_ref().is_some_and(|number| !is_telephone(number)) {
            return Err(wrong(&name, "telephone", "must be digits, blanks, hyphens and one leading plus"));
        }
        if self.opening.as_ref().is_some_and(|opening| !opening.is_sound()) {
            return Err(wrong(name, "opening", "must have hours, each on some day and from an earlier to a later time"));
        }
        let duty = OnDuty {
            clears: self.clears,
            opening: self.opening,
            deputy: other(&name, "deputy", self.deputy.as_deref())?,
            out_of_hours: other(&name, "out_of_hours", self.out_of_hours.as_deref())?,
            conflict_step: self.conflict_step,
        };
        Ok(Function { id, host, name: person_name(&name, &self.name)?, territories: self.territories, kinds, target, telephone: self.telephone, duty })
    }
}

impl TargetEntry {
    fn into_target(self, name: &str) -> Result<TargetGroup, DirectoryError> {
        if self.age_from.zip(self.age_to).is_some_and(|(from, to)| from > to) {
            return Err(wrong(name, "target_group", "age_from is above age_to"));
        }
        let mut relationships = Vec::with_capacity(self.relationships.len());
        for text in &self.relationships {
            let known = Relationship::from_text(text).ok_or_else(|| wrong(name, "target_group", format!("{text}: {}", one_of::<Relationship>())))?;
            if relationships.contains(&known) {
                return Err(wrong(name, "target_group", format!("{text} stands twice")));
            }
            relationships.push(known);
        }
        Ok(TargetGroup { age_from: self.age_from, age_to: self.age_to, relationships })
    }
}

fn other(entry: &str, field: &'static str, text: Option<&str>) -> Result<Option<FunctionId>, DirectoryError> {
    text.map(|text| text.parse().map_err(|_| wrong(entry, field, NOT_A_SLUG))).transpose()
}

/// Whoever stands in for a function learns which referral waits for it, so it is a function of the same agency.
fn check_duties(directory: &Directory) -> Result<(), DirectoryError> {
    for function in directory.functions() {
        let name = || format!("function {}", function.id);
        for (field, named) in [("deputy", &function.duty.deputy), ("out_of_hours", &function.duty.out_of_hours)] {
            let Some(id) = named else { continue };
            let sister = directory.function(id).is_some_and(|other| other.host == function.host && other.id != function.id);
            if !sister {
                return Err(wrong(name(), field, format!("{id} is no other function of {}", function.host)));
            }
        }
        if function.duty.clears && directory.clearance_functions(&function.host).next() != Some(function) {
            return Err(wrong(name(), "clears", format!("another function of {} clears already", function.host)));
        }
    }
    Ok(())
}

const NOT_A_SLUG: &str = "must be lower-case letters, digits and hyphens, and begin with a letter";
/// Longest name for people, in bytes.
const NAME_BYTES_MAX: usize = 120;

fn wrong(entry: impl Into<String>, field: &'static str, why: impl Into<String>) -> DirectoryError {
    DirectoryError::Entry { entry: entry.into(), field, why: why.into() }
}

fn one_of<C: Code>() -> String {
    let codes: Vec<&str> = C::ALL.iter().map(|code| code.as_str()).collect();
    format!("must be one of {}", codes.join(", "))
}

fn person_name(entry: &str, name: &str) -> Result<String, DirectoryError> {
    let fits = !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(wrong(entry, "name", "must be a line of at most 120 bytes")) }
}

fn key_hash(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// Ten digits without the hyphen; the last one is a Luhn check, and the third is at least 2, which tells it from a personal number.
fn organisation_number(text: &str) -> Option<String> {
    let (left, right) = text.split_once('-')?;
    let digits = [left, right].concat();
    if left.len() != 6 || right.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.as_bytes().get(2).is_none_or(|third| *third < b'2') {
        return None;
    }
    let luhn: u32 = digits
        .bytes()
        .enumerate()
        .map(|(place, byte)| {
            let doubled = u32::from(byte - b'0') * if place % 2 == 0 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    luhn.is_multiple_of(10).then_some(digits)
}

/// The first moment of a day in UTC.
fn day(entry: &str, field: &'static str, text: Option<&str>) -> Result<Option<Time>, DirectoryError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = text.parse::<jiff::civil::Date>().ok().filter(|date| date.to_string() == text);
    let start = parsed.and_then(|date| date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok());
    let named = start.and_then(|start| Time::named(start.timestamp().as_microsecond()));
    named.map(Some).ok_or_else(|| wrong(entry, field, "must be a day of the form YYYY-MM-DD from 2000 on"))
}

fn is_territory(text: &str) -> bool {
    let (code, district) = text.split_once('/').map_or((text, None), |(code, district)| (code, Some(district)));
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit()) && district.is_none_or(is_name)
}

fn is_telephone(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    text.len() <= 24 && rest.bytes().any(|byte| byte.is_ascii_digit()) && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ' || byte == b'-')
}
