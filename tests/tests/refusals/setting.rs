//! What the table's rows run against: referrals in each state, an agency without an agreement, and certificates of another authority.

use std::collections::BTreeMap;

use brygga_client::v1;
use brygga_domain::codes::FactCode;
use brygga_domain::{AgencyId, Category, Code as _, Fact, Purpose, Time};
use brygga_server::dev::ca::{Authority, Credentials};
use brygga_tests::desk::{Desk, PARTIES};
use brygga_tests::made_up::{CASE_HANDOVER, CONCERN_OF_POLICE, CONTACT_REQUEST, Case, DAY, HOUR, consent, from_now};
use brygga_tests::wire::channel;
use tonic::transport::Channel;

/// An agency whose agreement is not in force, and a function of it.
pub const INACTIVE: (&str, &str) = ("stockholm-bromma-soc", "stockholm-bromma-mottagning");
/// Channels of certificates that another authority has issued: one for a known name, one for a name that nobody bears.
pub const FORGED: &str = "forged";
/// See [`FORGED`].
pub const STRANGER: &str = "stranger";

/// The world, the connections, and the referrals by what became of them.
pub struct Setting {
    pub desk: Desk,
    pub channels: BTreeMap<String, Channel>,
    pub ready: String,
    pub held: String,
    /// Held; a consent of `victim-1` is on record.
    pub consented: String,
    /// Held, each with one consent that does not carry it.
    pub expired: String,
    pub other_recipient: String,
    pub other_category: String,
    pub other_purpose: String,
    pub withdrawn: (String, String),
    /// Offered on a consent, which was then withdrawn.
    pub emptied: String,
    /// Decided by klara on a ground that needs a second officer.
    pub waiting: String,
    /// The same, in an emergency that klara has declared.
    pub hurried: (String, u64),
    pub concern: String,
    pub opened: String,
    pub claimed: String,
    /// Opened and imported: the referral and the release.
    pub imported: (String, u64),
    /// Opened and withdrawn; the notice is answered.
    pub stopped: (String, u64),
    pub declined_offer: String,
    pub refused_before: usize,
}

impl Setting {
    pub async fn make() -> Self {
        let mut desk = Desk::start().await;
        desk.close().await;
        let authority = change_the_world(&desk);
        desk.open().await;
        let channels = channels(&desk, &authority);
        let (ready, _) = offered(&desk, &CONTACT_REQUEST).await;
        let (opened, _) = offered(&desk, &CONTACT_REQUEST).await;
        open(&desk, &opened).await;
        let (claimed, _) = offered(&desk, &CONTACT_REQUEST).await;
        desk.write("solna-soc/sara", v1::ClaimReferralRequest { referral: claimed.clone(), ..Default::default() }).await;
        let imported = imported(&desk).await;
        let (concern, _) = offered(&desk, &CONCERN_OF_POLICE).await;
        let (emptied, given) = offered(&desk, &CONTACT_REQUEST).await;
        withdraw(&desk, &emptied, &given).await;
        let carried = consent("victim-1", &[Category::VictimIdentity, Category::SafeContact, Category::Suspect], "vasterort-aklagare-kammare");
        let (consented, _) = held_with(&desk, &CASE_HANDOVER, carried).await;
        let withdrawn = held_with(&desk, &CONTACT_REQUEST, CONTACT_REQUEST.consent()).await;
        withdraw(&desk, &withdrawn.0, &withdrawn.1).await;
        let waiting = held(&desk, &CASE_HANDOVER).await;
        decide(&desk, &waiting, &general_clause()).await;
        let hurried = hurried(&desk).await;
        let stopped = stopped(&desk).await;
        let over = v1::ConsentTerms { given_at: Some(from_now(-2 * DAY)), valid_until: Some(from_now(-HOUR)), ..CONTACT_REQUEST.consent() };
        let (expired, _) = held_with(&desk, &CONTACT_REQUEST, over).await;
        let elsewhere = v1::ConsentTerms { recipient: String::from("ekero-mottagning"), ..CONTACT_REQUEST.consent() };
        let (other_recipient, _) = held_with(&desk, &CONTACT_REQUEST, elsewhere).await;
        let (other_category, _) = held_with(&desk, &CONTACT_REQUEST, consent("victim-1", &[Category::SupportNeeds], "solna-rvc")).await;
        let proceedings = v1::ConsentTerms { purpose: Purpose::Proceedings.number(), ..CONTACT_REQUEST.consent() };
        let (other_purpose, _) = held_with(&desk, &CONTACT_REQUEST, proceedings).await;
        let held = held(&desk, &CONTACT_REQUEST).await;
        let no = v1::Offer {
            result: Some(v1::offer::Result::Answer(brygga_domain::OfferAnswer::No.number())),
            reported_at: Some(from_now(-HOUR)),
            ..Default::default()
        };
        let declined_offer = desk.write("vasterort-polis/klara", v1::RecordOfferRequest { offer: Some(no), ..Default::default() }).await.offer_id;
        let refused_before = desk.audited().await.iter().filter(|event| matches!(event.fact, Fact::DisclosureRefused { .. })).count();
        Self {
            desk,
            channels,
            ready,
            held,
            consented,
            expired,
            other_recipient,
            other_category,
            other_purpose,
            withdrawn,
            emptied,
            waiting,
            hurried,
            concern,
            opened,
            claimed,
            imported,
            stopped,
            declined_offer,
            refused_before,
        }
    }
}

