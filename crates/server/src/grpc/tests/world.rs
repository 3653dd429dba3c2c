//! A broker in memory with a small made-up directory, and its clients by agency.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brygga_domain::directory::CertificateName;
use brygga_domain::{Action, Agency, AgencyKind, Command, Digest, Directory, Entropy, Function, GroundTable, RequestId, TargetGroup, Time};
use brygga_engine::batch::Law;
use brygga_engine::clock::NoRandomness;
use brygga_engine::lanes::LaneLimits;
use brygga_engine::observe::Unobserved;
use brygga_engine::signer::LogSigner;
use brygga_engine::signer_state::SignerState;
use brygga_engine::{Broker, ManualClock, Randomness, assemble};
use brygga_merkle::Ed25519Signer;
use brygga_store::memory::Tables;
use brygga_store::{MemoryDatabase, MemoryReader};
use brygga_wire::content_v1::content::Section as Arm;
use brygga_wire::content_v1::{Content, Identity, OffenceHeading, SafeContact, VictimIdentity};
use brygga_wire::{Door, v1, view};
use bytes::Bytes;
use prost::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};
use zeroize::Zeroizing;

use crate::grpc::{Parts, router};
use crate::layers::departure::DepartureLayer;
use crate::layers::digest::DigestLayer;
use crate::layers::limits::Limits;
use crate::tls::{PeerCertificate, PeerInfo};

/// 2026-11-23T08:00:00Z.
pub(super) const START_US: i64 = 1_795_420_800_000_000;
const ISSUER: [u8; 32] = [7; 32];
const AGENCIES: [(&str, AgencyKind); 5] = [
    ("vasterort-polis", AgencyKind::Police),
    ("vasterort-aklagare", AgencyKind::Prosecution),
    ("solna-soc", AgencyKind::SocialBoard),
    ("ekero-soc", AgencyKind::SocialBoard),
    ("ivo", AgencyKind::Supervisor),
];
/// How long a test waits for what a stream brings.
pub(super) const STREAM_WAIT: std::time::Duration = std::time::Duration::from_mins(1);
pub(super) const POLICE: &str = "vasterort-polis";
pub(super) const PROSECUTION: &str = "vasterort-aklagare";
pub(super) const BOARD: &str = "solna-soc";
pub(super) const OTHER_BOARD: &str = "ekero-soc";
pub(super) const AUDITOR: &str = "ivo";
pub(super) const RVC: &str = "solna-rvc";

/// A request on its way to the services, as the agency of the connection sends it.
pub(super) type Wire = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Status>;

/// A broker that runs.
pub(super) struct World {
    pub(super) broker: Arc<Broker<MemoryReader>>,
    pub(super) database: MemoryDatabase,
    pub(super) stop: CancellationToken,
    pub(super) clock: ManualClock,
    routes: Routes,
    _folder: tempfile::TempDir,
}

/// Random bytes of a test: a counter, so that every command has its own.
#[derive(Default)]
struct Counted(AtomicU64);

impl Randomness for Counted {
    fn draw(&self) -> Result<[u8; 32], NoRandomness> {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Entropy::new([3; 32]).bytes("test", usize::try_from(count).map_err(|_| NoRandomness)?))
    }
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    let signed = Some(Time::from_micros(START_US - 1));
    for (id, kind) in AGENCIES {
        let certificate = CertificateName { issuer_key_hash: ISSUER, san_uri: format!("urn:brygga:agency:{id}") };
        let id = id.parse().unwrap();
        directory.put_agency(Agency {
            id,
            kind,
            name: String::from("made up"),
            organisation_number: None,
            certificate,
            agreement_at: signed,
            suitability_at: signed,
            content_days: brygga_domain::content::OwnDays::default(),
        });
    }
    for (id, host, territory) in [(RVC, BOARD, "0184"), ("ekero-mottagning", OTHER_BOARD, "0125")] {
        let (id, host) = (id.parse().unwrap(), host.parse().unwrap());
        let territories = vec![territory.to_owned()];
        directory.put_function(Function {
            id,
            host,
            name: String::from("made up"),
            territories,
            kinds: Vec::new(),
            target: TargetGroup::default(),
            telephone: None,
            duty: brygga_domain::directory::OnDuty::default(),
        });
    }
    directory
}

impl World {
    /// A new log that has begun.
    pub(super) async fn begun() -> Self {
        Self::begun_with(Limits::default()).await
    }

    /// The same under other limits.
    pub(super) async fn begun_with(limits: Limits) -> Self {
        let world = Self::over(MemoryDatabase::default(), limits).await;
        let entropy = Entropy::new([1; 32]);
        let action = Action::StartLog { origin: String::from("test.invalid/log"), table: world.broker.table().hash() };
        let command =
            Command { agency: "brygga".parse().unwrap(), officer: None, request: RequestId(entropy.uuid("r", 0)), digest: Digest([0; 32]), entropy, action };
        world.broker.carry_out(command).await.unwrap();
        world
    }

    /// The same log after somebody changed its tables from outside.
    pub(super) async fn with_tables(tables: Tables) -> Self {
        Self::over(MemoryDatabase::from_tables(tables), Limits::default()).await
    }

    /// Another broker on the same log.
    pub(super) async fn beside(&self) -> Self {
        Self::over(self.database.clone(), Limits::default()).await
    }

