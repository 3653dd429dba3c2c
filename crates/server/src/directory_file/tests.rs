//! The example file, the routes in it, and each error.

use brygga_domain::grounds::SHIPPED;
use brygga_domain::{GroundTable, Whom};

use super::*;

const EXAMPLE: &str = include_str!("../../../../deploy/examples/directory.json");

fn example() -> Directory {
    serde_json::from_str::<DirectoryFile>(EXAMPLE).unwrap().into_directory(Some([7; 32])).unwrap()
}

fn route(directory: &Directory, territory: &str, kind: ReferralKind) -> String {
    directory.route(territory, kind, Whom::default()).unwrap().id.to_string()
}

#[test]
fn the_example_holds_vasterort() {
    let directory = example();
    assert_eq!(directory.agencies().count(), 11);
    assert_eq!(directory.functions().count(), 10);
    let polis = directory.agency(&"vasterort-polis".parse().unwrap()).unwrap();
    assert_eq!(polis.certificate, CertificateName { issuer_key_hash: [7; 32], san_uri: "urn:brygga:agency:vasterort-polis".into() });
    assert_eq!(polis.organisation_number.as_deref(), Some("2021000076"));
    assert!(directory.agencies().all(|agency| agency.is_active(Time::from_micros(1_790_000_000_000_000))));
}

#[test]
fn a_minors_support_and_a_strangers_violence_go_to_the_board_of_residence() {
    let directory = example();
    let of = |age_years, relationship| Whom { age_years, relationship };
    for (age, relationship, wanted) in [
        (Some(17), None, "stockholm-bromma-mottagning"),
        (Some(18), None, "solna-rvc"),
        (None, Some(Relationship::FormerPartner), "solna-rvc"),
        (Some(40), Some(Relationship::OtherRelationship), "stockholm-bromma-mottagning"),
    ] {
        assert_eq!(directory.route("0180/bromma", ReferralKind::ContactRequest, of(age, relationship)).unwrap().id.as_str(), wanted);
    }
}

#[test]
fn an_adults_support_goes_to_the_rvc_and_a_child_to_the_board_of_residence() {
    let directory = example();
    let boards = [
        ("0184", "solna-mottagning"),
        ("0183", "sundbyberg-mottagning"),
        ("0125", "ekero-mottagning"),
        ("0180/bromma", "stockholm-bromma-mottagning"),
        ("0180/hasselby-vallingby", "stockholm-hasselby-vallingby-mottagning"),
        ("0180/rinkeby-kista", "stockholm-rinkeby-kista-mottagning"),
        ("0180/spanga-tensta", "stockholm-spanga-tensta-mottagning"),
    ];
    for (territory, board) in boards {
        for kind in [ReferralKind::ContactRequest, ReferralKind::ReportedOffence, ReferralKind::Decision, ReferralKind::Hearing, ReferralKind::CustodyOrBan] {
            assert_eq!(route(&directory, territory, kind), "solna-rvc", "{territory} {kind}");
        }
        for kind in [ReferralKind::ChildConcern, ReferralKind::Handover] {
            assert_eq!(route(&directory, territory, kind), board, "{territory} {kind}");
        }
    }
    assert!(directory.route("0114", ReferralKind::ChildConcern, Whom::default()).is_none());
}

#[test]
fn every_function_of_the_example_takes_only_kinds_that_its_agency_may_receive() {
    let table = GroundTable::load(SHIPPED).unwrap();
    let directory = example();
    for function in directory.functions() {
        let host = directory.agency(&function.host).unwrap();
        for kind in &function.kinds {
            assert!(table.kind(*kind).unwrap().to.contains(&host.kind), "{} {kind}", function.id);
        }
    }
}

#[test]
fn json_and_toml_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("directory.json");
    let toml_file = folder.path().join("directory.toml");
    fs::write(&json, r#"{"agencies":[{"id":"x-soc","kind":"social_board","name":"X"}],"functions":[{"id":"x-mottagning","host":"x-soc","name":"Y","territories":["0184"]}]}"#).unwrap();
    fs::write(
        &toml_file,
        "[[agencies]]\nid = 'x-soc'\nkind = 'social_board'\nname = 'X'\n[[functions]]\nid = 'x-mottagning'\nhost = 'x-soc'\nname = 'Y'\nterritories = ['0184']\n",
    )
    .unwrap();
    let read = |path: &Path| DirectoryFile::load(path).unwrap().into_directory(Some([1; 32])).unwrap();
    assert_eq!(read(&json), read(&toml_file));
    assert!(matches!(DirectoryFile::load(&folder.path().join("directory.txt")), Err(DirectoryError::Read { .. })));
    fs::rename(&json, folder.path().join("directory.txt")).unwrap();
    assert!(matches!(DirectoryFile::load(&folder.path().join("directory.txt")), Err(DirectoryError::Format { .. })));
}

