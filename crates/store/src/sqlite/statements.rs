//! Every statement of the SQLite store, as static text.
//!
//! A statement starts with a comment that names it. A table's columns are listed once, and the list gives what is written, what
//! is bound and what is read (`columns.rs`), so that they cannot drift apart. No statement is ever put together at run time.

/// Column names, as SQL lists them.
macro_rules! names {
    ($first:ident $(, $column:ident)*) => { concat!(stringify!($first) $(, ", ", stringify!($column))*) };
}
/// A `?` for each column.
macro_rules! marks {
    ($first:ident $(, $column:ident)*) => { concat!("?" $(, marks!(@ $column))*) };
    (@ $column:ident) => { ", ?" };
}
/// `column = ?` for each column.
macro_rules! sets {
    ($first:ident $(, $column:ident)*) => { concat!(stringify!($first), " = ?" $(, ", ", stringify!($column), " = ?")*) };
}
/// `column = excluded.column` for each column.
macro_rules! replaces {
    ($first:ident $(, $column:ident)*) => {
        concat!(stringify!($first), " = excluded.", stringify!($first) $(, ", ", stringify!($column), " = excluded.", stringify!($column))*)
    };
}

/// Inserts a row; one that exists is an error. Any error ends the whole batch, which spares SQLite a journal of the statement's pages
/// (not where a trigger and a reference come together).
macro_rules! insert {
    ($name:literal, $table:ident, $($column:ident),+) => {
        concat!("-- ", $name, "\nINSERT OR ROLLBACK INTO ", stringify!($table), " (", names!($($column),+), ")\nVALUES (", marks!($($column),+), ")")
    };
}

/// Inserts a row, or replaces the one under the same key.
macro_rules! upsert {
    ($name:literal, $table:ident, [$($key:ident),+], $($column:ident),+) => {
        concat!(
            insert!($name, $table, $($key,)+ $($column),+),
            "\nON CONFLICT (", names!($($key),+), ") DO UPDATE SET ", replaces!($($column),+),
        )
    };
}

/// Reads rows; the caller says which.
macro_rules! select {
    ($name:literal, $table:ident, $which:literal, $($column:ident),+) => {
        concat!("-- ", $name, "\nSELECT ", names!($($column),+), " FROM ", stringify!($table), " ", $which)
    };
}

// The columns of the tables, without the keys that a table's rows are replaced under.
macro_rules! head_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* size, root, frontier, last_time, grounds } };
}
macro_rules! event_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* position, leaf_hash, bytes } };
}
macro_rules! tree_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* level, number, hash } };
}
macro_rules! checkpoint_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* size, prev_size, root, note } };
}
/// What no event after the submission changes, as a rule.
macro_rules! identity_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)*
        id, reference, thread, kind, sender, from_kind, to_kind, recipient, host, leader, urgency, reported_at, submitted_at
    } };
}
/// What changes as the referral goes on. None of it is in an index.
macro_rules! progress_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)*
        contact_due_at, contacted_at, received_at, stage_since, marks, last_position, offered_at, stage, stage_code, recall, recall_confirmed, claimed_by
    } };
}
/// Both.
macro_rules! referral_columns {
    (@ [$($with:tt)+] $($column:ident),+) => { progress_columns! { $($with)+ $($column,)+ } };
    ($($with:tt)+) => { identity_columns! { referral_columns @ [$($with)+] } };
}
/// Whom the referral waits for, and when its clocks are looked at: in the partial indexes.
macro_rules! waiting_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* sender_clears, leader_clears, recipient_acts, next_due_at } };
}
macro_rules! due_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* next_due_at, first_position, id } };
}
macro_rules! emergency_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* agency, review_due_at, reviewed } };
}
macro_rules! open_review_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* position, agency, review_due_at } };
}
macro_rules! inbox_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* function, position, referral, kind } };
}
macro_rules! status_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* agency, position, referral, status, at } };
}
macro_rules! key_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* digest, refused, positions, size, referral, released, at } };
}
macro_rules! in_flight_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* origin, broker, number, released_at, until } };
}
macro_rules! noticed_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* position } };
}
macro_rules! content_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* section, revision, key_id, salt, bytes } };
}
macro_rules! content_name_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* origin, section, revision } };
}
macro_rules! opening_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* position, field, salt, value } };
}
macro_rules! person_lookup_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* hash, person } };
}
macro_rules! sender_reference_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* hash, referral } };
}
macro_rules! offer_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* position, id, agency, answer } };
}
macro_rules! entry_columns {
    ($then:ident $($with:tt)*) => { $then! { $($with)* position, entry } };
}
pub(super) use {
    checkpoint_columns, content_columns, content_name_columns, due_columns, entry_columns, event_columns, head_columns, identity_columns, in_flight_columns,
    inbox_columns, key_columns, noticed_columns, offer_columns, open_review_columns, opening_columns, person_lookup_columns, progress_columns,
    referral_columns, sender_reference_columns, status_columns, tree_columns,
};

