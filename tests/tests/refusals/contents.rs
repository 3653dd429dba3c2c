//! Content that tells of whom nobody would be asked about, or holds what nobody reads.

use brygga_client::content::encode;
use brygga_client::content_v1::content::Section;
use brygga_client::content_v1::{Identity, Measure, MeasureKind, Measures, Suspect, VictimIdentity};
use brygga_client::v1;
use brygga_domain::{Category, Code as _, ProtectedIdentity, Reason, ReferralKind};
use bytes::Bytes;

use crate::rows::{BAD, KLARA, submission_of};
use crate::setting::Setting;
use crate::table::Row;

fn victim(person: &str, protected_identity: ProtectedIdentity, municipality: &str) -> Bytes {
    let identity = Some(Identity { person: person.to_owned(), protected_identity: protected_identity.number(), ..Default::default() });
    encode(Section::VictimIdentity(VictimIdentity { identity, residence_municipality: municipality.to_owned(), ..Default::default() }))
}

/// What is refused of content, when it comes first and when it is amended.
pub fn contents(setting: &Setting) -> Vec<Row> {
    let unknown = ProtectedIdentity::Unknown;
    let amended = |content| {
        let sections = vec![v1::AmendedSection { number: 1, content }];
        v1::AmendReferralRequest { referral: setting.ready.clone(), sections, ..Default::default() }
    };
    let first = |content: Bytes| submission_of(|it| it.sections[0].content = content);
    let suspect = encode(Section::Suspect(Suspect { safety_note: String::from("made up"), ..Default::default() }));
    let behind = Bytes::from([suspect, victim("victim-1", unknown, "")].concat());
    let later = |name, content| Row::new(name, KLARA, first(content), (BAD, Reason::MalformedMessage, "sections[0].content: must hold one content"));
    let mut unheard_of = victim("victim-1", unknown, "").to_vec();
    prost::encoding::string::encode(1023, &String::from("made up"), &mut unheard_of);
    let others = (BAD, Reason::MalformedMessage, "sections[0].content: must tell only of the section's persons");
    let arrested = Measures { measures: vec![Measure { kind: MeasureKind::Arrest.into(), ..Default::default() }] };
    let arrest = submission_of(|it| {
        it.kind = ReferralKind::ReportedOffence.number();
        (it.sections[0].category, it.sections[0].content) = (Category::Measures.number(), encode(Section::Measures(arrested)));
    });
    let marked = victim("", ProtectedIdentity::ConfidentialityMarked, "");
    vec![
        Row::new("somebody else in her section", KLARA, first(victim("suspect-1", unknown, "")), others),
        Row::new("an arrest in a section on her", KLARA, arrest, others),
        later("one content behind another", behind),
        later("a field that the contract does not know", Bytes::from(unheard_of)),
        Row::new(
            "amending her section to somebody else's",
            KLARA,
            amended(victim("suspect-1", unknown, "")),
            (BAD, Reason::ContentIdentifiesOthers, "section 1"),
        ),
        Row::new("amending to another protection", KLARA, amended(marked), (BAD, Reason::ContentProtectionDiffers, "section 1")),
        Row::new("amending to where she lives", KLARA, amended(victim("", unknown, "0184")), (BAD, Reason::ContentTellsResidence, "section 1")),
    ]
}
