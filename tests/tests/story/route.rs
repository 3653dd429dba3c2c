//! Where a referral goes: by residence and target group; and where the population register must not say it.

use brygga_client::v1;
use brygga_domain::codes::{ProtectedIdentity, Relationship, ResidenceBasis};
use brygga_domain::{Code as _, Reason, ReferralKind};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::CONTACT_REQUEST;

const KLARA: &str = "vasterort-polis/klara";

fn asked(territory: &str, kind: ReferralKind, basis: ResidenceBasis) -> v1::ResolveRouteRequest {
    let (municipality, district) = territory.split_once('/').unwrap_or((territory, ""));
    let (municipality, district) = (municipality.to_owned(), district.to_owned());
    v1::ResolveRouteRequest { municipality, district, kind: kind.number(), residence_basis: basis.number(), ..Default::default() }
}

async fn route(desk: &Desk, request: v1::ResolveRouteRequest) -> String {
    desk.client(KLARA).resolve_route(request).await.unwrap().function.unwrap().id
}

fn stating(recipient: &str, routing: v1::Routing) -> v1::SubmitReferralRequest {
    v1::SubmitReferralRequest { recipient: recipient.to_owned(), routing: Some(routing), ..CONTACT_REQUEST.submission() }
}

fn lives(territory: &str, age: Option<u32>) -> v1::Routing {
    v1::Routing { territory: territory.to_owned(), residence_basis: ResidenceBasis::StatedByPerson.number(), age_years: age, ..Default::default() }
}

/// The reason of a refusal, and everything that it says.
async fn no(desk: &Desk, request: v1::SubmitReferralRequest) -> (Reason, String) {
    let error = desk.try_write(KLARA, request).await.err().unwrap();
    (error.reason().unwrap(), format!("{error:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn support_of_a_seventeen_year_old_goes_to_her_board_of_residence_and_an_adults_to_the_rvc() {
    let desk = Desk::start().await;
    let stated = ResidenceBasis::StatedByPerson;
    for (territory, board) in [("0184", "solna-mottagning"), ("0125", "ekero-mottagning"), ("0180/bromma", "stockholm-bromma-mottagning")] {
        let support = |age| v1::ResolveRouteRequest { age_years: age, ..asked(territory, ReferralKind::ContactRequest, stated) };
        assert_eq!(route(&desk, support(Some(17))).await, board);
        assert_eq!(route(&desk, support(Some(18))).await, "solna-rvc");
        assert_eq!(route(&desk, support(None)).await, "solna-rvc", "what is not stated rules nothing out");
        let stranger = v1::ResolveRouteRequest { relationship: Relationship::OtherRelationship.number(), ..support(Some(40)) };
        assert_eq!(route(&desk, stranger).await, board);
        for kind in [ReferralKind::ChildConcern, ReferralKind::Handover] {
            assert_eq!(route(&desk, asked(territory, kind, stated)).await, board);
        }
    }
    // The same at submission: who states the territory is told the right function, who does not is not.
    let (reason, text) = no(&desk, stating("solna-rvc", lives("0125", Some(17)))).await;
    assert!(reason == Reason::OutsideTargetGroup && text.contains("it goes to ekero-mottagning"), "{text}");
    let (reason, text) = no(&desk, stating("solna-rvc", v1::Routing { age_years: Some(17), ..Default::default() })).await;
    assert!(reason == Reason::OutsideTargetGroup && !text.contains("mottagning"), "{text}");
    let (reason, text) = no(&desk, stating("ekero-mottagning", lives("0180/bromma", Some(17)))).await;
    assert!(reason == Reason::TerritoryNotServed && text.contains("it goes to stockholm-bromma-mottagning"), "{text}");
    desk.write(KLARA, stating("ekero-mottagning", lives("0125", Some(17)))).await;
    desk.write(KLARA, stating("solna-rvc", lives("0125", Some(18)))).await;
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_registration_is_protected_the_register_sends_nothing_and_the_refusal_says_no_place() {
    let desk = Desk::start().await;
    let held = |protection: ProtectedIdentity, basis: ResidenceBasis| {
        let mut request = stating("ekero-mottagning", v1::Routing { residence_basis: basis.number(), ..lives("0183", Some(17)) });
        request.persons[0].protected_identity = protection.number();
        request
    };
    let register = ResidenceBasis::PopulationRegister;
    for protection in [ProtectedIdentity::ProtectedPopulationRegistration, ProtectedIdentity::Unknown] {
        let (reason, text) = no(&desk, held(protection, register)).await;
        assert_eq!(reason, Reason::ResidenceFromRegister, "before anything that depends on the place: {text}");
        assert!(["0183", "sundbyberg", "ekero"].iter().all(|place| !text.contains(place)), "{text}");
        let asked = v1::ResolveRouteRequest { protected_identity: protection.number(), ..asked("0183", ReferralKind::ContactRequest, register) };
        let error = desk.client(KLARA).resolve_route(asked.clone()).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::ResidenceFromRegister));
        let text = format!("{error:?}");
        assert!(["0183", "sundbyberg"].iter().all(|place| !text.contains(place)), "{text}");
        let told = v1::ResolveRouteRequest { residence_basis: ResidenceBasis::StatedByPerson.number(), ..asked };
        assert_eq!(route(&desk, told).await, "solna-rvc");
    }
    // What is not said may rest on the register; only where nobody is marked need it not be said.
    let unsaid = |protection: ProtectedIdentity| v1::SubmitReferralRequest { routing: None, ..held(protection, register) };
    let (reason, text) = no(&desk, unsaid(ProtectedIdentity::ProtectedPopulationRegistration)).await;
    assert!(reason == Reason::ResidenceFromRegister && !text.contains("ekero"), "{text}");
    desk.write(KLARA, unsaid(ProtectedIdentity::Unknown)).await;
    // What she says herself and what the agency knows send it; so does the register where nothing is protected.
    let (reason, _) = no(&desk, held(ProtectedIdentity::ProtectedPopulationRegistration, ResidenceBasis::StatedByPerson)).await;
    assert_eq!(reason, Reason::TerritoryNotServed);
    let (reason, _) = no(&desk, held(ProtectedIdentity::NotProtected, register)).await;
    assert_eq!(reason, Reason::TerritoryNotServed);
    let mut protected = held(ProtectedIdentity::ProtectedPopulationRegistration, ResidenceBasis::KnownByAgency);
    protected.recipient = String::from("sundbyberg-mottagning");
    let submitted = desk.try_write(KLARA, protected).await.unwrap();
    // The log keeps on what it rests, and not where that is.
    let event = submitted.proof.events().values().next().unwrap().clone();
    let brygga_domain::Fact::ReferralSubmitted(new) = event.fact else { panic!("a submission is one event") };
    assert_eq!((new.residence_basis, new.forwarded_from), (Some(ResidenceBasis::KnownByAgency), None));
    desk.finish().await;
}