// The writer's transaction: what it loads.

/// Takes the writer's lock, and with it the head's.
pub(super) const BEGIN: &str = "-- load
BEGIN IMMEDIATE";
pub(super) const COMMIT: &str = "-- commit
COMMIT";
pub(super) const OVERWRITE: &str = "-- overwrite
PRAGMA application_id = 0";
pub(super) const ROLLBACK: &str = "-- rollback
ROLLBACK";

pub(super) const READ_KEY: &str = key_columns!(select "read_key", request_key, "WHERE agency = ? AND request = ?", agency, request,);
pub(super) const FIND_BY_ID: &str = "-- find_by_id
SELECT first_position FROM referral WHERE id = ?";
pub(super) const FIND_BY_REFERENCE: &str = "-- find_by_reference
SELECT first_position FROM referral WHERE reference = ?";
pub(super) const READ_TAKEN_REFERENCE: &str = "-- read_taken_reference
SELECT hash FROM sender_reference WHERE hash = ?";
pub(super) const READ_OFFER: &str = offer_columns!(select "read_offer", offer, "WHERE id = ?",);

pub(super) const READ_OPEN_REVIEWS: &str = open_review_columns!(select "read_open_reviews", emergency, "WHERE agency = ? AND reviewed = 0 ORDER BY position",);

// What it writes, in the order that references need.

pub(super) const APPEND_EVENT: &str = event_columns!(insert "append_event", event,);
pub(super) const APPEND_TREE: &str = tree_columns!(insert "append_tree", tree,);
pub(super) const APPEND_CHECKPOINT: &str = checkpoint_columns!(insert "append_checkpoint", checkpoint,);
/// Inserts a referral; what follows says what happens to one that is there.
macro_rules! enter_referral {
    ($name:literal, $($then:expr),+) => {
        concat!(
            "-- ",
            $name,
            "\nINSERT OR ROLLBACK INTO referral (first_position, parts, more_parts, ",
            waiting_columns!(names),
            ", ",
            identity_columns!(names),
            ", ",
            progress_columns!(names),
            ")\nVALUES (?, ?, ?, ",
            waiting_columns!(marks),
            ", ",
            identity_columns!(marks),
            ", ",
            progress_columns!(marks),
            ")\nON CONFLICT (first_position) ",
            $($then),+
        )
    };
}
/// Leaves one that is there alone. Where nothing can be replaced, SQLite keeps no journal of the statement's pages.
pub(super) const ENTER_REFERRAL: &str = enter_referral!("enter_referral", "DO NOTHING");
pub(super) const WRITE_REFERRAL: &str = enter_referral!(
    "write_referral",
    "DO UPDATE SET parts = excluded.parts, more_parts = excluded.more_parts, ",
    waiting_columns!(replaces),
    ", ",
    identity_columns!(replaces),
    ", ",
    progress_columns!(replaces)
);
/// For a referral that waits for the same as before: no index is touched.
pub(super) const MOVE_REFERRAL: &str =
    concat!("-- move_referral\nUPDATE OR ROLLBACK referral SET parts = ?, more_parts = ?, ", progress_columns!(sets), " WHERE first_position = ?");
pub(super) const PASS_REFERRAL_ON: &str = concat!(
    "-- pass_referral_on\nUPDATE OR ROLLBACK referral SET parts = ?, more_parts = ?, ",
    waiting_columns!(sets),
    ", ",
    progress_columns!(sets),
    " WHERE first_position = ?"
);
pub(super) const WRITE_EMERGENCY: &str = emergency_columns!(upsert "write_emergency", emergency, [position],);
pub(super) const APPEND_INBOX: &str = inbox_columns!(insert "append_inbox", inbox,);
pub(super) const APPEND_STATUS: &str = status_columns!(insert "append_status", status,);
/// Leaves one that is there alone, as [`ENTER_REFERRAL`] does.
pub(super) const ENTER_KEY: &str = concat!(key_columns!(insert "enter_key", request_key, agency, request,), "\nON CONFLICT (agency, request) DO NOTHING");
/// A trigger refuses to replace a key that was not refused; one that stands already as it is given is left alone.
pub(super) const WRITE_KEY: &str = concat!(
    key_columns!(upsert "write_key", request_key, [agency, request],),
    "\nWHERE (",
    key_columns!(names),
    ") IS NOT (excluded.digest, excluded.refused, excluded.positions, excluded.size, excluded.referral, excluded.released, excluded.at)",
);
/// The oldest ones stand first: a key is entered when it is used.
pub(super) const FORGET_KEYS: &str = "-- forget_keys
DELETE FROM request_key WHERE at < ? AND rowid IN (SELECT rowid FROM request_key ORDER BY rowid LIMIT ?)";
pub(super) const INSERT_IN_FLIGHT: &str = in_flight_columns!(insert "insert_in_flight", in_flight,);
/// A broker that was slower changes nothing.
pub(super) const WRITE_NOTICED: &str =
    concat!(noticed_columns!(upsert "write_noticed", noticed, [function, way],), "\nWHERE excluded.position > noticed.position");
