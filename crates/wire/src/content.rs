//! The look that the broker takes at content: whether it is of the declared category, whom it identifies, and with which protection.
//!
//! Nothing that is read here is kept, and nothing is ever encoded again.

use brygga_domain::command::{Identified, Told};
use brygga_domain::event::PersonName;
use brygga_domain::{Category, Code as _, ProtectedIdentity, Role};
use prost::Message;

use crate::content_v1::content::Section;
use crate::content_v1::{CaseParty, Content, Identity};

/// The category of encoded content; `None` when the bytes are no content of a known category.
pub fn category_of(bytes: &[u8]) -> Option<Category> {
    Content::decode(bytes).ok()?.section.as_ref().map(category)
}

/// Whether everything in encoded content was read when it was looked at. What a later contract added, or one arm before another, would travel
/// unseen: nobody would have looked whom it identifies. Protobuf has one shortest form of what it reads; more is something else.
pub fn is_read_whole(bytes: &[u8]) -> bool {
    Content::decode(bytes).is_ok_and(|content| content.encoded_len() == bytes.len())
}

/// Somebody of whom a section tells.
pub(crate) struct Somebody<'a> {
    /// Name and number, where they are given.
    pub(crate) identity: Option<&'a Identity>,
    /// What the person is among the parties; where that is open, the name must tell which one it is.
    role: RoleThere,
}

enum RoleThere {
    Known(&'static [Role]),
    Open(&'static [Role]),
}

const VICTIM: &[Role] = &[Role::Victim, Role::Child];
const SUSPECT: &[Role] = &[Role::Suspect];
const CHILD: &[Role] = &[Role::Child];
const CUSTODIAN: &[Role] = &[Role::Custodian, Role::Victim, Role::Suspect, Role::Reporter, Role::Witness];

/// Everybody of whom a section tells by its form: a child of the family is one with or without a name.
pub(crate) fn everybody(section: &Section) -> Vec<Somebody<'_>> {
    let one = |identity, role| vec![Somebody { identity, role: RoleThere::Known(role) }];
    match section {
        Section::VictimIdentity(victim) => one(victim.identity.as_ref(), VICTIM),
        Section::Suspect(suspect) => one(suspect.identity.as_ref(), SUSPECT),
        Section::Child(child) => one(child.identity.as_ref(), CHILD),
        Section::Children(it) => it.children.iter().flat_map(|child| one(child.identity.as_ref(), CHILD)).collect(),
        Section::CaseParties(it) => it.parties.iter().filter(|party| party.identity.is_some()).map(party_of_case).collect(),
        Section::Custodians(it) => {
            let named = it.custodians.iter().filter(|custodian| custodian.identity.is_some());
            named.map(|custodian| Somebody { identity: custodian.identity.as_ref(), role: RoleThere::Open(CUSTODIAN) }).collect()
        }
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
    }
}

fn party_of_case(party: &CaseParty) -> Somebody<'_> {
    let known = Role::ALL.iter().find(|role| role.number() == party.role);
    Somebody { identity: party.identity.as_ref(), role: known.map_or(RoleThere::Open(Role::ALL), |role| RoleThere::Known(std::slice::from_ref(role))) }
}

