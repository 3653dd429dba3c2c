//! Every statement of the SQLite store, as static text.
//!
//! A statement starts with a comment that names it. Rows come in as one JSON array a table and batch, bytes as hex; what is large,
//! events and content, comes as one run of bytes that the JSON points into. Rows go out as one JSON object each, or as plain
//! columns where they hold large bytes. A table's columns are listed once, so that what is written and what is read cannot drift
//! apart. No statement is ever put together at run time.
//!
//! A batch is three texts: [`LOAD`], [`WRITE`], [`COMMIT`]. The hand-over to SQLite's thread costs more than a statement on an
//! empty list, so each text holds all its statements, and `$n` counts through the text.

/// What a column is filled from: `plain` as it stands, `blob` and `maybe` (a blob that may be absent) out of hex.
macro_rules! put {
    (plain $column:ident) => {
        concat!("value->>'", stringify!($column), "'")
    };
    (blob $column:ident) => {
        concat!("unhex(value->>'", stringify!($column), "')")
    };
    (maybe $column:ident) => {
        concat!("unhex(value->>'", stringify!($column), "')")
    };
}

/// What a column reads as in JSON.
macro_rules! get {
    (plain $from:ident $column:ident) => {
        concat!(stringify!($from), ".", stringify!($column))
    };
    (blob $from:ident $column:ident) => {
        concat!("hex(", stringify!($from), ".", stringify!($column), ")")
    };
    (maybe $from:ident $column:ident) => {
        concat!("iif(", stringify!($from), ".", stringify!($column), " IS NULL, NULL, hex(", stringify!($from), ".", stringify!($column), "))")
    };
}

/// One JSON object: `first` is its first pair, as SQL.
macro_rules! json {
    ($first:literal, $from:ident, $($kind:ident $column:ident),+) => {
        concat!("json_object(", $first $(, ", '", stringify!($column), "', ", get!($kind $from $column))+, ")")
    };
}

/// Inserts rows; one that exists is an error.
macro_rules! insert {
    ($name:literal, $rows:literal, $table:ident, $first_kind:ident $first:ident, $($kind:ident $column:ident),+) => {
        concat!(
            "-- ", $name, "\nINSERT INTO ", stringify!($table), " (", stringify!($first) $(, ", ", stringify!($column))+,
            ")\nSELECT ", put!($first_kind $first) $(, ", ", put!($kind $column))+, "\nFROM jsonb_each(", $rows, ") WHERE true",
        )
    };
}

/// Inserts rows, or replaces what differs; a row that stands already as it is given costs no write.
macro_rules! upsert {
    ($name:literal, $rows:literal, $table:ident, [$first_kind:ident $first:ident $(, $key_kind:ident $key:ident)*], $set_kind:ident $set:ident, $($kind:ident $column:ident),+) => {
        concat!(
            insert!($name, $rows, $table, $first_kind $first, $($key_kind $key,)* $set_kind $set, $($kind $column),+),
            "\nON CONFLICT (", stringify!($first) $(, ", ", stringify!($key))*, ") DO UPDATE SET (",
            stringify!($set) $(, ", ", stringify!($column))+, ") = (excluded.", stringify!($set) $(, ", excluded.", stringify!($column))+,
            ")\nWHERE (", stringify!($table), ".", stringify!($set) $(, ", ", stringify!($table), ".", stringify!($column))+,
            ") IS NOT (excluded.", stringify!($set) $(, ", excluded.", stringify!($column))+, ")",
        )
    };
}

// The columns of the tables, without the keys that a table's rows are replaced under.
macro_rules! referral_columns {
    ($then:ident $($with:tt)+) => { $then! { $($with)+
        plain reference, blob thread, plain kind, plain sender, plain from_kind, plain to_kind, plain recipient, plain host, plain leader, plain urgency,
        plain reported_at, plain contact_due_at, plain contacted_at, plain submitted_at, plain last_position, plain offered_at, plain stage,
        plain stage_code, plain recall, plain recall_confirmed, maybe claimed_by
    } };
}
macro_rules! person_columns {
    ($then:ident $($with:tt)+) => { $then! { $($with)+ blob id, plain role, plain number } };
}
macro_rules! section_columns {
    ($then:ident $($with:tt)+) => { $then! { $($with)+
        plain category, plain revision, blob commitment, plain offered, plain released_at, plain released_revision, plain rested_on
    } };
}
macro_rules! cell_columns {
    ($then:ident $($with:tt)+) => { $then! { $($with)+
        blob interest, plain decided_at, maybe officer, plain ground, plain consent, plain withheld, plain nameable, plain second_officer, plain confirmed_at
    } };
}
macro_rules! consent_columns {
    ($then:ident $($with:tt)+) => { $then! { $($with)+
        blob id, blob person, plain categories, plain recipient, plain purpose, plain given_at, plain valid_until, plain form, plain language,
        plain interpreter, plain gdpr_basis, plain withdrawn_at
    } };
}
macro_rules! key_columns {
    ($then:ident $($with:tt)+) => { $then! { $($with)+
        blob digest, plain refused, plain positions, plain size, maybe referral, plain released, plain at
    } };
}