pub(super) const DELETE_IN_FLIGHT: &str = "-- delete_in_flight
DELETE FROM in_flight WHERE origin = ? AND broker = ? AND number = ?";
pub(super) const INSERT_CONTENT: &str = content_columns!(insert "insert_content", section_content, origin,);
pub(super) const DELETE_CONTENT: &str = "-- delete_content
DELETE FROM section_content WHERE origin = ? AND section = ? AND revision = ?";
pub(super) const INSERT_OPENING: &str = opening_columns!(insert "insert_opening", opening,);
pub(super) const INSERT_PERSON_LOOKUP: &str = person_lookup_columns!(insert "insert_person_lookup", person_lookup,);
pub(super) const INSERT_SENDER_REFERENCE: &str = sender_reference_columns!(insert "insert_sender_reference", sender_reference,);
pub(super) const INSERT_OFFER: &str = offer_columns!(insert "insert_offer", offer,);
pub(super) const WRITE_AGENCY: &str = entry_columns!(upsert "write_agency", agency, [id],);
pub(super) const WRITE_FUNCTION: &str = entry_columns!(upsert "write_function", function, [id],);
/// The head moves last: whoever sees it may rely on every row before it.
pub(super) const MOVE_HEAD: &str = concat!("-- move_head\nUPDATE OR ROLLBACK log_head SET ", head_columns!(sets), " WHERE single = 1");

// What readers ask. Questions of several statements are asked within one transaction, so that each answer is of one moment.

pub(super) const BEGIN_READING: &str = "-- begin_reading
BEGIN DEFERRED";
pub(super) const END_READING: &str = "-- end_reading
COMMIT";

pub(super) const READ_HEAD: &str = head_columns!(select "read_head", log_head, "",);
pub(super) const READ_EVENTS: &str = event_columns!(select "read_events", event, "WHERE position >= ? AND position < ? ORDER BY position",);
pub(super) const READ_LEAF_HASHES: &str = "-- read_leaf_hashes
SELECT leaf_hash FROM event WHERE position >= ? AND position < ? ORDER BY position";
pub(super) const READ_TREE_HASHES: &str = "-- read_tree_hashes
SELECT hash FROM tree WHERE level = ? AND number >= ? AND number < ? ORDER BY number";
pub(super) const READ_CHECKPOINT: &str = checkpoint_columns!(select "read_checkpoint", checkpoint, "WHERE size = ?",);
pub(super) const READ_LATEST_CHECKPOINT: &str = checkpoint_columns!(select "read_latest_checkpoint", checkpoint, "ORDER BY size DESC LIMIT 1",);
pub(super) const READ_FOLLOWING_CHECKPOINT: &str = checkpoint_columns!(select "read_following_checkpoint", checkpoint, "WHERE prev_size = ?",);

/// Referrals; the caller says which.
macro_rules! referrals {
    ($name:literal, $which:literal) => {
        concat!(
            "-- ",
            $name,
            "\nSELECT first_position, next_due_at, parts, more_parts, ",
            identity_columns!(names),
            ", ",
            progress_columns!(names),
            " FROM referral\n",
            $which
        )
    };
}
pub(super) const READ_REFERRAL: &str = referrals!("read_referral", "WHERE first_position = ?");
pub(super) const READ_BY_ID: &str = referrals!("read_by_id", "WHERE id = ?");
pub(super) const READ_BY_REFERENCE: &str = referrals!("read_by_reference", "WHERE reference = ?");
pub(super) const READ_BY_SENDER_REFERENCE: &str = referrals!("read_by_sender_reference", "WHERE id = (SELECT referral FROM sender_reference WHERE hash = ?)");
pub(super) const READ_SENT: &str = referrals!("read_sent", "WHERE sender = ? AND first_position > ? ORDER BY first_position LIMIT ?");
pub(super) const READ_OPEN_SENT: &str = referrals!(
    "read_open_sent",
    "INDEXED BY referral_open_sent WHERE sender = ? AND (stage = 'held' OR stage = 'ready' OR stage = 'opened' OR stage = 'accepted')
AND first_position > ? ORDER BY first_position LIMIT ?"
);
/// `?1`: the agency, `?2`: after which position, `?3`: how many.
pub(super) const READ_PENDING: &str = referrals!(
    "read_pending",
    "WHERE first_position IN (
SELECT first_position FROM referral WHERE sender = ?1 AND sender_clears = 1 AND first_position > ?2
UNION SELECT first_position FROM referral WHERE leader = ?1 AND leader_clears = 1 AND first_position > ?2
ORDER BY 1 LIMIT ?3)
ORDER BY first_position"
);
pub(super) const READ_ALL: &str = referrals!("read_all", "WHERE first_position > ? ORDER BY first_position LIMIT ?");
pub(super) const READ_OPEN_INBOX: &str =
    referrals!("read_open_inbox", "WHERE recipient = ? AND recipient_acts = 1 AND first_position > ? ORDER BY first_position LIMIT ?");

