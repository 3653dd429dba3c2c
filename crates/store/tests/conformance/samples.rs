//! Made-up rows: well-formed, random-looking, and the same every time.

use brygga_engine::rows::*;
use brygga_engine::store::Batch;

/// Bytes that look random and depend on nothing but the seed and the tag.
pub fn bytes(seed: u64, tag: &str, length: usize) -> Blob {
    let mut state = tag.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out.extend((word ^ (word >> 31)).to_le_bytes());
    }
    out.truncate(length);
    Blob(out)
}

/// A 16-byte id.
pub fn id(seed: u64, tag: &str) -> Blob {
    bytes(seed, tag, 16)
}

/// A 32-byte hash.
pub fn hash(seed: u64, tag: &str) -> Blob {
    bytes(seed, tag, 32)
}

/// A log that grows with the batches that are made for it.
#[derive(Debug, Default, Clone)]
pub struct Log {
    /// Number of events so far.
    pub size: i64,
    /// Size at the last checkpoint.
    pub sealed: i64,
}

impl Log {
    /// Adds so many events of that many bytes and gives the position of the first.
    pub fn append(&mut self, batch: &mut Batch, count: i64, length: usize) -> i64 {
        let first = self.size;
        for position in first..first + count {
            let seed = position.unsigned_abs();
            batch.events.push(EventRow { position, bytes: bytes(seed, "bytes", length), leaf_hash: hash(seed, "leaf") });
            if (position + 1) % 256 == 0 {
                batch.tree.push(TreeRow { level: 8, number: position / 256, hash: hash(seed, "tile") });
            }
        }
        self.size += count;
        first
    }

    /// Head and checkpoint over what was added.
    pub fn seal(&mut self, batch: &mut Batch) {
        let root = hash(self.size.unsigned_abs(), "root");
        batch.head = Some(HeadRow {
            size: self.size,
            root: root.clone(),
            frontier: bytes(self.size.unsigned_abs(), "frontier", 200),
            last_time: self.size,
            grounds: bytes(7, "grounds", 32),
        });
        batch.checkpoint = Some(CheckpointRow { size: self.size, prev_size: self.sealed, root, note: bytes(self.size.unsigned_abs(), "note", 220) });
        self.sealed = self.size;
    }

    /// Adds a submission: five events, a referral of four sections and five cells, and what belongs to it.
    pub fn submit(&mut self, batch: &mut Batch, content_bytes: usize) -> ReferralRows {
        let first = self.append(batch, 5, 400);
        let rows = referral(first);
        let seed = first.unsigned_abs();
        let (id_, agency) = (rows.referral.id.clone(), rows.referral.sender.clone());
        for section in &rows.sections {
            batch.contents.push(content(&id_, section.number, 1, content_bytes));
        }
        batch.inbox.push(InboxRow { position: first + 4, function: rows.referral.recipient.clone(), referral: id_.clone(), kind: String::from("offered") });
        batch.statuses.extend([status(&rows.referral, first, "stored"), status(&rows.referral, first + 4, "offered")]);
        batch.keys.push(key(seed, &agency, Some(id_.clone()), first));
        batch.openings.push(OpeningRow { position: first + 1, field: String::from("reasons"), salt: hash(seed, "salt"), value: bytes(seed, "reasons", 120) });
        for person in &rows.persons {
            batch.person_lookups.push(PersonLookupRow { hash: hash(seed, &person.role), person: person.id.clone() });
        }
        batch.sender_references.push(SenderReferenceRow { hash: hash(seed, "sender_reference"), referral: id_ });
        batch.referrals.push(rows.clone());
        rows
    }
}

/// A used key.
pub fn key(seed: u64, agency: &str, referral: Option<Blob>, position: i64) -> KeyRow {
    KeyRow {
        agency: agency.into(),
        request: id(seed, "request"),
        digest: hash(seed, "digest"),
        refused: 0,
        positions: format!("{position} {}", position + 4),
        size: position + 5,
        referral,
        released: String::from("1:1 2:1"),
        at: position,
    }
}

/// What the sender is told at a position.
pub fn status(referral: &ReferralRow, position: i64, status: &str) -> StatusRow {
    StatusRow { position, agency: referral.sender.clone(), referral: referral.id.clone(), status: status.into(), at: referral.first_position }
}

/// A content.
pub fn content(referral: &Blob, section: i64, revision: i64, length: usize) -> ContentRow {
    let seed = u64::from(referral.0.first().copied().unwrap_or_default()) ^ section.unsigned_abs() ^ (revision.unsigned_abs() << 8);
    ContentRow { referral: referral.clone(), section, revision, key_id: None, salt: hash(seed, "salt"), bytes: bytes(seed, "content", length) }
}

