//! The look that the broker takes at content: whether it is of the declared category, whom it identifies, and with which protection.
//!
//! Nothing that is read here is kept. What is stored and forwarded are the bytes as they came; what is encoded here is only held against them.

use brygga_domain::command::{Identified, Told};
use brygga_domain::event::PersonName;
use brygga_domain::{Category, Code as _, ProtectedIdentity, Role};
use prost::Message;

use crate::content_v1::content::Section;
use crate::content_v1::{CaseParty, Content, Identity, Measure, MeasureKind};

/// Content that was looked at.
pub(crate) struct Read {
    /// What stands in it.
    pub(crate) section: Section,
    /// Whether that is all, and whom it identifies was understood. What a later contract added, or one arm behind another, would travel unseen.
    /// So the bytes must be those that this program would write for what it read.
    pub(crate) whole: bool,
}

/// Reads encoded content; `None` when the bytes are no content of a known category.
pub(crate) fn read(bytes: &[u8]) -> Option<Read> {
    let content = Content::decode(bytes).ok()?;
    let as_written = content.encode_to_vec() == bytes;
    let section = content.section?;
    let whole = as_written && says_who_in_known_codes(&section);
    Some(Read { section, whole })
}

/// What stands in encoded content; `None` when the bytes are no content of a known category.
pub(crate) fn section_of(bytes: &[u8]) -> Option<Section> {
    Content::decode(bytes).ok()?.section
}

/// The category of encoded content; `None` when the bytes are no content of a known category.
pub fn category_of(bytes: &[u8]) -> Option<Category> {
    section_of(bytes).as_ref().map(category)
}

/// Somebody of whom a section tells.
pub(crate) struct Somebody<'a> {
    /// Name and number, where they are given.
    pub(crate) identity: Option<&'a Identity>,
    /// What the person can be among the parties.
    named: &'static [Role],
    /// The same, where no name is given; empty: a name must tell who it is.
    unnamed: &'static [Role],
}

const VICTIM: &[Role] = &[Role::Victim, Role::Child];
const SUSPECT: &[Role] = &[Role::Suspect];
const CHILD: &[Role] = &[Role::Child];
const CUSTODIAN: &[Role] = &[Role::Custodian, Role::Victim, Role::Suspect, Role::Reporter, Role::Witness];
const BESIDE_THE_SUSPECT: &[Role] = &[Role::Victim, Role::Child, Role::Custodian, Role::Reporter, Role::Witness];

/// Everybody of whom a section tells by its form: a child of the family is one with or without a name, and whoever is arrested is the suspect.
pub(crate) fn everybody(section: &Section) -> Vec<Somebody<'_>> {
    let one = |identity, role| vec![Somebody { identity, named: role, unnamed: role }];
    match section {
        Section::VictimIdentity(victim) => one(victim.identity.as_ref(), VICTIM),
        Section::Suspect(suspect) => one(suspect.identity.as_ref(), SUSPECT),
        Section::CustodyNotice(_) | Section::ContactBanRequest(_) => one(None, SUSPECT),
        Section::Measures(it) if it.measures.iter().any(is_against_somebody) => one(None, SUSPECT),
        Section::Child(child) => one(child.identity.as_ref(), CHILD),
        Section::Children(it) => it.children.iter().flat_map(|child| one(child.identity.as_ref(), CHILD)).collect(),
        Section::CaseParties(it) => it.parties.iter().filter(|party| party.identity.is_some()).map(party_of_case).collect(),
        Section::Custodians(it) => {
            let identified = it.custodians.iter().filter(|custodian| custodian.identity.is_some());
            identified.map(|custodian| Somebody { identity: custodian.identity.as_ref(), named: CUSTODIAN, unnamed: &[] }).collect()
        }
        Section::SafeContact(_)
        | Section::Interpreter(_)
        | Section::OffenceHeading(_)
        | Section::Offence(_)
        | Section::RiskAssessment(_)
        | Section::Measures(_)
        | Section::SupportNeeds(_)
        | Section::InformationWish(_)
        | Section::CourtDecision(_)
        | Section::HearingNotice(_)
        | Section::SupportStatus(_)
        | Section::RiskNotice(_)
        | Section::ContactData(_)
        | Section::Concern(_)
        | Section::ImmediateDanger(_)
        | Section::Whereabouts(_) => Vec::new(),
    }
}

fn is_against_somebody(measure: &Measure) -> bool {
    matches!(measure.kind(), MeasureKind::Arrest | MeasureKind::ContactBan)
}