#[test]
fn every_error_names_the_entry_and_the_field() {
    let agency = r#"{"id":"x-soc","kind":"social_board","name":"X"}"#;
    let function = r#"{"id":"x-rvc","host":"x-soc","name":"Y","territories":["0184"],"kinds":["hearing"]}"#;
    let file = |agencies: &str, functions: &str| format!(r#"{{"agencies":[{agencies}],"functions":[{functions}]}}"#);
    let agency_with = |change: &str| file(&format!(r#"{{"id":"x-soc","kind":"social_board","name":"X",{change}}}"#), "");
    let function_with = |change: &str| file(agency, &format!(r#"{{"id":"x-rvc","host":"x-soc","name":"Y",{change}}}"#));
    let cases = [
        (file(&agency.replace("x-soc", "X Soc"), ""), "agency X Soc: id:"),
        (file(&agency.replace("social_board", "church"), ""), "agency x-soc: kind: must be one of police, prosecution, social_board, supervisor"),
        (file(&agency.replace("\"X\"", "\" \""), ""), "agency x-soc: name:"),
        (file(&[agency, agency].join(","), ""), "agency x-soc: id: stands twice"),
        (
            file(&format!(r#"{agency},{{"id":"y-soc","kind":"police","name":"Y","san_uri":"urn:brygga:agency:x-soc"}}"#), ""),
            "agency y-soc: san_uri: agency x-soc",
        ),
        (agency_with(r#""san_uri":"https://x""#), "agency x-soc: san_uri:"),
        (agency_with(r#""organisation_number":"202100-0077""#), "agency x-soc: organisation_number:"),
        (agency_with(r#""organisation_number":"2021000076""#), "agency x-soc: organisation_number:"),
        (agency_with(r#""issuer_key_sha256":"beef""#), "agency x-soc: issuer_key_sha256:"),
        (agency_with(r#""agreement_on":"2026-02-30""#), "agency x-soc: agreement_on:"),
        (agency_with(r#""suitability_on":"1999-12-31""#), "agency x-soc: suitability_on:"),
        (file("", function), "function x-rvc: host: there is no agency x-soc"),
        (file(agency, &[function, function].join(",")), "function x-rvc: id: stands twice"),
        (file(agency, &[function.to_owned(), function.replace("x-rvc", "y-rvc")].join(",")), "function y-rvc: territories: 0184"),
        (function_with(r#""territories":["184"]"#), "function x-rvc: territories: 184"),
        (function_with(r#""kinds":["gossip"]"#), "function x-rvc: kinds: gossip"),
        (function_with(r#""kinds":["hearing","hearing"]"#), "function x-rvc: kinds: hearing stands twice"),
        (function_with(r#""target_group":{"age_from":18,"age_to":17}"#), "function x-rvc: target_group: age_from"),
        (function_with(r#""target_group":{"relationships":["friend"]}"#), "function x-rvc: target_group: friend"),
        (function_with(r#""target_group":{"relationships":["spouse","spouse"]}"#), "function x-rvc: target_group: spouse stands twice"),
        (function_with(r#""telephone":"call me""#), "function x-rvc: telephone:"),
        (function_with(r#""deputy":"y-rvc""#), "function x-rvc: deputy: y-rvc is no other function of x-soc"),
        (function_with(r#""deputy":"x-rvc""#), "function x-rvc: deputy:"),
        (function_with(r#""out_of_hours":"Y RVC""#), "function x-rvc: out_of_hours:"),
        (function_with(r#""opening":{"hours":[]}"#), "function x-rvc: opening:"),
        (function_with(r#""opening":{"hours":[{"days":["monday"],"from":"16:00","to":"08:00"}]}"#), "function x-rvc: opening:"),
        (
            file(agency, r#"{"id":"a-rvc","host":"x-soc","name":"A","clears":true},{"id":"b-rvc","host":"x-soc","name":"B","clears":true}"#),
            "function b-rvc: clears: another function of x-soc clears already",
        ),
    ];
    for (json, wanted) in cases {
        let error = serde_json::from_str::<DirectoryFile>(&json).unwrap().into_directory(Some([1; 32])).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error} instead of {wanted}");
    }
    let missing = serde_json::from_str::<DirectoryFile>(&file(agency, "")).unwrap().into_directory(None).unwrap_err().to_string();
    assert!(missing.starts_with("agency x-soc: issuer_key_sha256: is missing"), "{missing}");
    assert!(serde_json::from_str::<DirectoryFile>(&agency_with(r#""colour":"red""#)).unwrap_err().to_string().contains("colour"));
}