/// `?1`: until when, `?2` and `?3`: after which, `?4`: how many.
pub(super) const READ_DUE: &str = due_columns!(select
    "read_due",
    referral,
    "WHERE next_due_at <= ?1 AND (next_due_at, first_position) > (?2, ?3) ORDER BY next_due_at, first_position LIMIT ?4",
);

pub(super) const READ_IN_FLIGHT: &str = in_flight_columns!(select "read_in_flight", in_flight, "WHERE origin = ? ORDER BY broker, number",);
pub(super) const READ_CONTENT: &str = content_columns!(select "read_content", section_content, "WHERE origin = ? AND section = ? AND revision = ?",);
/// `?1`: after which first position, `?2`: up to which.
pub(super) const READ_CONTENT_NAMES: &str = content_name_columns!(select
    "read_content_names",
    section_content,
    "WHERE origin > ?1 AND origin <= ?2 ORDER BY origin, section, revision",
);
pub(super) const READ_INBOX: &str = inbox_columns!(select "read_inbox", inbox, "WHERE function = ? AND position > ? ORDER BY position LIMIT ?",);
pub(super) const READ_STATUSES: &str = status_columns!(select "read_statuses", status, "WHERE agency = ? AND position > ? ORDER BY position LIMIT ?",);
pub(super) const READ_OPENINGS: &str = opening_columns!(select "read_openings", opening, "WHERE position = ? ORDER BY field",);
pub(super) const READ_AGENCIES: &str = entry_columns!(select "read_agencies", agency, "ORDER BY id", id,);
pub(super) const READ_FUNCTIONS: &str = entry_columns!(select "read_functions", function, "ORDER BY id", id,);
pub(super) const READ_NOTICED: &str = "-- read_noticed
SELECT function, way, position FROM noticed WHERE function = ? ORDER BY way";

// Upkeep.

pub(super) const CHECKPOINT_PASSIVE: &str = "-- checkpoint_passive
PRAGMA wal_checkpoint(PASSIVE)";
pub(super) const CHECKPOINT_TRUNCATE: &str = "-- checkpoint_truncate
PRAGMA wal_checkpoint(TRUNCATE)";
/// What a broker that is gone had on its way went with its connections.
pub(super) const FORGET_IN_FLIGHT: &str = "-- forget_in_flight
DELETE FROM in_flight";
pub(super) const READ_SCHEMA_VERSION: &str = "-- read_schema_version
PRAGMA user_version";

pub(super) use crate::statement::name;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_statement_starts_with_a_name_of_its_own() {
        let whole = include_str!("statements.rs");
        let whole = whole.split("#[cfg(test)]").next().unwrap();
        let defined = whole.matches("pub(super) const ").count();
        let literal = whole.lines().filter_map(|line| line.split_once("\"-- ")).map(|(_, rest)| rest);
        let literal = literal.filter_map(|rest| rest.split(['"', '\\']).next()).filter(|name| !name.is_empty()).map(str::to_owned);
        let mut made = Vec::new();
        for maker in ["insert \"", "upsert \"", "select \"", "enter_referral!(\"", "referrals!(\"", "    \"read_", "    \"write_"] {
            made.extend(
                whole
                    .split(maker)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next())
                    .map(|name| format!("{}{name}", maker.trim_start().strip_prefix('"').unwrap_or_default())),
            );
        }
        let names: Vec<String> = literal.chain(made).collect();
        assert_eq!(names.len(), defined, "{names:?}");
        assert!(names.iter().all(|name| name.chars().all(|letter| letter == '_' || letter.is_ascii_lowercase())), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert_eq!(name(APPEND_EVENT), "append_event");
    }
}
