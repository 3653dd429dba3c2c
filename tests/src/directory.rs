//! A small made-up directory: one agency of each kind, and one that may not take part.

use brygga_domain::directory::{CertificateName, OnDuty};
use brygga_domain::{Agency, AgencyKind, Directory, Function, GroundTable, ReferralKind, TargetGroup, Time};

/// The time at which tests begin: 2026-11-23T08:00:00Z.
pub const START_US: i64 = 1_795_420_800_000_000;

/// The agencies of the test world with their kinds.
pub const AGENCIES: [(&str, AgencyKind); 6] = [
    ("vasterort-polis", AgencyKind::Police),
    ("vasterort-aklagare", AgencyKind::Prosecution),
    ("solna-soc", AgencyKind::SocialBoard),
    ("ekero-soc", AgencyKind::SocialBoard),
    ("ivo", AgencyKind::Supervisor),
    ("vilande-soc", AgencyKind::SocialBoard),
];

/// The functions of the test world with their hosts.
pub const FUNCTIONS: [(&str, &str); 6] = [
    ("vasterort-polis-brottsoffer", "vasterort-polis"),
    ("vasterort-aklagare-kammare", "vasterort-aklagare"),
    ("solna-rvc", "solna-soc"),
    ("solna-mottagning", "solna-soc"),
    ("ekero-mottagning", "ekero-soc"),
    ("vilande-mottagning", "vilande-soc"),
];

/// The test directory. `vilande-soc` has no agreement in force; `solna-rvc` does not take child concerns, and `solna-mottagning` is its deputy.
///
/// # Panics
/// When a name above is not a slug.
pub fn directory() -> Directory {
    let mut directory = Directory::default();
    let signed = Some(Time::from_micros(START_US - 1));
    for (id, kind) in AGENCIES {
        let active = id != "vilande-soc";
        directory.put_agency(Agency {
            id: id.parse().unwrap(),
            kind,
            name: id.to_owned(),
            organisation_number: None,
            certificate: CertificateName { issuer_key_hash: [7; 32], san_uri: format!("urn:brygga:agency:{id}") },
            agreement_at: signed.filter(|_| active),
            suitability_at: signed,
            content_days: brygga_domain::content::OwnDays::default(),
        });
    }
    for (id, host) in FUNCTIONS {
        let rvc = [ReferralKind::ContactRequest, ReferralKind::ReportedOffence, ReferralKind::Decision, ReferralKind::Hearing, ReferralKind::CustodyOrBan];
        directory.put_function(Function {
            id: id.parse().unwrap(),
            host: host.parse().unwrap(),
            name: id.to_owned(),
            territories: vec![String::from("0184")],
            kinds: if id == "solna-rvc" { rvc.to_vec() } else { Vec::new() },
            target: TargetGroup::default(),
            telephone: None,
            duty: OnDuty { clears: id != "solna-rvc", deputy: (id == "solna-rvc").then(|| "solna-mottagning".parse().unwrap()), ..OnDuty::default() },
        });
    }
    directory
}

/// The shipped ground table.
///
/// # Panics
/// When it does not load.
pub fn table() -> GroundTable {
    GroundTable::load(brygga_domain::grounds::SHIPPED).unwrap()
}
