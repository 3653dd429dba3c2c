-- The journal, the rows that decisions and answers need, and the content that can be erased.
--
-- Ids and hashes are BLOBs of fixed length, times INTEGER microseconds of UTC, flags 0 or 1, codes TEXT out of closed lists.
-- Columns are named as the fields of the engine's row structs. Rows that belong to a referral carry `origin`, the position of
-- its first event, in place of its id: positions grow, so new rows land together at the end of each table.

-- The journal. Only log_head is ever updated; the triggers below refuse the rest even to INSERT OR REPLACE.

CREATE TABLE log_head (
    single INTEGER PRIMARY KEY CHECK (single = 1),
    size INTEGER NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = iif(size = 0, 0, 32)),
    frontier BLOB NOT NULL,
    last_time INTEGER NOT NULL,
    grounds BLOB NOT NULL CHECK (length(grounds) IN (0, 32))
) STRICT;

INSERT INTO log_head (single, size, root, frontier, last_time, grounds) VALUES (1, 0, x'', x'', 0, x'');

CREATE TABLE event (
    position INTEGER PRIMARY KEY CHECK (position >= 0),
    bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 65535),
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

CREATE TABLE tree (
    level INTEGER NOT NULL CHECK (level > 0 AND level % 8 = 0),
    number INTEGER NOT NULL CHECK (number >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, number)
) STRICT, WITHOUT ROWID;

-- `follows` is prev_size, and NULL for the first checkpoint, which follows none.
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY CHECK (size > prev_size),
    prev_size INTEGER NOT NULL UNIQUE CHECK (prev_size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    note BLOB NOT NULL,
    follows INTEGER GENERATED ALWAYS AS (nullif(prev_size, 0)) STORED REFERENCES checkpoint (size)
) STRICT;

-- Rows of referrals: inserted or replaced, never deleted.

-- `sender_clears` and `leader_clears` tell whether a cell, or the review of an emergency, waits for the sender's or the leader's officers,
-- `recipient_acts` whether the recipient has something to do. The store derives them from the rows that it writes, so that the partial
-- indexes hold exactly what waits. `parts` is everything that hangs on the referral, as the engine
-- lays it out. `next_due_at` is
-- when its clocks or its content are looked at next: there while a referral is open, or content of it is there.
CREATE TABLE referral (
    first_position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    reference TEXT NOT NULL UNIQUE,
    thread BLOB NOT NULL CHECK (length(thread) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('contact_request', 'reported_offence', 'case_handover', 'decision', 'hearing', 'custody_or_ban', 'support', 'risk', 'contact_reply', 'child_concern', 'handover')),
    sender TEXT NOT NULL,
    from_kind TEXT NOT NULL CHECK (from_kind IN ('police', 'prosecution', 'social_board', 'supervisor')),
    to_kind TEXT NOT NULL CHECK (to_kind IN ('police', 'prosecution', 'social_board', 'supervisor')),
    recipient TEXT NOT NULL,
    host TEXT NOT NULL,
    leader TEXT NOT NULL,
    urgency TEXT NOT NULL CHECK (urgency IN ('routine', 'urgent', 'immediate')),
    reported_at INTEGER,
    contact_due_at INTEGER,
    contacted_at INTEGER,
    received_at INTEGER,
    stage_since INTEGER NOT NULL,
    marks TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    last_position INTEGER NOT NULL CHECK (last_position >= first_position),
    offered_at INTEGER,
    stage TEXT NOT NULL CHECK (stage IN ('held', 'ready', 'opened', 'accepted', 'declined', 'returned', 'closed', 'retracted')),
    stage_code TEXT CHECK ((stage_code IS NULL) = (stage IN ('held', 'ready', 'opened', 'accepted'))),
    recall INTEGER,
    recall_confirmed INTEGER NOT NULL CHECK (recall_confirmed IN (0, 1)),
    claimed_by BLOB CHECK (length(claimed_by) = 16),
    sender_clears INTEGER NOT NULL CHECK (sender_clears IN (0, 1)),
    leader_clears INTEGER NOT NULL CHECK (leader_clears IN (0, 1)),
    recipient_acts INTEGER NOT NULL CHECK (recipient_acts IN (0, 1)),
    parts BLOB NOT NULL,
    next_due_at INTEGER CHECK (next_due_at IS NOT NULL OR stage NOT IN ('held', 'ready', 'opened', 'accepted')),
    CHECK (stage <> 'declined' OR stage_code IN ('no_capacity', 'outside_target_group', 'conflict_of_interest', 'subject_declined', 'cannot_reach_safely', 'under_18', 'duplicate', 'clearance_disputed')),
    CHECK (stage <> 'returned' OR stage_code IN ('wrong_function', 'incomplete', 'wrong_board')),
    CHECK (stage <> 'closed' OR stage_code IN ('supported', 'declined_by_her', 'not_reached_safely', 'handed_over', 'other_outcome', 'inquiry_opened', 'inquiry_not_opened', 'inquiry_already_running', 'noted')),
    CHECK (stage <> 'retracted' OR stage_code IN ('wrong', 'report_withdrawn', 'misdirected'))
) STRICT;

