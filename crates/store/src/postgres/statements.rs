//! Every statement of the PostgreSQL store, as static text.
//!
//! A statement starts with a comment that names it. Rows go in as one array a column, and one statement writes every ordinary table
//! of a batch: a round trip costs more than a statement on empty arrays. Rows come out packed, so that one statement can answer with
//! rows of many tables: what it is, then its integers, its texts and its bytes, each in an array, in the order that `rows` reads.
//! `$n` counts through a statement, in order, each once.

/// What a commit is told under.
pub(crate) const CHANNEL: &str = "brygga_log";

/// Inserts rows; one that exists is an error. A column stands with the number of the array that it comes in.
macro_rules! insert {
    ($table:ident, $first:ident $first_number:literal $(, $column:ident $number:literal)*) => {
        concat!(
            "INSERT INTO ", stringify!($table), " (", stringify!($first) $(, ", ", stringify!($column))*,
            ")\nSELECT * FROM unnest($", $first_number $(, ", $", $number)*, ")",
        )
    };
}

/// Inserts rows, or replaces those of the same key.
macro_rules! upsert {
    ($table:ident, [$key:ident $key_number:literal $(, $more:ident $more_number:literal)*], $first:ident $first_number:literal $(, $column:ident $number:literal)*) => {
        concat!(
            insert!($table, $key $key_number $(, $more $more_number)*, $first $first_number $(, $column $number)*),
            "\nON CONFLICT (", stringify!($key) $(, ", ", stringify!($more))*, ") DO UPDATE SET (",
            stringify!($first) $(, ", ", stringify!($column))*, ") = (excluded.", stringify!($first) $(, ", excluded.", stringify!($column))*, ")",
        )
    };
}

/// A packed row: what it is, and the lists of its integers, texts and bytes.
macro_rules! packed {
    ($kind:literal, $from:ident, [$($int:ident),*], [$($text:ident),*], [$($blob:ident),*]) => {
        concat!(
            "SELECT '", $kind, "' AS kind, ", packed!(@list "bigint", $from, $($int),*), " AS ints, ",
            packed!(@list "text", $from, $($text),*), " AS texts, ", packed!(@list "bytea", $from, $($blob),*), " AS blobs",
        )
    };
    (@list $of:literal, $from:ident, ) => { concat!("NULL::", $of, "[]") };
    (@list $of:literal, $from:ident, $first:ident $(, $column:ident)*) => {
        concat!("ARRAY[", stringify!($from), ".", stringify!($first) $(, ", ", stringify!($from), ".", stringify!($column))*, "]::", $of, "[]")
    };
}

/// The referrals whose first positions are in `named`. They come in no order.
macro_rules! referrals {
    () => {
        concat!(
            packed!(
                "referral",
                r,
                [
                    first_position,
                    reported_at,
                    contact_due_at,
                    contacted_at,
                    received_at,
                    stage_since,
                    next_due_at,
                    submitted_at,
                    last_position,
                    offered_at,
                    recall,
                    recall_confirmed
                ],
                [reference, kind, sender, from_kind, to_kind, recipient, host, leader, urgency, marks, stage, stage_code],
                [id, thread, claimed_by, parts, more_parts]
            ),
            "\nFROM named JOIN referral AS r ON r.first_position = named.origin",
        )
    };
    ($name:literal, $which:literal) => {
        concat!("-- ", $name, "\nWITH named AS MATERIALIZED (", $which, ")\n", referrals!())
    };
}

// The writer's transaction.

/// Waits for the head's lock. A statement of its own, since rows are seen as they were when a statement began.
pub(crate) const LOCK: &str = "-- lock
BEGIN; SELECT FROM log_head WHERE single = 1 FOR UPDATE";