/// Opened, and its import confirmed.
async fn imported(desk: &Desk) -> (String, u64) {
    let (referral, _) = offered(desk, &CONTACT_REQUEST).await;
    let opened = desk.write("solna-soc/sara", v1::OpenReferralRequest { referral: referral.clone(), ..Default::default() }).await;
    let import = v1::ConfirmImportRequest { referral: referral.clone(), release: opened.release, ..Default::default() };
    desk.write("solna-soc/sara", import).await;
    (referral, opened.release)
}

/// Takes one agency's agreement away, and lets the broker trust a second authority, which the directory names for nobody.
fn change_the_world(desk: &Desk) -> Authority {
    let path = desk.world().join("directory.json");
    let mut directory: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let agencies = directory["agencies"].as_array_mut().unwrap();
    let agency = agencies.iter_mut().find(|agency| agency["id"] == INACTIVE.0).unwrap();
    agency.as_object_mut().unwrap().remove("agreement_on").unwrap();
    std::fs::write(path, directory.to_string()).unwrap();
    let authority = Authority::new("another authority", Time::from_micros(from_now(0).seconds * 1_000_000)).unwrap();
    let trusted = desk.world().join("ca.pem");
    let both = format!("{}{}", std::fs::read_to_string(&trusted).unwrap(), authority.certificate());
    std::fs::write(trusted, both).unwrap();
    authority
}

fn channels(desk: &Desk, authority: &Authority) -> BTreeMap<String, Channel> {
    let own = PARTIES.into_iter().chain([INACTIVE.0, "imy"]).map(|agency| (agency.to_owned(), channel(&desk.broker().config(agency))));
    let with = |name: &str, agency: &str| {
        let agency: AgencyId = agency.parse().unwrap();
        let Credentials { certificate, key, .. } = authority.client(&agency).unwrap();
        let mut config = desk.broker().config("vasterort-polis");
        (config.cert_pem, config.key_pem) = (certificate.into_bytes(), key.as_bytes().to_vec());
        (name.to_owned(), channel(&config))
    };
    own.chain([with(FORGED, "vasterort-polis"), with(STRANGER, "ingen-myndighet")]).collect()
}

/// A decision on the general clause.
pub fn general_clause() -> Case {
    Case { ground: "GENERAL_CLAUSE", asserted: &[FactCode::BalanceObvious, FactCode::NotContraryToStatute, FactCode::HarmExcluded], ..CASE_HANDOVER }
}

async fn held(desk: &Desk, case: &Case) -> String {
    desk.write(case.sender, case.submission()).await.referral.unwrap().id
}

async fn held_with(desk: &Desk, case: &Case, terms: v1::ConsentTerms) -> (String, String) {
    let referral = held(desk, case).await;
    let request = v1::RecordConsentRequest { referral: referral.clone(), terms: Some(terms), ..Default::default() };
    let consent = desk.write(case.sender, request).await.consent.unwrap().id;
    (referral, consent)
}

async fn decide(desk: &Desk, referral: &str, case: &Case) {
    let request = v1::DecideClearanceRequest { referral: referral.to_owned(), decision: Some(case.decision()), ..Default::default() };
    desk.write(case.sender, request).await;
}

async fn offered(desk: &Desk, case: &Case) -> (String, String) {
    let (referral, consent) = if case.needs_consent() { held_with(desk, case, case.consent()).await } else { (held(desk, case).await, String::new()) };
    decide(desk, &referral, case).await;
    (referral, consent)
}

async fn open(desk: &Desk, referral: &str) {
    desk.write("solna-soc/sara", v1::OpenReferralRequest { referral: referral.to_owned(), ..Default::default() }).await;
}

async fn withdraw(desk: &Desk, referral: &str, consent: &str) {
    let request = v1::WithdrawConsentRequest { referral: referral.to_owned(), consent_id: consent.to_owned(), ..Default::default() };
    desk.write("vasterort-polis/klara", request).await;
}

async fn hurried(desk: &Desk) -> (String, u64) {
    let referral = held(desk, &CASE_HANDOVER).await;
    decide(desk, &referral, &general_clause()).await;
    let reasons = String::from("the trial begins in an hour");
    let request = v1::DeclareEmergencyRequest { referral: referral.clone(), hours: 1, reasons, ..Default::default() };
    let declared = desk.write("vasterort-polis/klara", request).await.referral.unwrap();
    (referral, declared.emergencies[0].position)
}

async fn stopped(desk: &Desk) -> (String, u64) {
    let (referral, consent) = offered(desk, &CONTACT_REQUEST).await;
    open(desk, &referral).await;
    withdraw(desk, &referral, &consent).await;
    let notice = desk.referral("vasterort-polis/klara", &referral).await.notices[0].position;
    let answer = brygga_domain::StopUseAnswer::Stopped.number();
    let request = v1::AcknowledgeStopUseRequest { referral: referral.clone(), notice, answer, ..Default::default() };
    desk.write("solna-soc/sara", request).await;
    (referral, notice)
}