/// A party by the part in the case, which may be another than among the parties of the referral: a child can be the injured party.
fn party_of_case(party: &CaseParty) -> Somebody<'_> {
    let role = Role::from_number(party.role);
    let named = match role {
        Some(Role::Victim) => VICTIM,
        Some(Role::Suspect) => SUSPECT,
        Some(Role::Child) => CHILD,
        Some(Role::Custodian) => CUSTODIAN,
        Some(Role::Reporter | Role::Witness) => BESIDE_THE_SUSPECT,
        None => Role::ALL,
    };
    let unnamed = role.and_then(|role| Role::ALL.iter().find(|known| **known == role)).map_or(&[][..], std::slice::from_ref);
    Somebody { identity: party.identity.as_ref(), named, unnamed }
}

/// Whether the codes are known by which it is told who somebody is and who may see it: one of a later contract would count as not said.
fn says_who_in_known_codes(section: &Section) -> bool {
    let is_known = |number: i32, known: bool| number == 0 || known;
    let protection = |somebody: Somebody<'_>| {
        somebody.identity.is_none_or(|who| is_known(who.protected_identity, ProtectedIdentity::from_number(who.protected_identity).is_some()))
    };
    let codes = if let Section::CaseParties(it) = section {
        it.parties.iter().all(|party| is_known(party.role, Role::from_number(party.role).is_some()))
    } else if let Section::Measures(it) = section {
        it.measures.iter().all(|measure| MeasureKind::try_from(measure.kind).is_ok())
    } else {
        true
    };
    codes && everybody(section).into_iter().all(protection)
}

/// What a section tells of persons; `None` where it does not say whom it identifies as parties are named.
pub(crate) fn told(section: &Section) -> Option<Told> {
    let identified = |somebody: Somebody<'_>| {
        let text = somebody.identity.map_or("", |identity| identity.person.as_str());
        let (name, may_be) = if text.is_empty() { (None, somebody.unnamed) } else { (Some(party(text)?), somebody.named) };
        let stated = somebody.identity.and_then(|identity| ProtectedIdentity::from_number(identity.protected_identity));
        let protected_identity = stated.unwrap_or(ProtectedIdentity::Unknown);
        (!may_be.is_empty()).then_some(Identified { name, may_be, protected_identity })
    };
    let identified = everybody(section).into_iter().map(identified).collect::<Option<_>>()?;
    Some(Told { residence: tells_residence(section), identified })
}

/// Whether the section says in which place somebody is settled who has an own section on that.
fn tells_residence(section: &Section) -> bool {
    if let Section::VictimIdentity(victim) = section {
        return !victim.residence_municipality.is_empty() || !victim.residence_district.is_empty();
    }
    matches!(section, Section::Child(child) if !child.residence_municipality.is_empty())
}

/// The name of a party in its one spelling: `child-02` and `child-2` must not be two persons.
pub(crate) fn party(text: &str) -> Option<PersonName> {
    text.parse().ok().filter(|name: &PersonName| name.to_string() == text)
}