/// One referral with all its rows, as JSON, after a first column if there is one; `FROM referral AS r` and what the caller adds.
macro_rules! referrals {
    ($name:literal, $which:literal) => { referrals!($name, "", $which) };
    ($name:literal, $first:literal, $which:literal) => {
        concat!(
            "-- ", $name, "\nSELECT ", $first, "json_object('referral', ",
            referral_columns!(json "'id', hex(r.id), 'first_position', r.first_position", r,),
            ",\n'persons', (SELECT json_group_array(", person_columns!(json "'referral', hex(r.id)", p,),
            " ORDER BY p.place) FROM person AS p WHERE p.origin = r.first_position)",
            ",\n'sections', (SELECT json_group_array(", section_columns!(json "'referral', hex(r.id), 'number', s.number", s,),
            " ORDER BY s.number) FROM section AS s WHERE s.origin = r.first_position)",
            ",\n'cells', (SELECT json_group_array(", cell_columns!(json "'referral', hex(r.id), 'section', c.section, 'place', c.place", c,),
            " ORDER BY c.section, c.place) FROM cell AS c WHERE c.origin = r.first_position)",
            ",\n'consents', (SELECT json_group_array(", consent_columns!(json "'referral', hex(r.id), 'position', w.position", w,),
            " ORDER BY w.position) FROM consent AS w WHERE w.origin = r.first_position)",
            ",\n'stop_uses', (SELECT json_group_array(json_object('referral', hex(r.id), 'position', u.position, 'sections', u.sections, 'answer', u.answer)",
            " ORDER BY u.position) FROM stop_use AS u WHERE u.origin = r.first_position)",
            ")\nFROM referral AS r\n", $which,
        )
    };
}

// The writer's transaction.

/// Locks the head and answers with rows of two columns: what it is, and the row as JSON.
///
/// A key that was used before brings its referral along, for a repeated submission cannot name the one that it made.
///
/// `$1` keys as pairs, `$2` referrals' ids, `$3` references, `$4` keyed hashes of sender references, `$5` offers' ids.
pub(crate) const LOAD: &str = concat!(
    "-- load\nBEGIN IMMEDIATE;\n",
    "-- load_head\nSELECT 'head', json_object('size', size, 'root', hex(root), 'frontier', hex(frontier), 'last_time', last_time) FROM log_head;\n",
    "-- load_keys\nSELECT 'key', ",
    key_columns!(json "'agency', k.agency, 'request', hex(k.request)", k,),
    "\nFROM json_each($1) AS wanted CROSS JOIN request_key AS k\nWHERE k.agency = wanted.value->>0 AND k.request = unhex(wanted.value->>1);\n",
    referrals!(
        "load_referrals",
        "'referral', ",
        "WHERE r.first_position IN (
SELECT first_position FROM referral WHERE id IN (SELECT unhex(value) FROM json_each($2))
UNION SELECT first_position FROM referral WHERE reference IN (SELECT value FROM json_each($3))
UNION SELECT first_position FROM referral WHERE id IN (SELECT k.referral FROM json_each($1) AS wanted CROSS JOIN request_key AS k
WHERE k.agency = wanted.value->>0 AND k.request = unhex(wanted.value->>1)))
ORDER BY r.first_position;\n"
    ),
    "-- load_sender_references
SELECT 'sender_reference', json_array(hex(s.hash), r.reference)
FROM json_each($4) AS wanted CROSS JOIN sender_reference AS s ON s.hash = unhex(wanted.value) CROSS JOIN referral AS r ON r.id = s.referral;\n",
    "-- load_offers
SELECT 'offer', json_object('id', hex(o.id), 'agency', o.agency, 'position', o.position, 'answer', o.answer)
FROM json_each($5) AS wanted CROSS JOIN offer AS o ON o.id = unhex(wanted.value)",
);