/// What encoded content tells of persons; `None` where it does not say whom it identifies as parties are named.
pub fn told_in(bytes: &[u8]) -> Option<Told> {
    let section = Content::decode(bytes).ok().and_then(|content| content.section);
    let identified = |somebody: Somebody<'_>| {
        let text = somebody.identity.map_or("", |identity| identity.person.as_str());
        let name = if text.is_empty() { None } else { Some(party(text)?) };
        let may_be = match somebody.role {
            RoleThere::Known(roles) => roles,
            RoleThere::Open(roles) => name.map(|_| roles)?,
        };
        let stated = somebody.identity.and_then(|identity| ProtectedIdentity::from_number(identity.protected_identity));
        Some(Identified { name, may_be, protected_identity: stated.unwrap_or(ProtectedIdentity::Unknown) })
    };
    let identified = section.as_ref().map_or_else(Vec::new, everybody).into_iter().map(identified).collect::<Option<_>>()?;
    Some(Told { residence: tells_residence(section.as_ref()), identified })
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
        use crate::content_v1::{CaseParties, Child, ChildOfFamily, Children, Custodian, Custodians, Suspect, VictimIdentity};
        let held = ProtectedIdentity::ProtectedPopulationRegistration;
        let party = |identity, role| Section::CaseParties(CaseParties { parties: vec![CaseParty { identity, role }], ..Default::default() });
        let arms = |identity: Option<Identity>| {
            [
                (Section::VictimIdentity(VictimIdentity { identity: identity.clone(), ..Default::default() }), VICTIM, true),
                (Section::Suspect(Suspect { identity: identity.clone(), ..Default::default() }), SUSPECT, true),
                (Section::Child(Child { identity: identity.clone(), ..Default::default() }), CHILD, true),
                (Section::Children(Children { children: vec![ChildOfFamily { identity: identity.clone(), ..Default::default() }] }), CHILD, true),
                (party(identity.clone(), Role::Witness.number()), &[Role::Witness], true),
                (party(identity.clone(), 0), Role::ALL, false),
                (Section::Custodians(Custodians { custodians: vec![Custodian { identity, ..Default::default() }] }), CUSTODIAN, false),
            ]
        };
        let found = |arm| told_in(&Content { section: Some(arm) }.encode_to_vec()).map(|told| told.identified);
        let called = |person: &str| Some(Identity { person: person.into(), protected_identity: held.number(), ..Identity::default() });
        let named = arms(called("child-2")).into_iter().zip(arms(called("")).into_iter().zip(arms(called("child-02"))));
        for (((named, may_be, needs_no_name), ((unnamed, ..), (amiss, ..))), (nothing, ..)) in named.zip(arms(None)) {
            let of = |name: Option<&str>| vec![Identified { name: name.map(|name| name.parse().unwrap()), may_be, protected_identity: held }];
            assert_eq!(found(named), Some(of(Some("child-2"))));
            assert_eq!(found(unnamed), needs_no_name.then(|| of(None)));
            assert_eq!(found(amiss), None);
            let by_form = usize::from(may_be.len() < 3 && !matches!(nothing, Section::CaseParties(_)));
            assert_eq!(found(nothing).map(|told| told.len()), Some(by_form), "who is told of without an identity");
        }
        assert_eq!(told_in(b"no content"), Some(Told::default()));
    }

    #[test]
    fn nothing_travels_in_content_that_nobody_reads() {
        use crate::content_v1::{ContactWindow, Custodian, Custodians, OffenceHeading, SafeContact, Suspect};
        let encoded = |section| Content { section: Some(section) }.encode_to_vec();
        let heading = encoded(Section::OffenceHeading(OffenceHeading { heading: "Misshandel".into(), ..Default::default() }));
        let suspect = encoded(Section::Suspect(Suspect { safety_note: "his".into(), ..Default::default() }));
        let windows = vec![ContactWindow { days: vec![1, 7], from: "09:00".into(), ..Default::default() }];
        let contact = encoded(Section::SafeContact(SafeContact { windows, channels: vec![1, 2], ..Default::default() }));
        assert!([&heading, &suspect, &contact].into_iter().all(|bytes| is_read_whole(bytes)));
        assert!(!is_read_whole(&[suspect, heading.clone()].concat()), "one arm behind another");
        let mut later = heading;
        prost::encoding::string::encode(1023, &"her street".to_owned(), &mut later);
        assert!(!is_read_whole(&later));
        // The telephone number of a custodian was once a field of its own.
        let mut custodian = Custodian::default().encode_to_vec();
        prost::encoding::string::encode(2, &"070-174 06 05".to_owned(), &mut custodian);
        let mut custodians = Vec::new();
        prost::encoding::bytes::encode(1, &custodian, &mut custodians);
        let mut old = Vec::new();
        prost::encoding::bytes::encode(21, &custodians, &mut old);
        assert_eq!(category_of(&old), Some(category(&Section::Custodians(Custodians::default()))));
        assert!(!is_read_whole(&old) && !is_read_whole(b"no content"));
    }

    #[test]
    fn what_is_no_content_has_no_category() {
        for bad in [&b""[..], b"\xff\xff", b"\xc2\x0c\x00", b"\x0a\x05ab"] {
            assert_eq!(category_of(bad), None, "{bad:?}");
        }
    }
}
