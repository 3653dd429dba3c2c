//! The look that the broker takes at content: whether it is of the declared category, and what it says of protected identities.
//!
//! Nothing that is read here is kept, and nothing is ever encoded again.

use brygga_domain::command::{Identified, Told};
use brygga_domain::event::PersonName;
use brygga_domain::{Category, Code as _, ProtectedIdentity};
use prost::Message;

use crate::content_v1::content::Section;
use crate::content_v1::{Content, Identity};

/// The category of encoded content; `None` when the bytes are no content of a known category.
pub fn category_of(bytes: &[u8]) -> Option<Category> {
    Content::decode(bytes).ok()?.section.as_ref().map(category)
}

/// Every identity that a section holds.
pub(crate) fn identities(section: Section) -> Vec<Identity> {
    let identities: Vec<Option<Identity>> = match section {
        Section::VictimIdentity(victim) => vec![victim.identity],
        Section::Suspect(suspect) => vec![suspect.identity],
        Section::Child(child) => vec![child.identity],
        Section::Children(children) => children.children.into_iter().map(|child| child.identity).collect(),
        Section::CaseParties(case) => case.parties.into_iter().map(|party| party.identity).collect(),
        Section::Custodians(custodians) => custodians.custodians.into_iter().map(|custodian| custodian.identity).collect(),
        Section::SafeContact(_)
        | Section::Interpreter(_)
        | Section::OffenceHeading(_)
        | Section::Offence(_)
        | Section::RiskAssessment(_)
        | Section::Measures(_)
        | Section::SupportNeeds(_)
        | Section::ContactBanRequest(_)
        | Section::InformationWish(_)
        | Section::CourtDecision(_)
        | Section::HearingNotice(_)
        | Section::CustodyNotice(_)
        | Section::SupportStatus(_)
        | Section::RiskNotice(_)
        | Section::ContactData(_)
        | Section::Concern(_)
        | Section::ImmediateDanger(_)
        | Section::Whereabouts(_) => Vec::new(),
    };
    identities.into_iter().flatten().collect()
}

/// What encoded content tells of persons; `None` where it names somebody as no party is named.
pub fn told_in(bytes: &[u8]) -> Option<Told> {
    let section = Content::decode(bytes).ok().and_then(|content| content.section);
    let residence = tells_residence(section.as_ref());
    let identified = |identity: Identity| {
        let name = if identity.person.is_empty() { None } else { Some(party(&identity.person)?) };
        let protected_identity = ProtectedIdentity::from_number(identity.protected_identity).unwrap_or(ProtectedIdentity::Unknown);
        Some(Identified { name, protected_identity })
    };
    let identified = section.map_or_else(Vec::new, identities).into_iter().map(identified).collect::<Option<_>>()?;
    Some(Told { residence, identified })
}

/// Whether the section says in which place somebody is settled who has an own section on that.
fn tells_residence(section: Option<&Section>) -> bool {
    match section {
        Some(Section::VictimIdentity(victim)) => !victim.residence_municipality.is_empty() || !victim.residence_district.is_empty(),
        Some(Section::Child(child)) => !child.residence_municipality.is_empty(),
        Some(_) | None => false,
    }
}

/// The name of a party in its one spelling: `child-02` and `child-2` must not be two persons.
pub(crate) fn party(text: &str) -> Option<PersonName> {
    text.parse().ok().filter(|name: &PersonName| name.to_string() == text)
}

/// The individual assessment that a child concern rests on; nothing in content of another category.
pub fn assessment_in(bytes: &[u8]) -> Option<String> {
    match Content::decode(bytes).ok()?.section? {
        Section::Concern(concern) => Some(concern.assessment),
        Section::VictimIdentity(_)
        | Section::SafeContact(_)
        | Section::Interpreter(_)
        | Section::OffenceHeading(_)
        | Section::Offence(_)
        | Section::RiskAssessment(_)
        | Section::Children(_)
        | Section::Suspect(_)
        | Section::Measures(_)
        | Section::SupportNeeds(_)
        | Section::CaseParties(_)
        | Section::ContactBanRequest(_)
        | Section::InformationWish(_)
        | Section::CourtDecision(_)
        | Section::HearingNotice(_)
        | Section::CustodyNotice(_)
        | Section::SupportStatus(_)
        | Section::RiskNotice(_)
        | Section::ContactData(_)
        | Section::Child(_)
        | Section::Custodians(_)
        | Section::ImmediateDanger(_)
        | Section::Whereabouts(_) => None,
    }
}