CREATE INDEX referral_by_sender ON referral (sender);
CREATE INDEX referral_in_inbox ON referral (recipient) WHERE recipient_acts = 1;
CREATE INDEX referral_sender_clears ON referral (sender) WHERE sender_clears = 1;
CREATE INDEX referral_due ON referral (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX referral_leader_clears ON referral (leader) WHERE leader_clears = 1;

-- What finds the emergencies that wait for their review; the emergencies themselves are parts of their referrals.
CREATE TABLE emergency (
    position INTEGER PRIMARY KEY,
    agency TEXT NOT NULL,
    review_due_at INTEGER NOT NULL,
    reviewed INTEGER NOT NULL CHECK (reviewed IN (0, 1))
) STRICT;

CREATE INDEX emergency_unreviewed ON emergency (agency, position) WHERE reviewed = 0;

-- What functions and senders are told: append-only, read by position.

CREATE TABLE inbox (
    function TEXT NOT NULL,
    position INTEGER NOT NULL,
    referral BLOB NOT NULL REFERENCES referral (id) CHECK (length(referral) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('offered', 'sections_offered', 'offer_withdrawn', 'retracted', 'stop_use', 'reminder', 'content_destroyed')),
    PRIMARY KEY (function, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE status (
    agency TEXT NOT NULL,
    position INTEGER NOT NULL,
    referral BLOB NOT NULL REFERENCES referral (id) CHECK (length(referral) = 16),
    status TEXT NOT NULL CHECK (status IN ('stored', 'nothing_passes', 'offered', 'offer_withdrawn', 'delivered', 'opened', 'answered', 'returned_incomplete', 'wrong_function', 'no_capacity', 'outside_target_group', 'conflict_of_interest', 'closed', 'retracted', 'recall_confirmed', 'stop_use_confirmed', 'inquiry_opened', 'inquiry_not_opened', 'inquiry_already_running', 'overdue', 'telephone', 'content_destroyed', 'emergency_declared', 'duplicate', 'clearance_disputed')),
    at INTEGER NOT NULL,
    PRIMARY KEY (agency, position)
) STRICT, WITHOUT ROWID;

-- Keys of requests, and what finds things again.

-- A table with a rowid, so that the random keys fill a slim index and not the table.
CREATE TABLE request_key (
    agency TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 16),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    refused INTEGER NOT NULL CHECK (refused IN (0, 1)),
    positions TEXT NOT NULL,
    size INTEGER NOT NULL,
    referral BLOB CHECK (length(referral) = 16),
    released TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (agency, request)
) STRICT;

CREATE TABLE person_lookup (
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    person BLOB NOT NULL CHECK (length(person) = 16),
    PRIMARY KEY (hash, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE sender_reference (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    referral BLOB NOT NULL REFERENCES referral (id) CHECK (length(referral) = 16)
) STRICT, WITHOUT ROWID;

CREATE TABLE offer (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    agency TEXT NOT NULL,
    answer TEXT CHECK (answer IN ('yes', 'no', 'later'))
) STRICT;

-- Releases on their way: there with the release, gone when its bytes have left or were cut. What a crash leaves behind is over by `until`.

CREATE TABLE in_flight (
    origin INTEGER NOT NULL,
    broker BLOB NOT NULL CHECK (length(broker) = 16),
    number INTEGER NOT NULL CHECK (number >= 0),
    released_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (origin, broker, number)
) STRICT, WITHOUT ROWID;

-- Content and openings: erasable, and for that reason outside the journal. Tables with a rowid, since their rows are large.

CREATE TABLE section_content (
    origin INTEGER NOT NULL REFERENCES referral (first_position),
    section INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    key_id BLOB CHECK (length(key_id) = 16),
    salt BLOB NOT NULL CHECK (length(salt) = 32),
    bytes BLOB NOT NULL,
    PRIMARY KEY (origin, section, revision)
) STRICT;

CREATE TABLE opening (
    position INTEGER NOT NULL,
    field TEXT NOT NULL,
    salt BLOB NOT NULL CHECK (length(salt) = 32),
    value BLOB NOT NULL,
    PRIMARY KEY (position, field)
) STRICT;

-- The directory.

CREATE TABLE agency (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE function (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only. REPLACE deletes without a DELETE trigger, so each insert also proves that it replaces nothing. What is refused takes the whole
-- batch with it: a statement that could be undone alone would keep the pages that it touches aside.

CREATE TRIGGER event_append BEFORE INSERT ON event
WHEN NEW.position IS NOT (SELECT coalesce(max(position) + 1, 0) FROM event)
BEGIN SELECT raise(ROLLBACK, 'event: appended at its end only'); END;
CREATE TRIGGER event_update BEFORE UPDATE ON event BEGIN SELECT raise(ROLLBACK, 'event: append-only'); END;
CREATE TRIGGER event_delete BEFORE DELETE ON event BEGIN SELECT raise(ROLLBACK, 'event: append-only'); END;

CREATE TRIGGER tree_append BEFORE INSERT ON tree
WHEN EXISTS (SELECT 1 FROM tree WHERE level = NEW.level AND number = NEW.number)
BEGIN SELECT raise(ROLLBACK, 'tree: append-only'); END;
CREATE TRIGGER tree_update BEFORE UPDATE ON tree BEGIN SELECT raise(ROLLBACK, 'tree: append-only'); END;
CREATE TRIGGER tree_delete BEFORE DELETE ON tree BEGIN SELECT raise(ROLLBACK, 'tree: append-only'); END;

CREATE TRIGGER checkpoint_append BEFORE INSERT ON checkpoint
WHEN NEW.prev_size IS NOT (SELECT coalesce(max(size), 0) FROM checkpoint)
BEGIN SELECT raise(ROLLBACK, 'checkpoint: follows the latest one only'); END;
CREATE TRIGGER checkpoint_update BEFORE UPDATE ON checkpoint BEGIN SELECT raise(ROLLBACK, 'checkpoint: append-only'); END;
CREATE TRIGGER checkpoint_delete BEFORE DELETE ON checkpoint BEGIN SELECT raise(ROLLBACK, 'checkpoint: append-only'); END;

CREATE TRIGGER inbox_append BEFORE INSERT ON inbox
WHEN EXISTS (SELECT 1 FROM inbox WHERE function = NEW.function AND position = NEW.position)
BEGIN SELECT raise(ROLLBACK, 'inbox: append-only'); END;
CREATE TRIGGER inbox_update BEFORE UPDATE ON inbox BEGIN SELECT raise(ROLLBACK, 'inbox: append-only'); END;
CREATE TRIGGER inbox_delete BEFORE DELETE ON inbox BEGIN SELECT raise(ROLLBACK, 'inbox: append-only'); END;

CREATE TRIGGER status_append BEFORE INSERT ON status
WHEN EXISTS (SELECT 1 FROM status WHERE agency = NEW.agency AND position = NEW.position)
BEGIN SELECT raise(ROLLBACK, 'status: append-only'); END;
CREATE TRIGGER status_update BEFORE UPDATE ON status BEGIN SELECT raise(ROLLBACK, 'status: append-only'); END;
CREATE TRIGGER status_delete BEFORE DELETE ON status BEGIN SELECT raise(ROLLBACK, 'status: append-only'); END;

-- The head moves last, to exactly the events that are there; neither it nor its clock ever goes back.
CREATE TRIGGER log_head_insert BEFORE INSERT ON log_head BEGIN SELECT raise(ROLLBACK, 'log_head: one row'); END;
CREATE TRIGGER log_head_delete BEFORE DELETE ON log_head BEGIN SELECT raise(ROLLBACK, 'log_head: one row'); END;
CREATE TRIGGER log_head_update BEFORE UPDATE ON log_head
WHEN NEW.size IS NOT (SELECT coalesce(max(position) + 1, 0) FROM event) OR NEW.size < OLD.size OR NEW.last_time < OLD.last_time
BEGIN SELECT raise(ROLLBACK, 'log_head: follows the events, never goes back'); END;

-- A key is used once: only a refusal leaves it free.
CREATE TRIGGER request_key_update BEFORE UPDATE ON request_key
WHEN OLD.refused = 0
BEGIN SELECT raise(ROLLBACK, 'request_key: used once'); END;