/// Every table once, in the order that references need. `$1` and `$14` are runs of bytes, the rest JSON: `$2` and `$15` point into
/// them with `start`, from 1, and `length`.
pub(crate) const WRITE: &str = concat!(
    "-- append_events
INSERT INTO event (position, event_id, bytes, leaf_hash)
SELECT value->>'position', unhex(value->>'event_id'), substr($1, value->>'start', value->>'length'), unhex(value->>'leaf_hash')
FROM jsonb_each($2) WHERE true;\n",
    insert!("append_tree", "$3", tree, plain level, plain number, blob hash),
    ";\n",
    insert!("append_checkpoint", "$4", checkpoint, plain size, plain prev_size, blob root, blob note),
    ";\n",
    referral_columns!(upsert "write_referrals", "$5", referral, [plain first_position], blob id, plain sender_clears, plain leader_clears, plain recipient_acts,),
    ";\n",
    person_columns!(upsert "write_persons", "$6", person, [plain origin, plain place],),
    ";\n",
    section_columns!(upsert "write_sections", "$7", section, [plain origin, plain number],),
    ";\n",
    cell_columns!(upsert "write_cells", "$8", cell, [plain origin, plain section, plain place],),
    ";\n",
    consent_columns!(upsert "write_consents", "$9", consent, [plain origin, plain position],),
    ";\n",
    upsert!("write_stop_uses", "$10", stop_use, [plain origin, plain position], plain sections, plain answer),
    ";\n",
    insert!("append_inbox", "$11", inbox, plain function, plain position, blob referral, plain kind),
    ";\n",
    insert!("append_statuses", "$12", status, plain agency, plain position, blob referral, plain status, plain at),
    ";\n",
    // A trigger refuses to replace a key that was not refused.
    key_columns!(upsert "write_keys", "$13", request_key, [plain agency, blob request],),
    ";\n",
    "-- insert_contents
INSERT INTO section_content (origin, section, revision, key_id, salt, bytes, destroy_after)
SELECT (SELECT first_position FROM referral WHERE id = unhex(value->>'referral')), value->>'section', value->>'revision', unhex(value->>'key_id'),
unhex(value->>'salt'), substr($14, value->>'start', value->>'length'), value->>'destroy_after'
FROM jsonb_each($15) WHERE true;\n",
    insert!("insert_openings", "$16", opening, plain position, plain field, blob salt, blob value),
    ";\n",
    insert!("insert_person_lookups", "$17", person_lookup, blob hash, blob person),
    ";\n",
    insert!("insert_sender_references", "$18", sender_reference, blob hash, blob referral),
    ";\n",
    insert!("insert_offers", "$19", offer, plain position, blob id, plain agency, plain answer),
    ";\n",
    upsert!("write_agencies", "$20", agency, [plain id], plain position, plain entry),
    ";\n",
    upsert!("write_functions", "$21", function, [plain id], plain position, plain entry),
    ";\n",
    // The head moves last: whoever sees it may rely on every row before it.
    "-- move_head
UPDATE log_head SET (size, root, frontier, last_time) = (value->>'size', unhex(value->>'root'), unhex(value->>'frontier'), value->>'last_time')
FROM jsonb_each($22)",
);

pub(crate) const COMMIT: &str = "-- commit\nCOMMIT";

pub(crate) const ROLLBACK: &str = "-- rollback\nROLLBACK";

pub(crate) const READ_FOLLOWING_CHECKPOINT: &str = "-- read_following_checkpoint
SELECT size, prev_size, root, note FROM checkpoint WHERE prev_size = $1";

// What readers ask.

pub(crate) const READ_HEAD: &str = "-- read_head
SELECT size, root, frontier, last_time FROM log_head";

pub(crate) const READ_EVENTS: &str = "-- read_events
SELECT position, event_id, bytes, leaf_hash FROM event WHERE position >= $1 AND position < $2 ORDER BY position";

pub(crate) const READ_LEAF_HASHES: &str = "-- read_leaf_hashes
SELECT leaf_hash FROM event WHERE position >= $1 AND position < $2 ORDER BY position";

pub(crate) const READ_TREE_HASHES: &str = "-- read_tree_hashes
SELECT hash FROM tree WHERE level = $1 AND number >= $2 AND number < $3 ORDER BY number";

pub(crate) const READ_CHECKPOINT: &str = "-- read_checkpoint
SELECT size, prev_size, root, note FROM checkpoint WHERE size = $1";

pub(crate) const READ_LATEST_CHECKPOINT: &str = "-- read_latest_checkpoint
SELECT size, prev_size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1";

pub(crate) const READ_REFERRALS: &str = referrals!("read_referrals", "WHERE r.id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY r.first_position");

pub(crate) const READ_BY_REFERENCE: &str = referrals!("read_by_reference", "WHERE r.reference = $1");

pub(crate) const READ_BY_SENDER_REFERENCE: &str =
    referrals!("read_by_sender_reference", "WHERE r.id = (SELECT referral FROM sender_reference WHERE hash = $1)");

pub(crate) const READ_SENT: &str = referrals!("read_sent", "WHERE r.sender = $1 AND r.first_position > $2 ORDER BY r.first_position LIMIT $3");

