//! A small world: a directory, the shipped ground table, and a journal that `decide` fills.

use std::collections::BTreeMap;

use brygga_domain::command::NewOutcome;
use brygga_domain::directory::CertificateName;
use brygga_domain::event::Officer;
use brygga_domain::referral::evolve;
use brygga_domain::{
    Action, Agency, AgencyId, AgencyKind, Code as _, Command, Digest, Directory, Entropy, Event, Fact, Facts, Function, FunctionId, GroundTable, Known,
    OfficerProof, OfficerPseudonym, Position, Referral, ReferralId, ReferralName, Refusal, RequestId, TargetGroup, Time, decide,
};
use brygga_journal::encode;
use brygga_merkle::{Checkpoint, Ed25519Signer, Frontier, NoteKey, leaf_hash, sign_checkpoint};
use brygga_verify::{BUNDLE_FORMAT, BundleWriter, Header};
use uuid::Uuid;

/// Origin of every log here.
pub const ORIGIN: &str = "dev.invalid/disclosures";

/// The agency that the broker itself acts as.
pub const BROKER: &str = "brygga";

/// 2026-11-23T12:00:00Z.
pub const START_US: i64 = 1_795_435_200_000_000;

/// Agencies, with what they are and the function that each hosts.
pub const AGENCIES: [(&str, AgencyKind, &str); 5] = [
    ("vasterort-polis", AgencyKind::Police, "polis-brottsoffer"),
    ("vasterort-aklagare", AgencyKind::Prosecution, "aklagare-vasterort"),
    ("solna-soc", AgencyKind::SocialBoard, "solna-rvc"),
    ("ekero-soc", AgencyKind::SocialBoard, "ekero-barn"),
    ("ivo", AgencyKind::Supervisor, ""),
];

/// The log's signing key.
pub fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed([7; 32])
}

/// The log's verifier key.
pub fn key() -> NoteKey {
    signer().note_key(ORIGIN).unwrap()
}

/// An agency's id.
pub fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

/// A function's id.
pub fn function(name: &str) -> FunctionId {
    name.parse().unwrap()
}

/// An officer of a number.
pub fn officer(number: u8) -> Officer {
    Officer { pseudonym: OfficerPseudonym([number; 16]), proof: OfficerProof::Asserted }
}

/// What was decided so far.
pub struct World {
    /// The journal.
    pub events: Vec<Event>,
    /// Every referral as it stands.
    pub referrals: BTreeMap<ReferralId, Referral>,
    /// The clock.
    pub now: Time,
    table: GroundTable,
    directory: Directory,
    seed: u64,
    commands: u64,
}

impl World {
    /// A log that has begun, with everybody registered.
    pub fn new(seed: u64) -> Self {
        let table = GroundTable::load(brygga_domain::grounds::SHIPPED).unwrap();
        let mut world = Self {
            events: Vec::new(),
            referrals: BTreeMap::new(),
            now: Time::from_micros(START_US),
            directory: Directory::default(),
            seed,
            commands: 0,
            table,
        };
        let table = world.table.hash();
        world.must(BROKER, None, Action::StartLog { origin: ORIGIN.to_owned(), table });
        for (name, kind, hosts) in AGENCIES {
            let entry = an_agency(name, kind);
            world.directory.put_agency(entry.clone());
            world.must(BROKER, None, Action::RegisterAgency(entry, Digest([1; 32])));
            if !hosts.is_empty() {
                let entry = a_function(hosts, name);
                world.directory.put_function(entry.clone());
                world.must(BROKER, None, Action::RegisterFunction(entry, Digest([2; 32])));
            }
        }
        world
    }

    /// Lets time pass.
    pub fn pass(&mut self, minutes: u32) {
        self.now = self.now.plus_minutes(minutes);
    }

    /// Gives a command, as the engine does: what is refused may still be an event.
    pub fn give(&mut self, by: &str, officer_number: Option<u8>, action: Action, about: Option<ReferralId>) -> Result<Option<ReferralId>, Refusal> {
        self.commands += 1;
        let mut entropy = [0; 32];
        entropy[..8].copy_from_slice(&self.seed.to_be_bytes());
        entropy[8..16].copy_from_slice(&self.commands.to_be_bytes());
        let action = self.in_view(action, about);
        let command = Command {
            agency: agency(by),
            officer: officer_number.map(officer),
            request: RequestId(Uuid::from_u128(u128::from(self.commands))),
            digest: Digest([0; 32]),
            entropy: Entropy::new(entropy),
            action,
        };
        let overdue = |emergency: &brygga_domain::emergency::Emergency| {
            emergency.agency.as_str() == by && emergency.review.is_none() && emergency.review_due_at <= self.now
        };
        let review_overdue = self.referrals.values().flat_map(|referral| &referral.emergencies).any(overdue);
        let cited = command.action.cites().and_then(|name| self.referrals.values().find(|referral| name == ReferralName::Id(referral.id)));
        let known =
            Known { offer: Some(Some(brygga_domain::OfferAnswer::Yes)), review_overdue, cited: cited.cloned().map(std::sync::Arc::new), ..Known::default() };
        let facts = Facts {
            now: self.now,
            next: self.next(),
            directory: &self.directory,
            table: &self.table,
            referral: about.and_then(|id| self.referrals.get(&id)),
            known: &known,
        };
        let (decided, result) = match decide(&command, facts) {
            Ok(decided) => (Some(decided), Ok(())),
            Err(refusal) => (brygga_domain::decide::refused(&command, facts, &refusal), Err(refusal)),
        };
        let mut id = None;
        if let Some(decided) = decided {
            self.events.extend(decided.events);
            if let Some(referral) = decided.referral {
                id = Some(referral.id);
                self.referrals.insert(referral.id, referral);
            }
        }
        result.map(|()| id)
    }