/// A referral that is offered, with one cell of the suspect undecided and the investigation's decided.
pub fn referral(first_position: i64) -> ReferralRows {
    let seed = first_position.unsigned_abs();
    let referral = id(seed, "referral");
    let victim = id(seed, "victim");
    let suspect = id(seed, "suspect");
    let persons = [(&victim, "victim"), (&suspect, "suspect")];
    let person = |(id, role): (&Blob, &str)| PersonRow {
        id: id.clone(),
        role: role.into(),
        number: 1,
        protected_identity: String::from(if role == "victim" { "confidentiality_marked" } else { "unknown" }),
    };
    let categories = ["victim_identity", "safe_contact", "offence", "suspect"];
    let section = |(number, category): (i64, &str)| SectionRow {
        number,
        category: category.into(),
        revision: 1,
        commitment: hash(seed, category),
        offered: i64::from(number < 4),
        released_at: None,
        released_revision: None,
        revealed: i64::from(number == 1),
        checked_by: vec![id(seed, "checked")],
        acknowledged: 0,
        rested_on: String::new(),
        kept: String::from("1:1800000000000000:held"),
    };
    let interests = [(1, 0, victim.clone()), (2, 0, victim.clone()), (3, 0, victim.clone()), (3, 1, Blob::default()), (4, 0, suspect.clone())];
    ReferralRows {
        persons: persons.into_iter().map(person).collect(),
        sections: (1..).zip(categories).map(section).collect(),
        cells: interests.into_iter().map(|(section, place, interest)| cell(section, place, interest, first_position + 1)).collect(),
        consents: vec![consent(seed, victim, first_position + 2)],
        stop_uses: Vec::new(),
        emergencies: Vec::new(),
        excluded: vec![
            ExcludedRow { name: String::from("soc-1"), officer: Some(Blob::from([9; 16])) },
            ExcludedRow { name: String::from("rvc-1"), officer: None },
        ],
        inherited: Vec::new(),
        owed: Vec::new(),
        referral: referral_row(referral, first_position),
    }
}

fn referral_row(id_: Blob, first_position: i64) -> ReferralRow {
    let seed = first_position.unsigned_abs();
    ReferralRow {
        id: id_,
        reference: format!("BR-{}", hex_text(&bytes(seed, "reference", 6))),
        thread: id(seed, "thread"),
        kind: String::from("contact_request"),
        sender: format!("polis-{}", seed % 3),
        from_kind: String::from("police"),
        to_kind: String::from("social_board"),
        recipient: format!("rvc-{}", seed % 2),
        host: String::from("solna"),
        leader: String::from("aklagare-1"),
        urgency: String::from("urgent"),
        reported_at: Some(1_800_000_000_000_000 + first_position),
        contact_due_at: Some(1_800_172_800_000_000 + first_position),
        contacted_at: None,
        submitted_at: 1_800_000_100_000_000 + first_position,
        received_at: Some(1_800_000_100_000_000 + first_position),
        stage_since: 1_800_000_100_000_000 + first_position,
        marks: String::from("open:first"),
        next_due_at: Some(1_800_090_000_000_000 - first_position),
        first_position,
        last_position: first_position + 4,
        offered_at: Some(first_position + 4),
        stage: String::from("ready"),
        stage_code: None,
        recall: None,
        recall_confirmed: 0,
        claimed_by: None,
    }
}

fn cell(section: i64, place: i64, interest: Blob, decided_at: i64) -> CellRow {
    let decided = section != 4;
    CellRow {
        section,
        interest,
        place,
        decided_at: decided.then_some(decided_at),
        officer: decided.then(|| id(7, "officer")),
        ground: decided.then(|| String::from("CONSENT")),
        consent: decided.then_some(decided_at + 1),
        withheld: None,
        nameable: 0,
        second_officer: 0,
        confirmed_at: None,
        standing_until: (decided && place == 0).then_some(1_800_200_000_000_000 + decided_at),
        carried_at: (decided && place == 1).then_some(decided_at + 2),
        carried_revision: (decided && place == 1).then_some(2),
    }
}

/// A consent.
pub fn consent(seed: u64, person: Blob, position: i64) -> ConsentRow {
    ConsentRow {
        id: id(seed, "consent"),
        position,
        person,
        categories: String::from("victim_identity safe_contact"),
        recipient: String::from("rvc-1"),
        purpose: String::from("support"),
        given_at: 1_800_000_000_000_000,
        valid_until: 1_810_000_000_000_000,
        form: String::from("oral"),
        language: Some(String::from("swe")),
        interpreter: 0,
        gdpr_basis: String::from("public_task"),
        given_by: String::from("person"),
        asked_by: (position % 2 == 0).then(|| id(seed, "asked_by")),
        interpreter_reference: None,
        withdrawn_at: None,
    }
}

fn hex_text(blob: &Blob) -> String {
    serde_json::to_value(blob).ok().and_then(|value| value.as_str().map(str::to_uppercase)).unwrap_or_default()
}