    async fn over(database: MemoryDatabase, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let head = database.tables().head;
        let drawn = AtomicU64::new(head.events());
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let clock = ManualClock::at(Time::from_micros(START_US));
        let (broker, committer) = assemble(brygga_engine::Parts {
            store: database.store(),
            readers: (0..3).map(|_| database.reader()).collect(),
            law: Law { directory: Arc::new(directory()), table: Arc::new(GroundTable::load(brygga_domain::grounds::SHIPPED).unwrap()) },
            signer: LogSigner::new("test.invalid/log", Box::new(Ed25519Signer::from_seed([5; 32]))).unwrap(),
            state: Ok(SignerState::create(&folder.path().join("signer")).unwrap()),
            head,
            clock: Arc::new(clock.clone()),
            randomness: Arc::new(Counted(drawn)),
            observer: Arc::new(Unobserved),
            limits: LaneLimits::default(),
            tasks: tasks.clone(),
            stop: CancellationToken::new(),
        });
        tasks.spawn(committer.unwrap().run());
        let broker = Arc::new(broker);
        let door = Door::new(&Zeroizing::new([9; 32])).unwrap();
        let parts = Parts { broker: Arc::clone(&broker), door, limits, tasks, stop: stop.clone(), reflection: true };
        let routes = router(parts).await.unwrap().routes;
        Self { broker, database, stop, clock, routes, _folder: folder }
    }

    /// What an agency's connection leads to.
    pub(super) fn wire(&self, agency: &str) -> Wire {
        self.wire_of(&format!("urn:brygga:agency:{agency}"), Time::from_micros(START_US).plus_minutes(60))
    }

    /// A connection with a certificate of any name and validity.
    pub(super) fn wire_of(&self, san_uri: &str, not_after: Time) -> Wire {
        let certificate = Arc::new(PeerCertificate { issuer_key_hash: ISSUER, san_uri: san_uri.to_owned(), not_after });
        let peer = PeerInfo::new(SocketAddr::from(([127, 0, 0, 1], 1)), certificate);
        let served = DigestLayer.layer(DepartureLayer.layer(self.routes.clone())).map_request(move |mut request: http::Request<Body>| {
            request.extensions_mut().insert(peer.clone());
            request
        });
        BoxCloneSyncService::new(served.map_err(|never| match never {}))
    }

    /// Hands a contact request to solna-rvc, whose identity and contact sections pass; the heading waits for the prosecution.
    pub(super) async fn submitted(&self) -> v1::SubmitReferralResponse {
        let mut police = v1::referral_service_client::ReferralServiceClient::new(self.wire(POLICE));
        police.submit_referral(submission(1)).await.unwrap().into_inner()
    }
}

/// A key of a write.
pub(super) fn key(number: u8) -> String {
    uuid::Uuid::from_bytes([number; 16]).to_string()
}

pub(super) fn content(arm: Arm) -> Bytes {
    Bytes::from(Content { section: Some(arm) }.encode_to_vec())
}

/// The content of her section.
pub(super) fn identity() -> Bytes {
    let identity = Identity { given_name: String::from("Amal"), family_name: String::from("Exempelsson"), ..Default::default() };
    content(Arm::VictimIdentity(VictimIdentity { identity: Some(identity), ..Default::default() }))
}

pub(super) fn submission(number: u8) -> v1::SubmitReferralRequest {
    use brygga_journal::v1 as codes;
    let section = |category: codes::Category, investigation, content| v1::Section {
        category: category.into(),
        persons: vec![String::from("victim-1")],
        investigation,
        content,
        number: 0,
    };
    let given_at = Time::from_micros(START_US - 60_000_000);
    let categories = [codes::Category::VictimIdentity, codes::Category::SafeContact, codes::Category::OffenceHeading];
    let consent = v1::ConsentTerms {
        person: String::from("victim-1"),
        categories: categories.map(i32::from).to_vec(),
        recipient: RVC.to_owned(),
        purpose: codes::Purpose::Support.into(),
        given_at: Some(view::timestamp(given_at)),
        valid_until: Some(view::timestamp(given_at.plus_minutes(60 * 24 * 90))),
        form: codes::ConsentForm::Oral.into(),
        language: String::from("swe"),
        interpreter: false,
        gdpr_basis: codes::GdprBasis::PublicTask.into(),
        ..v1::ConsentTerms::default()
    };
    let release = |section| v1::CellDecision {
        cell: Some(v1::Cell { section, interest: String::from("victim-1") }),
        outcome: Some(v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: String::from("CONSENT"), consent_id: String::new(), revision: 0 })),
    };
    let decision = v1::Decision { cells: (1..=3).map(release).collect(), answers: None, reasons: String::from("she asked for it"), ..Default::default() };
    v1::SubmitReferralRequest {
        request_id: key(number),
        officer: String::from("klara"),
        kind: codes::ReferralKind::ContactRequest.into(),
        recipient: RVC.to_owned(),
        urgency: codes::Urgency::Urgent.into(),
        leader: PROSECUTION.to_owned(),
        reported_at: Some(view::timestamp(given_at)),
        sender_reference: format!("5000-K{number}-26"),
        persons: vec![v1::Person { name: String::from("victim-1"), identifier: None, ..Default::default() }],
        sections: vec![
            section(codes::Category::VictimIdentity, false, identity()),
            section(
                codes::Category::SafeContact,
                false,
                content(Arm::SafeContact(SafeContact { telephone: String::from("070-1740605"), ..Default::default() })),
            ),
            section(
                codes::Category::OffenceHeading,
                true,
                content(Arm::OffenceHeading(OffenceHeading { heading: String::from("Misshandel"), ..Default::default() })),
            ),
        ],
        consents: vec![consent],
        decisions: vec![decision],
        ..Default::default()
    }
}
