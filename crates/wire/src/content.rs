//! The look that the broker takes at content: whether it is of the declared category, and what it says of protected identities.
//!
//! Nothing that is read here is kept, and nothing is ever encoded again.

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

/// The persons of encoded content who are said to have a protected identity, by their names in the referral; a name may be left out.
pub fn protected_in(bytes: &[u8]) -> Vec<(String, ProtectedIdentity)> {
    let section = Content::decode(bytes).ok().and_then(|content| content.section);
    let protection = |identity: Identity| match ProtectedIdentity::from_number(identity.protected_identity)? {
        held @ (ProtectedIdentity::ConfidentialityMarked | ProtectedIdentity::ProtectedPopulationRegistration) => Some((identity.person, held)),
        ProtectedIdentity::NotProtected | ProtectedIdentity::Unknown => None,
    };
    section.map_or_else(Vec::new, identities).into_iter().filter_map(protection).collect()
}

/// The persons whom the section says who they are, by the names that it gives them; one without a name is not among them.
pub fn identified_in(bytes: &[u8]) -> Vec<String> {
    let section = Content::decode(bytes).ok().and_then(|content| content.section);
    let named = section.map_or_else(Vec::new, identities).into_iter().map(|identity| identity.person);
    named.filter(|name| !name.is_empty()).collect()
}

/// Whether the section says in which place somebody is settled who has an own section on that.
pub fn tells_residence(bytes: &[u8]) -> bool {
    match Content::decode(bytes).ok().and_then(|content| content.section) {
        Some(Section::VictimIdentity(victim)) => !victim.residence_municipality.is_empty() || !victim.residence_district.is_empty(),
        Some(Section::Child(child)) => !child.residence_municipality.is_empty(),
        Some(_) | None => false,
    }
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
    fn whoever_is_said_to_be_protected_is_found_wherever_an_identity_stands() {
        use crate::content_v1::{CaseParties, CaseParty, Child, ChildOfFamily, Children, Custodian, Custodians, Suspect, VictimIdentity};
        let held = ProtectedIdentity::ProtectedPopulationRegistration;
        let identity = |protection: ProtectedIdentity| Some(Identity { person: "x-1".into(), protected_identity: protection.number(), ..Identity::default() });
        let arms = |protection: ProtectedIdentity| {
            let identity = || identity(protection);
            [
                Section::VictimIdentity(VictimIdentity { identity: identity(), ..Default::default() }),
                Section::Suspect(Suspect { identity: identity(), ..Default::default() }),
                Section::Child(Child { identity: identity(), ..Default::default() }),
                Section::Children(Children { children: vec![ChildOfFamily { identity: identity(), ..Default::default() }] }),
                Section::CaseParties(CaseParties { parties: vec![CaseParty { identity: identity(), ..Default::default() }], ..Default::default() }),
                Section::Custodians(Custodians { custodians: vec![Custodian { identity: identity(), ..Default::default() }] }),
            ]
        };
        let found = |arm| protected_in(&Content { section: Some(arm) }.encode_to_vec());
        for arm in arms(held) {
            assert_eq!(found(arm), [(String::from("x-1"), held)]);
        }
        for arm in arms(ProtectedIdentity::NotProtected).into_iter().chain(arms(ProtectedIdentity::Unknown)) {
            assert_eq!(found(arm), []);
        }
        assert_eq!(protected_in(b"no content"), []);
    }

    #[test]
    fn what_is_no_content_has_no_category() {
        for bad in [&b""[..], b"\xff\xff", b"\xc2\x0c\x00", b"\x0a\x05ab"] {
            assert_eq!(category_of(bad), None, "{bad:?}");
        }
    }
}
