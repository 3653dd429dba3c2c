//! The texts of a section, field by field. What is a date, a code or a number of the contract is left out.

use crate::content_v1::content::Section;
use crate::content_v1::{Identity, SafeContact};

/// A field's name and what stands in it.
type Texts<'a> = Vec<(&'static str, &'a str)>;

/// Every text that a sender may fill freely.
pub(super) fn of(section: &Section) -> Texts<'_> {
    match section {
        Section::VictimIdentity(victim) => {
            let own = [("residence_municipality", &victim.residence_municipality), ("residence_district", &victim.residence_district)];
            with_identity(victim.identity.as_ref(), own)
        }
        Section::SafeContact(contact) => safe_contact(contact),
        Section::Interpreter(it) => named([("language", &it.language), ("dialect", &it.dialect), ("gender_preference", &it.gender_preference)]),
        Section::OffenceHeading(it) => named([("heading", &it.heading)]),
        Section::Offence(it) => {
            let marks = [("heading", &it.heading), ("provision", &it.provision), ("case_number", &it.case_number), ("place_kind", &it.place_kind)];
            [named(marks), named([("code", &it.code), ("summary", &it.summary)])].concat()
        }
        Section::RiskAssessment(it) => {
            let own = named([("tool_name", &it.tool_name), ("tool_version", &it.tool_version), ("assessor_role", &it.assessor_role)]);
            [own, each("factors", &it.factors)].concat()
        }
        Section::Children(it) => it.children.iter().flat_map(|child| with_identity(child.identity.as_ref(), [("now", &child.now)])).collect(),
        Section::Suspect(it) => with_identity(it.identity.as_ref(), [("safety_note", &it.safety_note)]),
        Section::Measures(it) => it.measures.iter().map(|measure| ("note", measure.note.as_str())).collect(),
        Section::SupportNeeds(it) => named([("own_words", &it.own_words), ("adjustments", &it.adjustments)]),
        Section::CaseParties(it) => {
            let parties = it.parties.iter().flat_map(|party| with_identity(party.identity.as_ref(), []));
            named([("case_number", &it.case_number)]).into_iter().chain(parties).chain(each("evidence", &it.evidence)).collect()
        }
        Section::ContactBanRequest(it) => named([("scope", &it.scope), ("reasons", &it.reasons)]),
        Section::InformationWish(_) => Vec::new(),
        Section::CourtDecision(it) => named([("authority", &it.authority), ("case_number", &it.case_number), ("reason", &it.reason)]),
        Section::HearingNotice(it) => {
            [named([("court", &it.court), ("case_number", &it.case_number), ("room", &it.room)]), each("protection", &it.protection)].concat()
        }
        Section::CustodyNotice(it) => named([("scope", &it.scope)]),
        Section::SupportStatus(it) => named([("contact", &it.contact)]),
        Section::RiskNotice(it) => named([("feared", &it.feared), ("known_from", &it.known_from)]),
        Section::ContactData(it) => {
            let marks = [("request_number", &it.request_number), ("telephone", &it.telephone), ("email", &it.email), ("postal_address", &it.postal_address)];
            named(marks)
        }
        Section::Child(it) => with_identity(it.identity.as_ref(), [("residence_municipality", &it.residence_municipality), ("language", &it.language)]),
        Section::Custodians(it) => it.custodians.iter().flat_map(|custodian| with_identity(custodian.identity.as_ref(), [])).collect(),
        Section::Concern(it) => named([("what", &it.what), ("since", &it.since), ("assessment", &it.assessment), ("reporter", &it.reporter)]),
        Section::ImmediateDanger(it) => named([("what", &it.what), ("where_now", &it.where_now)]),
        Section::Whereabouts(it) => named([("address", &it.address), ("who_may_know", &it.who_may_know)]),
    }
}

fn named<'a, const N: usize>(fields: [(&'static str, &'a String); N]) -> Texts<'a> {
    fields.into_iter().map(|(name, text)| (name, text.as_str())).collect()
}

fn each<'a>(name: &'static str, texts: &'a [String]) -> Texts<'a> {
    texts.iter().map(|text| (name, text.as_str())).collect()
}

fn with_identity<'a, const N: usize>(identity: Option<&'a Identity>, fields: [(&'static str, &'a String); N]) -> Texts<'a> {
    let who = identity
        .map_or_else(Vec::new, |who| named([("given_name", &who.given_name), ("family_name", &who.family_name), ("personal_number", &who.personal_number)]));
    [who, named(fields)].concat()
}

fn safe_contact(contact: &SafeContact) -> Texts<'_> {
    let reached = named([("telephone", &contact.telephone), ("email", &contact.email), ("code_word", &contact.code_word)]);
    let others = named([("who_may_answer", &contact.who_may_answer), ("safe_third_person", &contact.safe_third_person)]);
    let settings = contact.windows.iter().map(|window| ("setting", window.setting.as_str())).collect();
    [reached, others, each("do_not_contact", &contact.do_not_contact), settings].concat()
}