/// What a batch must see, the head first.
///
/// A key that was used before brings its referral along, for a repeated submission cannot name the one that it made.
///
/// `$1` and `$2` keys, `$3` referrals' ids, `$4` references, `$5` keyed hashes of sender references, `$6` offers' ids, `$7` the size that
/// the committer knows, `$8` agencies whose open reviews are asked for.
pub(crate) const LOAD: &str = concat!(
    "-- load\nWITH used AS MATERIALIZED (
SELECT k.* FROM unnest($1, $2) AS wanted (agency, request) JOIN request_key AS k USING (agency, request)
), named AS MATERIALIZED (
SELECT r.first_position AS origin FROM unnest($3) AS wanted (id) JOIN referral AS r USING (id)
UNION SELECT r.first_position FROM unnest($4) AS wanted (reference) JOIN referral AS r USING (reference)
UNION SELECT r.first_position FROM used JOIN referral AS r ON r.id = used.referral
)\n",
    packed!("head", h, [size, last_time], [], [root, frontier, grounds]),
    "\nFROM log_head AS h WHERE h.single = 1\nUNION ALL ",
    packed!("key", k, [refused, size, at], [agency, positions, released], [request, digest, referral]),
    "\nFROM used AS k\nUNION ALL ",
    referrals!(),
    "\nUNION ALL ",
    packed!("in_flight", i, [origin, number, released_at, until], [], [broker]),
    "\nFROM named JOIN in_flight AS i USING (origin)",
    "\nUNION ALL SELECT 'sender_reference', NULL, NULL, ARRAY[s.hash]
FROM unnest($5) AS wanted (hash) JOIN sender_reference AS s USING (hash)\nUNION ALL ",
    packed!("offer", o, [position], [agency, answer], [id]),
    "\nFROM unnest($6) AS wanted (id) JOIN offer AS o USING (id)
UNION ALL SELECT news.* FROM (SELECT $7) AS known (size) CROSS JOIN LATERAL (",
    "SELECT 'known_root', NULL::bigint[], NULL::text[], ARRAY[c.root] FROM checkpoint AS c JOIN log_head AS h ON h.single = 1 AND h.size > c.size WHERE c.size = known.size
UNION ALL ",
    packed!("agency", a, [position], [id, entry], []),
    "\nFROM agency AS a WHERE a.position >= known.size\nUNION ALL ",
    packed!("function", f, [position], [id, entry], []),
    "\nFROM function AS f WHERE f.position >= known.size) AS news\nUNION ALL ",
    packed!("open_review", o, [position, review_due_at], [agency], []),
    "\nFROM unnest($8) AS wanted (agency) JOIN emergency AS o USING (agency) WHERE o.reviewed = 0",
);

/// Every table that an ordinary batch writes. Told to whoever listens: the new size, by the server, when the commit is done.
pub(crate) const WRITE: &str = concat!(
    "-- write\nWITH events AS (",
    insert!(event, position 1, bytes 2, leaf_hash 3),
    "), checkpoints AS (",
    insert!(checkpoint, size 4, prev_size 5, root 6, note 7),
    "), referrals AS (",
    // What names a referral is written once: the statement sets the rest.
    insert!(
        referral, first_position 8, id 9, reference 10, thread 11, kind 12, sender 13, from_kind 14, to_kind 15, recipient 16, host 17, leader 18, urgency 19,
        reported_at 20, contact_due_at 21, contacted_at 22, submitted_at 23, last_position 24, offered_at 25, stage 26, stage_code 27, recall 28,
        recall_confirmed 29, claimed_by 30, sender_clears 31, leader_clears 32, recipient_acts 33, received_at 34, stage_since 35, marks 36, next_due_at 37,
        parts 38, more_parts 39
    ),
    "\nON CONFLICT (first_position) DO UPDATE SET (thread, kind, sender, from_kind, to_kind, recipient, host, leader, urgency, reported_at,
contact_due_at, contacted_at, submitted_at, last_position, offered_at, stage, stage_code, recall, recall_confirmed, claimed_by, sender_clears,
leader_clears, recipient_acts, received_at, stage_since, marks, next_due_at, parts, more_parts) = (excluded.thread, excluded.kind, excluded.sender, excluded.from_kind, excluded.to_kind, excluded.recipient, excluded.host,
excluded.leader, excluded.urgency, excluded.reported_at, excluded.contact_due_at, excluded.contacted_at, excluded.submitted_at,
excluded.last_position, excluded.offered_at, excluded.stage, excluded.stage_code, excluded.recall, excluded.recall_confirmed, excluded.claimed_by,
excluded.sender_clears, excluded.leader_clears, excluded.recipient_acts, excluded.received_at, excluded.stage_since, excluded.marks, excluded.next_due_at,
excluded.parts, excluded.more_parts)",
    "), entries AS (",
    insert!(inbox, function 40, position 41, referral 42, kind 43),
    "), statuses AS (",
    insert!(status, agency 44, position 45, referral 46, status 47, at 48),
    "), contents AS (",
    insert!(section_content, origin 49, section 50, revision 51, key_id 52, salt 53, bytes 54),
    "), openings AS (",
    insert!(opening, position 55, field 56, salt 57, value 58),
    "), lookups AS (",
    insert!(person_lookup, hash 59, person 60),
    "), sender_references AS (",
    insert!(sender_reference, hash 61, referral 62),
    "), keys AS (",
    upsert!(request_key, [agency 63, request 64], digest 65, refused 66, positions 67, size 68, referral 69, released 70, at 71),
    // The same answer once more is no use of a key.
    "\nWHERE (request_key.digest, request_key.refused, request_key.positions, request_key.size, request_key.referral, request_key.released, request_key.at)
