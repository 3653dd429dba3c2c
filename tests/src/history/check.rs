//! The rules. Each states one guarantee over the clients' history and the final log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use brygga_domain::entropy::commit;
use brygga_domain::gate::ReleasedSection;
use brygga_domain::{Event, Fact, GroundTable};
use brygga_merkle::{Checkpoint, Frontier, Hash, InclusionProof, NoteKey, leaf_hash};
use brygga_verify::{Auditor, Code, Expected, Trust};
use bytes::Bytes;

use super::{Call, Guarantee, History, Log, Outcome, Told, Violation};

/// Who causes the events of the broker itself.
const BROKER_NAME: &str = "brygga";

/// What the auditor says of a release's clearance.
const OF_CLEARANCE: &[Code] = &[
    Code::BasisDiffers,
    Code::CellUnknown,
    Code::ClearanceByOther,
    Code::ClearanceMissing,
    Code::ClearanceRevoked,
    Code::ClearanceSuperseded,
    Code::ClearanceWithheld,
    Code::ConfirmationUnfounded,
    Code::EmergencyMalformed,
    Code::GroundUnlawful,
    Code::ReleaseNotOffered,
    Code::ReviewOverdue,
    Code::ReviewSame,
    Code::SecondOfficerMissing,
    Code::SecondOfficerSame,
    Code::StandingUnfounded,
    Code::TableInactive,
    Code::TemplateNotAllowed,
];
/// What it says of a consent.
const OF_CONSENT: &[Code] = &[
    Code::ConsentExpired,
    Code::ConsentLater,
    Code::ConsentMissing,
    Code::ConsentOfAnother,
    Code::ConsentOtherCategory,
    Code::ConsentOtherPurpose,
    Code::ConsentOtherRecipient,
];
/// What it says of what was released.
const OF_SECTIONS: &[Code] = &[Code::CommitmentDiffers, Code::RevisionDiffers];
/// What it says of a withdrawal.
const OF_WITHDRAWAL: &[Code] = &[Code::ConsentWithdrawn, Code::StopUseMissing, Code::StopUseUnfounded];
/// What it says of the tree.
const OF_TREE: &[Code] = &[Code::LeafUnreadable, Code::RootDiffers, Code::SizeDiffers];
/// What it says of the head.
const OF_HEAD: &[Code] = &[Code::NoteMalformed, Code::NoteUnsigned, Code::NoteWrongSignature, Code::OriginDiffers, Code::LogStart];

pub(super) fn check(history: &History, (log, laws): (&Log, &[String]), key: &NoteKey) -> Vec<Violation> {
    let leaves: BTreeMap<u64, &Bytes> = log.entries.iter().map(|(position, leaf)| (*position, leaf)).collect();
    // A leaf that cannot be read is the auditor's to name.
    let events = leaves.iter().filter_map(|(position, leaf)| Some((*position, brygga_journal::decode(leaf).ok()?))).collect();
    let mut checker = Checker { history, log, laws, key, leaves, events, found: Vec::new() };
    checker.positions();
    checker.audit();
    checker.durable();
    checker.ghosts();
    checker.keys();
    checker.contents();
    checker.withdrawals();
    checker.checkpoints();
    checker.order();
    checker.found
}

struct Checker<'a> {
    history: &'a History,
    log: &'a Log,
    laws: &'a [String],
    key: &'a NoteKey,
    leaves: BTreeMap<u64, &'a Bytes>,
    events: BTreeMap<u64, Event>,
    found: Vec<Violation>,
}

/// Who asked, and under which key.
fn key_of(call: &Call) -> (&'static str, &str) {
    (call.agency, call.request_id.as_str())
}

/// What a release names, if it is one.
fn released(event: Option<&Event>) -> Option<(&str, &[ReleasedSection])> {
    match event.map(|event| &event.fact) {
        Some(Fact::SectionsReleased { recipient, released, .. }) => Some((recipient.as_str(), released.sections())),
        Some(_) | None => None,
    }
}

