//! Who takes part: agencies, and their functions with inboxes.

use std::collections::BTreeMap;

use crate::clocks::Opening;
use crate::codes::AgencyKind;
use crate::content::OwnDays;
use crate::ids::{AgencyId, FunctionId};
use crate::routing::TargetGroup;
use crate::time::Time;

/// An agency of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// Its name in the directory.
    pub id: AgencyId,
    /// What it is.
    pub kind: AgencyKind,
    /// Name for people.
    pub name: String,
    /// Organisation number, 10 digits, where known.
    pub organisation_number: Option<String>,
    /// SHA-256 of the public key that issues its certificates, and the SAN URI that they carry.
    pub certificate: CertificateName,
    /// When the assignment agreement was signed (OSL 10:2a).
    pub agreement_at: Option<Time>,
    /// When the suitability assessment was made (OSL 10:2a).
    pub suitability_at: Option<Time>,
    /// How long content that it sends is kept, where it has set that.
    pub content_days: OwnDays,
}

impl Agency {
    /// An agency takes part once it has signed its agreement and assessed that the assignment is suitable.
    pub fn is_active(&self, now: Time) -> bool {
        self.agreement_at.is_some_and(|at| at <= now) && self.suitability_at.is_some_and(|at| at <= now)
    }
}

/// What in a certificate names an agency: never the CN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateName {
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer_key_hash: [u8; 32],
    /// The SAN URI, for example `urn:brygga:agency:solna-soc`.
    pub san_uri: String,
}

/// An addressable unit with an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, for example `solna-rvc`.
    pub id: FunctionId,
    /// The agency that answers for it.
    pub host: AgencyId,
    /// Name for people.
    pub name: String,
    /// Territories that it serves by agreement: municipality codes (SCB), or a district's name after a slash, `0180/bromma`.
    pub territories: Vec<String>,
    /// The kinds of referral it takes; empty: all that its agency's kind may receive.
    pub kinds: Vec<crate::codes::ReferralKind>,
    /// Whom it is there for.
    pub target: TargetGroup,
    /// Telephone number of the function, for what cannot wait.
    pub telephone: Option<String>,
    /// Who is there when.
    pub duty: OnDuty,
}

/// How a function works: who is there when, and what comes before content. Deputy and out-of-hours function are functions of the same agency; others are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnDuty {
    /// Whether it clears what its agency sends, and so is reminded while that is held.
    pub clears: bool,
    /// When it is open; absent: as the table of clocks says.
    pub opening: Option<Opening>,
    /// Who is told in its place when it does not act.
    pub deputy: Option<FunctionId>,
    /// Who is told in its place while it is closed.
    pub out_of_hours: Option<FunctionId>,
    /// Whether its officers see names, and nothing else, before they open: in a small unit they may know her, or him.
    pub conflict_step: bool,
}

/// The directory as decisions see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    agencies: BTreeMap<AgencyId, Agency>,
    functions: BTreeMap<FunctionId, Function>,
}

impl Directory {
    /// Puts an agency in, or replaces it.
    pub fn put_agency(&mut self, agency: Agency) {
        self.agencies.insert(agency.id.clone(), agency);
    }

    /// Puts a function in, or replaces it.
    pub fn put_function(&mut self, function: Function) {
        self.functions.insert(function.id.clone(), function);
    }

    /// The agency of that name.
    pub fn agency(&self, id: &AgencyId) -> Option<&Agency> {
        self.agencies.get(id)
    }

    /// The function of that name.
    pub fn function(&self, id: &FunctionId) -> Option<&Function> {
        self.functions.get(id)
    }

    /// The functions that clear what an agency sends, by name; the first is reminded.
    pub fn clearance_functions(&self, agency: &AgencyId) -> impl Iterator<Item = &Function> {
        self.functions.values().filter(move |function| function.host == *agency && function.duty.clears)
    }

    /// All agencies, by name.
    pub fn agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.values()
    }

    /// All functions, by name.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values()
    }

    /// The agency that a certificate belongs to.
    pub fn agency_of_certificate(&self, certificate: &CertificateName) -> Option<&Agency> {
        self.agencies.values().find(|agency| agency.certificate == *certificate)
    }
}