IS DISTINCT FROM (excluded.digest, excluded.refused, excluded.positions, excluded.size, excluded.referral, excluded.released, excluded.at)",
    "), set_out AS (",
    insert!(in_flight, origin 72, broker 73, number 74, released_at 75, until 76),
    "), departed AS (DELETE FROM in_flight AS i USING unnest($77, $78, $79) AS gone (origin, broker, number)
WHERE (i.origin, i.broker, i.number) = (gone.origin, gone.broker, gone.number)",
    "), destroyed AS (DELETE FROM section_content AS c USING unnest($80, $81, $82) AS gone (origin, section, revision)
WHERE (c.origin, c.section, c.revision) = (gone.origin, gone.section, gone.revision)",
    "), moved AS (UPDATE log_head SET (size, root, frontier, last_time, grounds) = (head.size, head.root, head.frontier, head.last_time, head.grounds)
FROM unnest($83, $84, $85, $86, $87) AS head (size, root, frontier, last_time, grounds) WHERE log_head.single = 1 RETURNING log_head.size)
SELECT pg_notify('brygga_log', $88) FROM moved",
);

/// The tables that few batches write.
pub(crate) const WRITE_RARE: &str = concat!(
    "-- write_rare\nWITH tiles AS (",
    insert!(tree, level 1, number 2, hash 3),
    "), emergencies AS (",
    upsert!(emergency, [position 4], agency 5, review_due_at 6, reviewed 7),
    "), offers AS (",
    insert!(offer, position 8, id 9, agency 10, answer 11),
    "), agencies AS (",
    upsert!(agency, [id 12], position 13, entry 14),
    "), functions AS (",
    upsert!(function, [id 15], position 16, entry 17),
    "), told AS (",
    insert!(noticed, function 18, way 19, position 20),
    // A broker that was slower changes nothing.
    "\nON CONFLICT (function, way) DO UPDATE SET position = excluded.position WHERE excluded.position > noticed.position",
    ")\nDELETE FROM request_key WHERE ctid = ANY (ARRAY(SELECT ctid FROM request_key WHERE at < $21 ORDER BY at LIMIT $22))",
);

pub(crate) const COMMIT: &str = "-- commit\nCOMMIT";

pub(crate) const ROLLBACK: &str = "-- rollback\nROLLBACK";

/// The head, once nobody holds it any more: what a lost commit was about to do is done or undone by then. A lock is a commit of its own
/// and waits for the same replicas, so what it shows is as durable as an answered commit.
pub(crate) const READ_HEAD_LOCKED: &str = "-- read_head_locked
SELECT size, root, frontier, last_time, grounds FROM log_head WHERE single = 1 FOR UPDATE";

pub(crate) const READ_FOLLOWING_CHECKPOINT: &str = "-- read_following_checkpoint
SELECT size, prev_size, root, note FROM checkpoint WHERE prev_size = $1";

// What readers ask.

pub(crate) const READ_HEAD: &str = "-- read_head
SELECT size, root, frontier, last_time, grounds FROM log_head WHERE single = 1";

pub(crate) const READ_EVENTS: &str = "-- read_events
SELECT position, bytes, leaf_hash FROM event WHERE position >= $1 AND position < $2 ORDER BY position";