impl Checker<'_> {
    fn broken(&mut self, guarantee: Guarantee, what: impl Into<String>) {
        self.found.push(Violation { guarantee, what: what.into() });
    }

    /// Positions without gap or repeat.
    fn positions(&mut self) {
        for (place, (position, _)) in (0_u64..).zip(&self.log.entries) {
            if *position != place {
                return self.broken(Guarantee::AppendOnly, format!("position {position} stands at place {place}"));
            }
        }
    }

    /// What the log alone tells, by the independent auditor.
    fn audit(&mut self) {
        let tables = self.laws.iter().map(|law| GroundTable::load(law).unwrap()).collect();
        let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(self.key.clone()), pin: None, tables });
        self.log.entries.iter().for_each(|(_, leaf)| auditor.leaf(leaf));
        let report = auditor.report(&self.log.note);
        let named = [
            (OF_CLEARANCE, Guarantee::LegalBasis),
            (OF_CONSENT, Guarantee::Consent),
            (OF_SECTIONS, Guarantee::SectionSet),
            (OF_WITHDRAWAL, Guarantee::WithdrawalStops),
            (OF_TREE, Guarantee::AppendOnly),
            (OF_HEAD, Guarantee::OneHistory),
            (&[Code::EventTwice], Guarantee::DurableAnswer),
        ];
        for finding in report.findings {
            let guarantee = named.iter().find(|(codes, _)| codes.contains(&finding.code)).map_or(Guarantee::SingleDecision, |(_, guarantee)| *guarantee);
            self.broken(guarantee, format!("the auditor finds {} at {:?}: {}", finding.code, finding.position, finding.text));
        }
        for doubt in report.doubts {
            self.broken(Guarantee::SingleDecision, format!("the auditor cannot tell: {doubt}"));
        }
    }

    /// What was acknowledged is there, at its place, once.
    fn durable(&mut self) {
        let mut owners = BTreeMap::new();
        for (call, told) in self.history.told() {
            let leaf = told.receipt.leaves.iter().find(|leaf| leaf.position == told.position).map(|leaf| &leaf.leaf);
            if leaf.is_none() || leaf != self.leaves.get(&told.position).copied() {
                self.broken(Guarantee::DurableAnswer, format!("the acknowledged {} at {} is not in the log", call.kind, told.position));
            }
            if owners.insert(told.position, key_of(call)).is_some_and(|owner| owner != key_of(call)) {
                self.broken(Guarantee::DurableAnswer, format!("two commands were acknowledged with the {} at {}", call.kind, told.position));
            }
        }
        let mut ids = BTreeSet::new();
        let twice: Vec<u64> = self.events.iter().filter(|(_, event)| !ids.insert(event.id)).map(|(position, _)| *position).collect();
        for position in twice {
            self.broken(Guarantee::DurableAnswer, format!("the event at {position} stands twice"));
        }
    }

    /// Whatever an agency caused stands in a receipt, or a command of unknown outcome may have caused it.
    fn ghosts(&mut self) {
        let known: BTreeSet<u64> = self.history.told().flat_map(|(_, told)| told.receipt.leaves.iter().map(|leaf| leaf.position)).collect();
        let mut may: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        // A command counts once, however often its outcome stayed unknown.
        let told: BTreeSet<_> = self.history.told().map(|(call, _)| key_of(call)).collect();
        let mut counted = BTreeSet::new();
        for call in &self.history.calls {
            let events: &[&str] = match (&call.outcome, call.kind) {
                (Outcome::Told(_), _) => &[],
                (Outcome::Refused, "SectionsReleased") => &["DisclosureRefused"],
                (Outcome::Refused, _) => &[],
                (Outcome::Unknown, _) if told.contains(&key_of(call)) || !counted.insert(key_of(call)) => &[],
                (Outcome::Unknown, "ReferralSubmitted") => &["ReferralSubmitted", "ConsentRecorded", "ClearanceDecided", "ClearanceDecided", "ReferralOffered"],
                (Outcome::Unknown, "ConsentWithdrawn") => &["ConsentWithdrawn", "StopUseSent", "OfferWithdrawn"],
                (Outcome::Unknown, kind) => &[kind],
            };
            for event in events {
                *may.entry((call.agency, event)).or_default() += 1;
            }
        }
        let mut ghosts = Vec::new();
        for (position, event) in &self.events {
            let (agency, name) = (event.agency.as_str(), event.fact.name());
            // A question of the auditor's is an event of its own, and no test records it as a command.
            if agency == BROKER_NAME || name == "LogQueried" || known.contains(position) {
                continue;
            }
            match may.get_mut(&(agency, name)) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => ghosts.push(format!("nobody was told of the {name} of {agency} at {position}")),
            }
        }
        ghosts.into_iter().for_each(|ghost| self.broken(Guarantee::NoGhost, ghost));
    }

    /// One key, one request, one receipt.
    fn keys(&mut self) {
        let mut first: BTreeMap<_, (&Call, &Told)> = BTreeMap::new();
        for (call, told) in self.history.told() {
            let (asked, answered) = *first.entry(key_of(call)).or_insert((call, told));
            if asked.asked != call.asked {
                self.broken(Guarantee::Idempotence, format!("the key {} was acknowledged for two requests", call.request_id));
            }
            if answered.receipt != told.receipt {
                self.broken(Guarantee::Idempotence, format!("the key {} has two receipts, at {} and at {}", call.request_id, answered.position, told.position));
            }
        }
    }

    /// What came is what its release names, no more and no less, to that recipient, with the release proved.
    fn contents(&mut self) {
        let hosts: BTreeMap<String, String> = self
            .events
            .values()
            .filter_map(|event| match &event.fact {
                Fact::FunctionRegistered { function, host, .. } => Some((function.to_string(), host.to_string())),
                _ => None,
            })
            .collect();
        for (call, told) in self.history.told().filter(|(_, told)| !told.sections.is_empty()) {
            let at = told.position;
            let Some((recipient, logged)) = released(self.events.get(&at)) else {
                self.broken(Guarantee::LogFirst, format!("content came to {} without a release at {at}", call.agency));
                continue;
            };
            let (host, logged) = (hosts.get(recipient).cloned(), logged.to_vec());
            if host.as_deref() != Some(call.agency) {
                self.broken(Guarantee::LogFirst, format!("what was released at {at} to {host:?} came to {}", call.agency));
            }
            let named: BTreeSet<(u32, u32)> = logged.iter().map(|section| (section.section, section.revision)).collect();
            let came: BTreeSet<(u32, u32)> = told.sections.iter().map(|section| (section.number, section.revision)).collect();
            if named != came || came.len() != told.sections.len() {
                self.broken(Guarantee::SectionSet, format!("the release at {at} names {named:?}, and {came:?} came"));
            }
            for section in &told.sections {
                let commitment = logged.iter().find(|logged| logged.section == section.number).map(|logged| logged.commitment);
                let salt: Option<&[u8; 32]> = section.salt.as_ref().try_into().ok();
                if commitment.is_some() && salt.map(|salt| commit(salt, &section.content)) != commitment {
                    self.broken(Guarantee::LogFirst, format!("section {} is not the bytes that were released at {at}", section.number));
                }
            }
        }
    }

    /// Nothing is released under a consent after its withdrawal, and nothing handed out once the withdrawal was answered.
    fn withdrawals(&mut self) {
        let mut given = BTreeMap::new();
        let mut withdrawn: BTreeMap<u64, u64> = BTreeMap::new();
        let mut late = Vec::new();
        for (position, event) in &self.events {
            match &event.fact {
                Fact::ConsentRecorded(consent) => drop(given.insert(consent.consent.to_string(), *position)),
                Fact::ConsentWithdrawn { consent, .. } => {
                    if let Some(consent) = given.get(&consent.to_string()) {
                        withdrawn.entry(*consent).or_insert(*position);
                    }
                }
                Fact::SectionsReleased { released, .. } => {
                    let consents = released.sections().iter().flat_map(|section| &section.basis);
                    let ended: BTreeSet<u64> = consents.filter_map(|consent| withdrawn.get(&consent.0)).copied().collect();
                    late.extend(ended.into_iter().map(|withdrawal| (*position, withdrawal)));
                }
                _ => {}
            }
        }
        for (release, withdrawal) in late {
            self.broken(Guarantee::WithdrawalStops, format!("the release at {release} rests on the consent that was withdrawn at {withdrawal}"));
        }
        let mut answered: BTreeMap<u64, Instant> = BTreeMap::new();
        let consents_by_withdrawal: BTreeMap<u64, u64> = withdrawn.iter().map(|(consent, withdrawal)| (*withdrawal, *consent)).collect();
        for (call, told) in self.history.told().filter(|(call, _)| call.kind == "ConsentWithdrawn") {
            if let Some(consent) = consents_by_withdrawal.get(&told.position) {
                let first = answered.entry(*consent).or_insert(call.ended);
                *first = call.ended.min(*first);
            }
        }
        for (call, told) in self.history.told().filter(|(_, told)| !told.sections.is_empty()) {
            let Some((_, logged)) = released(self.events.get(&told.position)) else { continue };
            let mut basis = logged.iter().flat_map(|section| &section.basis);
            if basis.any(|consent| answered.get(&consent.0).is_some_and(|answered| call.began > *answered)) {
                let what = format!("content of the release at {} came to who asked after the withdrawal was answered", told.position);
                self.broken(Guarantee::WithdrawalStopsAtOnce, what);
            }
        }
    }

    /// Every head that was ever shown begins the log, and every receipt proves its events under its head.
    fn checkpoints(&mut self) {
        let notes: BTreeSet<&Bytes> = self.history.told().map(|(_, told)| &told.receipt.checkpoint).chain([&self.log.note]).collect();
        let mut heads: BTreeMap<&Bytes, Checkpoint> = BTreeMap::new();
        for note in notes {
            match brygga_merkle::open(note, self.key) {
                Ok(head) => drop(heads.insert(note, head)),
                Err(error) => self.broken(Guarantee::OneHistory, format!("a head that was shown is not the log's: {error}")),
            }
        }
        let roots = self.roots();
        let mut shown: BTreeMap<u64, Hash> = BTreeMap::new();
        for head in heads.values() {
            if *shown.entry(head.size).or_insert(head.root) != head.root {
                self.broken(Guarantee::OneHistory, format!("two heads over {} events have different roots", head.size));
            }
            match roots.get(usize::try_from(head.size).unwrap()) {
                Some(root) if *root == head.root => {}
                Some(_) => self.broken(Guarantee::AppendOnly, format!("the log does not begin with the {} events that were signed", head.size)),
                None => self.broken(Guarantee::AppendOnly, format!("{} events were signed, the log has {}", head.size, self.log.entries.len())),
            }
        }
        for (call, told) in self.history.told() {
            let Some(head) = heads.get(&told.receipt.checkpoint) else { continue };
            for leaf in &told.receipt.leaves {
                let hashes: Result<Vec<Hash>, _> = leaf.proof.iter().map(|hash| Hash::from_slice(hash)).collect();
                let proof = hashes.map(|hashes| InclusionProof { index: leaf.position, size: head.size, hashes });
                if !proof.is_ok_and(|proof| head.verify_inclusion(&proof, &leaf_hash(&leaf.leaf)).is_ok()) {
                    self.broken(Guarantee::Proofs, format!("the receipt of the {} does not prove its event at {}", call.kind, leaf.position));
                }
                if self.leaves.get(&leaf.position) != Some(&&leaf.leaf) {
                    self.broken(Guarantee::Proofs, format!("the receipt of the {} shows another event at {} than the log", call.kind, leaf.position));
                }
            }
        }
    }

    /// The root at each size.
    fn roots(&self) -> Vec<Hash> {
        let mut frontier = Frontier::new();
        let mut roots = vec![frontier.root()];
        for (_, leaf) in &self.log.entries {
            let _stored_by_the_broker = frontier.append(leaf_hash(leaf));
            roots.push(frontier.root());
        }
        roots
    }

    /// What was asked for after something else had been answered stands behind it.
    fn order(&mut self) {
        let mut commands: BTreeMap<_, (Instant, Instant, u64)> = BTreeMap::new();
        for (call, told) in self.history.told() {
            let (_, ended, _) = commands.entry(key_of(call)).or_insert((call.began, call.ended, told.position));
            *ended = call.ended.min(*ended);
        }
        for call in &self.history.calls {
            if let Some((began, ..)) = commands.get_mut(&key_of(call)) {
                *began = call.began.min(*began);
            }
        }
        let mut by_answer: Vec<(Instant, u64)> = commands.values().map(|(_, ended, position)| (*ended, *position)).collect();
        let mut by_begin: Vec<(Instant, u64)> = commands.values().map(|(began, _, position)| (*began, *position)).collect();
        by_answer.sort_unstable();
        by_begin.sort_unstable();
        let mut answered = by_answer.into_iter().peekable();
        let mut latest = None;
        for (began, position) in by_begin {
            while let Some((_, before)) = answered.next_if(|(ended, _)| *ended < began) {
                latest = latest.max(Some(before));
            }
            if latest.is_some_and(|latest| position < latest) {
                self.broken(Guarantee::OneHistory, format!("the event at {position} was asked for after the one at {latest:?} had been answered"));
            }
        }
    }
}