/// The individual assessment that a child concern rests on; nothing in content of another category.
pub fn assessment_in(bytes: &[u8]) -> Option<String> {
    match section_of(bytes)? {
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
    use crate::content_v1::{
        CaseParties, Child, ChildOfFamily, Children, ContactBanRequest, ContactWindow, Custodian, Custodians, CustodyNotice, Measures, OffenceHeading,
        SafeContact, Suspect, VictimIdentity,
    };

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

    fn party_as(role: i32, identity: Option<Identity>) -> Section {
        Section::CaseParties(CaseParties { parties: vec![CaseParty { identity, role }], ..Default::default() })
    }

    #[test]
    fn whoever_is_identified_is_found_wherever_an_identity_stands() {
        let held = ProtectedIdentity::ProtectedPopulationRegistration;
        let arms = |identity: Option<Identity>| {
            [
                (Section::VictimIdentity(VictimIdentity { identity: identity.clone(), ..Default::default() }), VICTIM, VICTIM),
                (Section::Suspect(Suspect { identity: identity.clone(), ..Default::default() }), SUSPECT, SUSPECT),
                (Section::Child(Child { identity: identity.clone(), ..Default::default() }), CHILD, CHILD),
                (Section::Children(Children { children: vec![ChildOfFamily { identity: identity.clone(), ..Default::default() }] }), CHILD, CHILD),
                (party_as(Role::Witness.number(), identity.clone()), BESIDE_THE_SUSPECT, &[Role::Witness]),
                (party_as(Role::Victim.number(), identity.clone()), VICTIM, &[Role::Victim]),
                (party_as(0, identity.clone()), Role::ALL, &[]),
                (Section::Custodians(Custodians { custodians: vec![Custodian { identity, ..Default::default() }] }), CUSTODIAN, &[]),
            ]
        };
        let found = |arm: &Section| told(arm).map(|told| told.identified);
        let called = |person: &str| Some(Identity { person: person.into(), protected_identity: held.number(), ..Identity::default() });
        for (((named, may_be, _), (unnamed, _, may_be_unnamed)), (amiss, ..)) in
            arms(called("child-2")).into_iter().zip(arms(called(""))).zip(arms(called("child-02")))
        {
            let of = |name: Option<&str>, may_be| vec![Identified { name: name.map(|name| name.parse().unwrap()), may_be, protected_identity: held }];
            assert_eq!(found(&named), Some(of(Some("child-2"), may_be)));
            assert_eq!(found(&unnamed), (!may_be_unnamed.is_empty()).then(|| of(None, may_be_unnamed)));
            assert_eq!(found(&amiss), None);
        }
    }

    #[test]
    fn who_is_told_of_without_an_identity_is_found_by_what_is_told() {
        let measure = |kind: MeasureKind| Section::Measures(Measures { measures: vec![Measure { kind: kind.into(), ..Default::default() }] });
        for (section, role) in [
            (Section::Children(Children { children: vec![ChildOfFamily::default()] }), Some(CHILD)),
            (Section::Child(Child::default()), Some(CHILD)),
            (Section::Suspect(Suspect::default()), Some(SUSPECT)),
            (Section::CustodyNotice(CustodyNotice::default()), Some(SUSPECT)),
            (Section::ContactBanRequest(ContactBanRequest::default()), Some(SUSPECT)),
            (measure(MeasureKind::Arrest), Some(SUSPECT)),
            (measure(MeasureKind::ContactBan), Some(SUSPECT)),
            (measure(MeasureKind::Alarm), None),
            (party_as(Role::Suspect.number(), None), None),
            (Section::Custodians(Custodians { custodians: vec![Custodian::default()] }), None),
        ] {
            let found = told(&section).unwrap().identified.into_iter().map(|person| (person.name, person.may_be)).collect::<Vec<_>>();
            assert_eq!(found, role.map(|role| (None, role)).into_iter().collect::<Vec<_>>(), "{section:?}");
        }
    }

    #[test]
    fn nothing_travels_in_content_that_nobody_reads() {
        let encoded = |section| Content { section: Some(section) }.encode_to_vec();
        let whole = |bytes: &[u8]| read(bytes).is_some_and(|read| read.whole);
        let within = |number, bytes: &[u8]| {
            let mut outer = Vec::new();
            prost::encoding::bytes::encode(number, &bytes.to_vec(), &mut outer);
            outer
        };
        let heading = encoded(Section::OffenceHeading(OffenceHeading { heading: "Misshandel".into(), ..Default::default() }));
        let suspect = encoded(Section::Suspect(Suspect { safety_note: "his".into(), ..Default::default() }));
        let windows = vec![ContactWindow { days: vec![1, 7], from: "09:00".into(), ..Default::default() }];
        let contact = encoded(Section::SafeContact(SafeContact { windows, channels: vec![1, 2], ..Default::default() }));
        assert!([&heading, &suspect, &contact].into_iter().all(|bytes| whole(bytes)));
        assert!(!whole(&[&suspect[..], &heading].concat()), "one arm behind another");
        let mut later = heading;
        prost::encoding::string::encode(1023, &"her street".to_owned(), &mut later);
        assert!(!whole(&later));
        // Field 2 of a custodian is reserved.
        let custodian = within(21, &within(1, &within(2, b"070-174 06 05")));
        assert_eq!(category_of(&custodian), Some(Category::Custodians));
        assert!(!whole(&custodian) && !whole(b"no content"));
        // A code of a later contract is read and written as it stands, and would count as not said.
        let suspect =
            |protected_identity| Section::Suspect(Suspect { identity: Some(Identity { protected_identity, ..Default::default() }), ..Default::default() });
        let measure = |kind| Section::Measures(Measures { measures: vec![Measure { kind, ..Default::default() }] });
        for (known, later) in [(suspect(1), suspect(99)), (measure(1), measure(99)), (party_as(1, None), party_as(99, None))] {
            assert!(whole(&encoded(known)) && !whole(&encoded(later)));
        }
        // A number below zero is read from five bytes and written as ten: what it saves would hide an arm of the same length.
        let wishes = within(10, &within(1, &[0xff, 0xff, 0xff, 0xff, 0x0f].repeat(4)));
        let hidden = [&within(8, &within(5, b"070-174 06 05 ok"))[..], &wishes].concat();
        assert_eq!(Content::decode(&hidden[..]).unwrap().encoded_len(), hidden.len());
        assert!(!whole(&hidden));
    }

    #[test]
    fn what_is_no_content_has_no_category() {
        for bad in [&b""[..], b"\xff\xff", b"\xc2\x0c\x00", b"\x0a\x05ab"] {
            assert_eq!(category_of(bad), None, "{bad:?}");
        }
    }
}