pub(crate) const READ_LEAF_HASHES: &str = "-- read_leaf_hashes
SELECT leaf_hash FROM event WHERE position >= $1 AND position < $2 ORDER BY position";

pub(crate) const READ_TREE_HASHES: &str = "-- read_tree_hashes
SELECT hash FROM tree WHERE level = $1 AND number >= $2 AND number < $3 ORDER BY number";

pub(crate) const READ_CHECKPOINT: &str = "-- read_checkpoint
SELECT size, prev_size, root, note FROM checkpoint WHERE size = $1";

pub(crate) const READ_LATEST_CHECKPOINT: &str = "-- read_latest_checkpoint
SELECT size, prev_size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1";

pub(crate) const READ_REFERRALS: &str =
    referrals!("read_referrals", "SELECT r.first_position AS origin FROM unnest($1) AS wanted (id) JOIN referral AS r USING (id)");

pub(crate) const READ_BY_REFERENCE: &str = referrals!("read_by_reference", "SELECT first_position AS origin FROM referral WHERE reference = $1");

pub(crate) const READ_BY_SENDER_REFERENCE: &str = referrals!(
    "read_by_sender_reference",
    "SELECT r.first_position AS origin FROM sender_reference AS s JOIN referral AS r ON r.id = s.referral WHERE s.hash = $1"
);

pub(crate) const READ_SENT: &str =
    referrals!("read_sent", "SELECT first_position AS origin FROM referral WHERE sender = $1 AND first_position > $2 ORDER BY first_position LIMIT $3");

pub(crate) const READ_OPEN_SENT: &str = referrals!(
    "read_open_sent",
    "SELECT first_position AS origin FROM referral
WHERE sender = $1 AND stage IN ('held', 'ready', 'opened', 'accepted') AND first_position > $2 ORDER BY first_position LIMIT $3"
);

pub(crate) const READ_PENDING: &str = referrals!(
    "read_pending",
    "SELECT origin FROM (
(SELECT first_position AS origin FROM referral WHERE sender = $1 AND sender_clears = 1 AND first_position > $2 ORDER BY 1 LIMIT $3)
UNION (SELECT first_position FROM referral WHERE leader = $1 AND leader_clears = 1 AND first_position > $2 ORDER BY 1 LIMIT $3)
) AS waiting ORDER BY origin LIMIT $3"
);

pub(crate) const READ_ALL: &str =
    referrals!("read_all", "SELECT first_position AS origin FROM referral WHERE first_position > $1 ORDER BY first_position LIMIT $2");

pub(crate) const READ_OPEN_INBOX: &str = referrals!(
    "read_open_inbox",
    "SELECT first_position AS origin FROM referral
WHERE recipient = $1 AND recipient_acts = 1 AND first_position > $2 ORDER BY first_position LIMIT $3"
);

/// `$1`: until when, `$2` and `$3`: after which, `$4`: how many.
pub(crate) const READ_DUE: &str = "-- read_due
SELECT next_due_at, first_position, id FROM referral
WHERE next_due_at <= $1 AND (next_due_at, first_position) > ($2, $3) ORDER BY next_due_at, first_position LIMIT $4";

/// `$1`: the referral. `$2` and `$3`: sections and their revisions.
pub(crate) const READ_CONTENTS: &str = "-- read_contents
SELECT r.id AS referral, c.section, c.revision, c.key_id, c.salt, c.bytes
FROM referral AS r CROSS JOIN unnest($2, $3) AS wanted (section, revision)
JOIN section_content AS c ON c.origin = r.first_position AND c.section = wanted.section AND c.revision = wanted.revision
WHERE r.id = $1 ORDER BY c.section, c.revision";

/// `$1`: after which first position, `$2`: up to which.
pub(crate) const READ_CONTENT_NAMES: &str = "-- read_content_names
SELECT origin, section, revision FROM section_content WHERE origin > $1 AND origin <= $2 ORDER BY origin, section, revision";

pub(crate) const READ_IN_FLIGHT: &str = "-- read_in_flight
SELECT origin, broker, number, released_at, until FROM in_flight WHERE origin = $1 ORDER BY broker, number";