    /// Whoever decides here has looked at the revisions that stand, and whoever gives an owed word at the one that left.
    fn in_view(&self, mut action: Action, about: Option<ReferralId>) -> Action {
        let left = if let Action::ConfirmClearance(_, _, left) = &action { *left } else { None };
        let (Action::DecideClearance(_, decision) | Action::ConfirmClearance(_, decision, _)) = &mut action else { return action };
        let stands = |number| about.and_then(|id| self.referrals.get(&id)?.section(number)).map(|section| section.revision);
        for cell in &mut decision.cells {
            if let (NewOutcome::Release { revision, .. }, Some(stands)) = (&mut cell.outcome, left.or_else(|| stands(cell.cell.section))) {
                *revision = stands;
            }
        }
        action
    }

    /// Gives a command that must be taken.
    pub fn must(&mut self, by: &str, officer_number: Option<u8>, action: Action) -> Option<ReferralId> {
        let about = self.referrals.keys().next().copied().filter(|_| action.referral().is_some());
        let what = format!("{action:?}");
        self.give(by, officer_number, action, about).unwrap_or_else(|refusal| panic!("{what}: {refusal}"))
    }

    /// The position of the next event.
    pub fn next(&self) -> Position {
        Position(u64::try_from(self.events.len()).unwrap())
    }
}

fn an_agency(name: &str, kind: AgencyKind) -> Agency {
    let since = Some(Time::from_micros(START_US - 1));
    let certificate = CertificateName { issuer_key_hash: [3; 32], san_uri: format!("urn:brygga:agency:{name}") };
    Agency {
        id: agency(name),
        kind,
        name: kind.as_str().to_owned(),
        organisation_number: None,
        certificate,
        agreement_at: since,
        suitability_at: since,
        content_days: brygga_domain::content::OwnDays::default(),
    }
}

fn a_function(name: &str, host: &str) -> Function {
    Function {
        id: function(name),
        host: agency(host),
        name: name.to_owned(),
        territories: Vec::new(),
        kinds: Vec::new(),
        target: TargetGroup::default(),
        telephone: None,
        duty: brygga_domain::directory::OnDuty { clears: true, ..Default::default() },
    }
}

/// The stored bytes of events.
pub fn leaves(events: &[Event]) -> Vec<Vec<u8>> {
    events.iter().map(|event| encode(event).to_vec()).collect()
}

/// The checkpoint over leaves.
pub fn checkpoint(leaves: &[Vec<u8>]) -> Checkpoint {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        let _tiles = frontier.append(leaf_hash(leaf));
    }
    Checkpoint { origin: ORIGIN.to_owned(), size: frontier.size(), root: frontier.root() }
}

/// The checkpoint over leaves, signed with the log's key.
pub fn note(leaves: &[Vec<u8>]) -> Vec<u8> {
    sign_checkpoint(&checkpoint(leaves), ORIGIN, &signer()).unwrap()
}

/// The header of a bundle of that many leaves.
pub fn header(size: usize) -> Header {
    let size = u64::try_from(size).unwrap();
    Header { format: BUNDLE_FORMAT.to_owned(), origin: ORIGIN.to_owned(), vkey: key().encode(), exported_at: String::from("2026-11-24T08:00:00Z"), size }
}

/// A bundle.
pub fn bundle(header: &Header, leaves: &[Vec<u8>], note: &[u8]) -> Vec<u8> {
    let mut writer = BundleWriter::start(Vec::new(), header).unwrap();
    for leaf in leaves {
        writer.leaf(leaf).unwrap();
    }
    writer.finish(note).unwrap()
}

/// Names, for each event of a referral, the one before it: what a forger with the key would do too.
pub fn rechain(events: &mut [Event]) {
    let mut referrals: BTreeMap<ReferralId, Referral> = BTreeMap::new();
    for (position, event) in (0_u64..).zip(events) {
        let Some(id) = event.fact.referral() else { continue };
        let referral = referrals.remove(&id);
        if !matches!(event.fact, Fact::ReferralSubmitted(_)) {
            event.previous = referral.as_ref().map(|referral| referral.last);
        }
        if let Some(referral) = evolve(referral, Position(position), event) {
            referrals.insert(id, referral);
        }
    }
}
