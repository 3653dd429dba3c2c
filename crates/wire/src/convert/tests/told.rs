//! What content tells of persons is held against whom the section is about.

use super::*;

#[test]
fn where_somebody_is_settled_is_told_only_of_whoever_is_not_protected() {
    let mut request = submission();
    request.sections[0] = settled_victim();
    request.persons[0].protected_identity = ProtectedIdentity::NotProtected.number();
    assert!(submit_referral(request, &door(), &police()).is_ok());
    let amended = |content| {
        let (request_id, officer, referral, sections) = (OTHER.into(), "klara".into(), OTHER.into(), vec![v1::AmendedSection { number: 1, content }]);
        amend_referral(v1::AmendReferralRequest { request_id, officer, referral, sections, ..Default::default() }, &door(), &police())
    };
    let Action::AmendReferral(_, contents, _) = amended(settled_victim().content).unwrap().action else { panic!("an amendment") };
    assert!(contents[0].told.residence, "the rules hold it against the persons");
    let identity = Some(Identity { person: "victim-01".into(), ..Identity::default() });
    let no_name = content(Arm::VictimIdentity(VictimIdentity { identity, ..VictimIdentity::default() }));
    assert_eq!(faults(amended(no_name)), ["sections[0].content"]);
}

#[test]
fn nobody_is_identified_in_a_section_without_being_asked_about() {
    let told = |person: &str, listed: &str| {
        let mut request = submission();
        request.persons.push(v1::Person { name: "suspect-1".into(), ..v1::Person::default() });
        let suspect = Suspect { identity: Some(Identity { person: person.into(), ..Identity::default() }), ..Suspect::default() };
        request.sections.push(v1::Section { persons: vec![listed.into()], ..section(Category::Suspect, content(Arm::Suspect(suspect))) });
        submit_referral(request, &door(), &police()).map(drop)
    };
    for person in ["suspect-1", "", "victim-1"] {
        assert_eq!(faults(told(person, "victim-1")), ["sections[1].content"], "her consent would carry his name");
    }
    assert!(told("suspect-1", "suspect-1").is_ok() && told("", "suspect-1").is_ok());
}