pub(crate) const READ_PENDING: &str = referrals!(
    "read_pending",
    "WHERE r.first_position IN (
SELECT first_position FROM referral WHERE sender = $1 AND sender_clears = 1 AND first_position > $2
UNION SELECT first_position FROM referral WHERE leader = $1 AND leader_clears = 1 AND first_position > $2
ORDER BY 1 LIMIT $3)
ORDER BY r.first_position"
);

pub(crate) const READ_ALL: &str = referrals!("read_all", "WHERE r.first_position > $1 ORDER BY r.first_position LIMIT $2");

pub(crate) const READ_OPEN_INBOX: &str =
    referrals!("read_open_inbox", "WHERE r.recipient = $1 AND r.recipient_acts = 1 AND r.first_position > $2 ORDER BY r.first_position LIMIT $3");

/// `$1`: the referral. `$2`: pairs of section and revision.
pub(crate) const READ_CONTENTS: &str = "-- read_contents
SELECT r.id AS referral, c.section, c.revision, c.key_id, c.salt, c.bytes, c.destroy_after
FROM referral AS r CROSS JOIN section_content AS c ON c.origin = r.first_position
WHERE r.id = $1 AND (c.section, c.revision) IN (SELECT value->>0, value->>1 FROM json_each($2))
ORDER BY c.section, c.revision";

pub(crate) const READ_INBOX: &str = "-- read_inbox
SELECT json_object('position', position, 'function', function, 'referral', hex(referral), 'kind', kind)
FROM inbox WHERE function = $1 AND position > $2 ORDER BY position LIMIT $3";

pub(crate) const READ_STATUSES: &str = "-- read_statuses
SELECT json_object('position', position, 'agency', agency, 'referral', hex(referral), 'status', status, 'at', at)
FROM status WHERE agency = $1 AND position > $2 ORDER BY position LIMIT $3";

pub(crate) const READ_OPENINGS: &str = "-- read_openings
SELECT json_object('position', position, 'field', field, 'salt', hex(salt), 'value', hex(value))
FROM opening WHERE position = $1 ORDER BY field";

/// Both lists in one statement, so that they are of one moment.
pub(crate) const READ_DIRECTORY: &str = "-- read_directory
SELECT json_array(
(SELECT json_group_array(json_object('id', id, 'position', position, 'entry', entry) ORDER BY id) FROM agency),
(SELECT json_group_array(json_object('id', id, 'position', position, 'entry', entry) ORDER BY id) FROM function))";

// Upkeep.

pub(crate) const CHECKPOINT_PASSIVE: &str = "-- checkpoint_passive
PRAGMA wal_checkpoint(PASSIVE)";

pub(crate) const CHECKPOINT_RESTART: &str = "-- checkpoint_restart
PRAGMA wal_checkpoint(RESTART)";

pub(crate) const READ_SCHEMA_VERSION: &str = "-- read_schema_version
SELECT coalesce(max(version), 0) FROM _sqlx_migrations";

/// The name that a statement starts with.
pub(crate) fn name(statement: &'static str) -> &'static str {
    statement.lines().next().and_then(|line| line.strip_prefix("-- ")).unwrap_or(statement)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every statement of this file.
    const TEXTS: [&str; 25] = [
        LOAD,
        WRITE,
        COMMIT,
        ROLLBACK,
        READ_FOLLOWING_CHECKPOINT,
        READ_HEAD,
        READ_EVENTS,
        READ_LEAF_HASHES,
        READ_TREE_HASHES,
        READ_CHECKPOINT,
        READ_LATEST_CHECKPOINT,
        READ_REFERRALS,
        READ_BY_REFERENCE,
        READ_BY_SENDER_REFERENCE,
        READ_SENT,
        READ_PENDING,
        READ_ALL,
        READ_OPEN_INBOX,
        READ_CONTENTS,
        READ_INBOX,
        READ_STATUSES,
        READ_OPENINGS,
        READ_DIRECTORY,
        CHECKPOINT_PASSIVE,
        CHECKPOINT_RESTART,
    ];

    #[test]
    fn every_statement_starts_with_a_name_of_its_own() {
        let mut names = Vec::new();
        for statement in TEXTS.iter().chain([&READ_SCHEMA_VERSION]).flat_map(|text| text.split(";\n")) {
            let name = statement.lines().next().and_then(|line| line.strip_prefix("-- ")).unwrap_or_else(|| panic!("no name: {statement}"));
            assert!(name.chars().all(|letter| letter == '_' || letter.is_ascii_lowercase()), "{name}");
            names.push(name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
        assert!(count > TEXTS.len());
    }
}