/// The category that content belongs to.
pub fn category(section: &Section) -> Category {
    match section {
        Section::VictimIdentity(_) => Category::VictimIdentity,
        Section::SafeContact(_) => Category::SafeContact,
        Section::Interpreter(_) => Category::Interpreter,
        Section::OffenceHeading(_) => Category::OffenceHeading,
        Section::Offence(_) => Category::Offence,
        Section::RiskAssessment(_) => Category::RiskAssessment,
        Section::Children(_) => Category::Children,
        Section::Suspect(_) => Category::Suspect,
        Section::Measures(_) => Category::Measures,
        Section::SupportNeeds(_) => Category::SupportNeeds,
        Section::CaseParties(_) => Category::CaseParties,
        Section::ContactBanRequest(_) => Category::ContactBanRequest,
        Section::InformationWish(_) => Category::InformationWish,
        Section::CourtDecision(_) => Category::CourtDecision,
        Section::HearingNotice(_) => Category::HearingNotice,
        Section::CustodyNotice(_) => Category::CustodyNotice,
        Section::SupportStatus(_) => Category::SupportStatus,
        Section::RiskNotice(_) => Category::RiskNotice,
        Section::ContactData(_) => Category::ContactData,
        Section::Child(_) => Category::Child,
        Section::Custodians(_) => Category::Custodians,
        Section::Concern(_) => Category::Concern,
        Section::ImmediateDanger(_) => Category::ImmediateDanger,
        Section::Whereabouts(_) => Category::Whereabouts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_content_under_its_own_number() {
        for known in Category::ALL {
            let tag = u32::try_from(known.number()).unwrap() << 3 | 2;
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(u64::from(tag), &mut bytes);
            bytes.push(0);
            assert_eq!(category_of(&bytes), Some(*known));
        }
    }

    #[test]
    fn whoever_is_identified_is_found_wherever_an_identity_stands() {
        use crate::content_v1::{CaseParties, CaseParty, Child, ChildOfFamily, Children, Custodian, Custodians, Suspect, VictimIdentity};
        let held = ProtectedIdentity::ProtectedPopulationRegistration;
        let arms = |person: &str| {
            let identity = || Some(Identity { person: person.into(), protected_identity: held.number(), ..Identity::default() });
            [
                Section::VictimIdentity(VictimIdentity { identity: identity(), ..Default::default() }),
                Section::Suspect(Suspect { identity: identity(), ..Default::default() }),
                Section::Child(Child { identity: identity(), ..Default::default() }),
                Section::Children(Children { children: vec![ChildOfFamily { identity: identity(), ..Default::default() }] }),
                Section::CaseParties(CaseParties { parties: vec![CaseParty { identity: identity(), ..Default::default() }], ..Default::default() }),
                Section::Custodians(Custodians { custodians: vec![Custodian { identity: identity(), ..Default::default() }] }),
            ]
        };
        let found = |arm| told_in(&Content { section: Some(arm) }.encode_to_vec()).map(|told| told.identified);
        let of = |name: Option<&str>| vec![Identified { name: name.map(|name| name.parse().unwrap()), protected_identity: held }];
        for ((named, unnamed), amiss) in arms("child-2").into_iter().zip(arms("")).zip(arms("child-02")) {
            assert_eq!(found(named), Some(of(Some("child-2"))));
            assert_eq!(found(unnamed), Some(of(None)));
            assert_eq!(found(amiss), None);
        }
        assert_eq!(told_in(b"no content"), Some(Told::default()));
    }

    #[test]
    fn what_is_no_content_has_no_category() {
        for bad in [&b""[..], b"\xff\xff", b"\xc2\x0c\x00", b"\x0a\x05ab"] {
            assert_eq!(category_of(bad), None, "{bad:?}");
        }
    }
}