pub(crate) const READ_NOTICED: &str = "-- read_noticed
SELECT function, way, position FROM noticed WHERE function = $1 ORDER BY way";

pub(crate) const READ_OPEN_REVIEWS: &str = "-- read_open_reviews
SELECT position, agency, review_due_at FROM emergency WHERE agency = $1 AND reviewed = 0 ORDER BY position";

pub(crate) const READ_INBOX: &str = "-- read_inbox
SELECT position, function, referral, kind FROM inbox WHERE function = $1 AND position > $2 ORDER BY position LIMIT $3";

pub(crate) const READ_STATUSES: &str = "-- read_statuses
SELECT position, agency, referral, status, at FROM status WHERE agency = $1 AND position > $2 ORDER BY position LIMIT $3";

pub(crate) const READ_OPENINGS: &str = "-- read_openings
SELECT position, field, salt, value FROM opening WHERE position = $1 ORDER BY field";

/// Both lists in one statement, so that they are of one moment.
pub(crate) const READ_DIRECTORY: &str = "-- read_directory
SELECT true AS is_agency, id, position, entry FROM agency UNION ALL SELECT false, id, position, entry FROM function ORDER BY 1 DESC, 2";

/// What brokers that are gone had on their way a day ago, once at the start: it reads through the table.
pub(crate) const FORGET_LEFT_BEHIND: &str = "-- forget_left_behind
DELETE FROM in_flight WHERE until < extract(epoch FROM now() - interval '1 day') * 1000000";

// The server and the schema.

pub(crate) const READ_SERVER: &str = "-- read_server
SELECT pg_backend_pid() AS process, current_setting('server_version_num')::int AS version,
pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only,
current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
CASE WHEN NOT pg_is_in_recovery() THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline,
(SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls";

pub(crate) const HAS_SCHEMA: &str = "-- has_schema
SELECT to_regclass('schema_need') IS NOT NULL";

pub(crate) const READ_SCHEMA_VERSION: &str = "-- read_schema_version
SELECT (SELECT coalesce(max(version), 0) FROM _sqlx_migrations) AS found, (SELECT needs FROM schema_need) AS needs";

/// One migration at a time, grants and all, until its connection ends.
pub(crate) const TAKE_TURN: &str = "-- take_turn
SELECT pg_advisory_lock(4859131204726113)";

pub(crate) const BECOME_OWNER: &str = "-- become_owner
SET ROLE brygga_owner";

/// A migration may take its time, but never makes brokers wait for its locks.
pub(crate) const MIGRATION_LIMITS: &str = "-- migration_limits
SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '2s'";

#[cfg(test)]
mod tests {
    use super::*;

    /// Every statement of this file.
    const TEXTS: [&str; 36] = [
        LOCK,
        LOAD,
        WRITE,
        WRITE_RARE,
        COMMIT,
        ROLLBACK,
        READ_HEAD_LOCKED,
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
        READ_OPEN_SENT,
        READ_PENDING,
        READ_ALL,
        READ_OPEN_INBOX,
        READ_DUE,
        READ_CONTENTS,
        READ_CONTENT_NAMES,
        READ_IN_FLIGHT,
        READ_INBOX,
        READ_STATUSES,
        READ_OPENINGS,
        READ_DIRECTORY,
        FORGET_LEFT_BEHIND,
        READ_SERVER,
        HAS_SCHEMA,
        READ_SCHEMA_VERSION,
        TAKE_TURN,
        BECOME_OWNER,
    ];

    #[test]
    fn every_statement_starts_with_a_name_of_its_own() {
        let mut names: Vec<&str> = TEXTS.iter().chain([&MIGRATION_LIMITS]).map(|text| crate::statement::name(text)).collect();
        assert!(names.iter().all(|name| name.chars().all(|letter| letter == '_' || letter.is_ascii_lowercase())), "{names:?}");
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }

    #[test]
    fn the_arrays_of_a_batch_are_counted_through_without_gap_or_repeat() {
        for text in [WRITE, WRITE_RARE, LOAD] {
            let numbers: Vec<usize> =
                text.split('$').skip(1).map(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()).collect();
            assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{text}");
        }
        assert!(WRITE.contains(CHANNEL));
    }
}
