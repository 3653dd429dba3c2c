-- The journal, the rows that decisions and answers need, and the content that can be erased.
--
-- Tables, columns and meaning are those of the SQLite schema, and a test holds them so. Ids and hashes are bytea of fixed length,
-- times bigint microseconds of UTC, flags 0 or 1, codes text out of closed lists; whatever is searched by is compared by its bytes
-- (COLLATE "C"), so that no change of locale can damage an index. Rows that belong to a referral carry `origin`, the position of
-- its first event.
--
-- That a parent is there is asked once a statement, by triggers at the end, not once a row: a foreign key a row costs a third of the
-- rate. It holds because parents are never deleted and their keys never change.

-- The journal. Only log_head is ever updated; the triggers below and the grants refuse the rest.

CREATE TABLE log_head (
    single bigint PRIMARY KEY CHECK (single = 1),
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (length(root) = CASE size WHEN 0 THEN 0 ELSE 32 END),
    frontier bytea NOT NULL,
    last_time bigint NOT NULL,
    grounds bytea NOT NULL CHECK (length(grounds) IN (0, 32))
);

INSERT INTO log_head (single, size, root, frontier, last_time, grounds) VALUES (1, 0, '', '', 0, '');

CREATE TABLE event (
    position bigint PRIMARY KEY CHECK (position >= 0),
    bytes bytea NOT NULL CHECK (length(bytes) BETWEEN 1 AND 65535),
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32)
);

CREATE TABLE tree (
    level bigint NOT NULL CHECK (level > 0 AND level % 8 = 0),
    number bigint NOT NULL CHECK (number >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, number)
);

-- `follows` is prev_size, and NULL for the first checkpoint, which follows none.
CREATE TABLE checkpoint (
    size bigint PRIMARY KEY CHECK (size > prev_size),
    prev_size bigint NOT NULL UNIQUE CHECK (prev_size >= 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    note bytea NOT NULL,
    follows bigint GENERATED ALWAYS AS (nullif(prev_size, 0)) STORED REFERENCES checkpoint (size)
);

-- Rows of referrals: inserted or replaced, never deleted.

-- `sender_clears` and `leader_clears` tell whether a cell, or the review of an emergency, waits for the sender's or the leader's officers,
-- `recipient_acts` whether the recipient has something to do. The store derives them from the rows that it writes, so that the partial
-- indexes hold exactly what waits. `parts` is everything that hangs on the referral, as the engine
-- lays it out. `next_due_at` is
-- when its clocks or its content are looked at next: there while a referral is open, or content of it is there.
CREATE TABLE referral (
    first_position bigint PRIMARY KEY,
    id bytea NOT NULL UNIQUE CHECK (length(id) = 16),
    reference text COLLATE "C" NOT NULL UNIQUE,
    thread bytea NOT NULL CHECK (length(thread) = 16),
    kind text NOT NULL CHECK (kind IN ('contact_request', 'reported_offence', 'case_handover', 'decision', 'hearing', 'custody_or_ban', 'support', 'risk', 'contact_reply', 'child_concern', 'handover')),
    sender text COLLATE "C" NOT NULL,
    from_kind text NOT NULL CHECK (from_kind IN ('police', 'prosecution', 'social_board', 'supervisor')),
    to_kind text NOT NULL CHECK (to_kind IN ('police', 'prosecution', 'social_board', 'supervisor')),
    recipient text COLLATE "C" NOT NULL,
    host text NOT NULL,
    leader text COLLATE "C" NOT NULL,
    urgency text NOT NULL CHECK (urgency IN ('routine', 'urgent', 'immediate')),
    reported_at bigint,
    contact_due_at bigint,
    contacted_at bigint,
    received_at bigint,
    stage_since bigint NOT NULL,
    marks text NOT NULL,
    submitted_at bigint NOT NULL,
    last_position bigint NOT NULL CHECK (last_position >= first_position),
    offered_at bigint,
    stage text NOT NULL CHECK (stage IN ('held', 'ready', 'opened', 'accepted', 'declined', 'returned', 'closed', 'retracted')),
    stage_code text CHECK ((stage_code IS NULL) = (stage IN ('held', 'ready', 'opened', 'accepted'))),
    recall bigint,
    recall_confirmed bigint NOT NULL CHECK (recall_confirmed IN (0, 1)),
    claimed_by bytea CHECK (length(claimed_by) = 16),
    sender_clears bigint NOT NULL CHECK (sender_clears IN (0, 1)),
    leader_clears bigint NOT NULL CHECK (leader_clears IN (0, 1)),
    recipient_acts bigint NOT NULL CHECK (recipient_acts IN (0, 1)),
    parts bytea NOT NULL,
    next_due_at bigint CHECK (next_due_at IS NOT NULL OR stage NOT IN ('held', 'ready', 'opened', 'accepted')),
    CHECK (stage <> 'declined' OR stage_code IN ('no_capacity', 'outside_target_group', 'conflict_of_interest', 'subject_declined', 'cannot_reach_safely', 'under_18', 'duplicate', 'clearance_disputed')),
    CHECK (stage <> 'returned' OR stage_code IN ('wrong_function', 'incomplete', 'wrong_board')),
    CHECK (stage <> 'closed' OR stage_code IN ('supported', 'declined_by_her', 'not_reached_safely', 'handed_over', 'other_outcome', 'inquiry_opened', 'inquiry_not_opened', 'inquiry_already_running', 'noted')),
    CHECK (stage <> 'retracted' OR stage_code IN ('wrong', 'report_withdrawn', 'misdirected'))
);

CREATE INDEX referral_by_sender ON referral (sender, first_position);
CREATE INDEX referral_in_inbox ON referral (recipient, first_position) WHERE recipient_acts = 1;
CREATE INDEX referral_sender_clears ON referral (sender, first_position) WHERE sender_clears = 1;
CREATE INDEX referral_due ON referral (next_due_at, first_position) WHERE next_due_at IS NOT NULL;
CREATE INDEX referral_leader_clears ON referral (leader, first_position) WHERE leader_clears = 1;

-- What finds the emergencies that wait for their review; the emergencies themselves are parts of their referrals.
CREATE TABLE emergency (
    position bigint PRIMARY KEY,
    agency text COLLATE "C" NOT NULL,
    review_due_at bigint NOT NULL,
    reviewed bigint NOT NULL CHECK (reviewed IN (0, 1))
);

CREATE INDEX emergency_unreviewed ON emergency (agency, position) WHERE reviewed = 0;

-- What functions and senders are told: append-only, read by position.

CREATE TABLE inbox (
    function text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    referral bytea NOT NULL CHECK (length(referral) = 16),
    kind text NOT NULL CHECK (kind IN ('offered', 'sections_offered', 'offer_withdrawn', 'retracted', 'stop_use', 'reminder', 'content_destroyed')),
    PRIMARY KEY (function, position)
);

CREATE TABLE status (
    agency text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    referral bytea NOT NULL CHECK (length(referral) = 16),
    status text NOT NULL CHECK (status IN ('stored', 'nothing_passes', 'offered', 'offer_withdrawn', 'delivered', 'opened', 'answered', 'returned_incomplete', 'wrong_function', 'no_capacity', 'outside_target_group', 'conflict_of_interest', 'closed', 'retracted', 'recall_confirmed', 'stop_use_confirmed', 'inquiry_opened', 'inquiry_not_opened', 'inquiry_already_running', 'overdue', 'telephone', 'content_destroyed', 'emergency_declared', 'duplicate', 'clearance_disputed')),
    at bigint NOT NULL,
    PRIMARY KEY (agency, position)
);

-- Keys of requests, and what finds things again.

CREATE TABLE request_key (
    agency text COLLATE "C" NOT NULL,
    request bytea NOT NULL CHECK (length(request) = 16),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    refused bigint NOT NULL CHECK (refused IN (0, 1)),
    positions text NOT NULL,
    size bigint NOT NULL,
    referral bytea CHECK (length(referral) = 16),
    released text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (agency, request)
);

-- What is older than its days is forgotten, the oldest first.
CREATE INDEX request_key_by_age ON request_key (at);

CREATE TABLE person_lookup (
    hash bytea NOT NULL CHECK (length(hash) = 32),
    person bytea NOT NULL CHECK (length(person) = 16),
    PRIMARY KEY (hash, person)
);

CREATE TABLE sender_reference (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    referral bytea NOT NULL CHECK (length(referral) = 16)
);

CREATE TABLE offer (
    position bigint PRIMARY KEY,
    id bytea NOT NULL UNIQUE CHECK (length(id) = 16),
    agency text COLLATE "C" NOT NULL,
    answer text CHECK (answer IN ('yes', 'no', 'later'))
);

-- Releases on their way: there with the release, gone when its bytes have left or were cut. What a crash leaves behind is over by `until`.

CREATE TABLE in_flight (
    origin bigint NOT NULL,
    broker bytea NOT NULL CHECK (length(broker) = 16),
    number bigint NOT NULL CHECK (number >= 0),
    released_at bigint NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (origin, broker, number)
);

-- Content and openings: erasable, and for that reason outside the journal.

CREATE TABLE section_content (
    origin bigint NOT NULL,
    section bigint NOT NULL,
    revision bigint NOT NULL,
    key_id bytea CHECK (length(key_id) = 16),
    salt bytea NOT NULL CHECK (length(salt) = 32),
    bytes bytea NOT NULL,
    PRIMARY KEY (origin, section, revision)
);

CREATE TABLE opening (
    position bigint NOT NULL,
    field text COLLATE "C" NOT NULL,
    salt bytea NOT NULL CHECK (length(salt) = 32),
    value bytea NOT NULL,
    PRIMARY KEY (position, field)
);

-- The directory.

CREATE TABLE agency (
    id text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    entry text NOT NULL
);

CREATE TABLE function (
    id text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    entry text NOT NULL
);

-- Brokers ask for what others have entered since.
CREATE INDEX agency_position ON agency (position);
CREATE INDEX function_position ON function (position);

-- Pages keep room for the next version of a row that changes along a referral's way; bytes that nothing compresses are not tried,
-- and what fits into a page stays in its row.

ALTER TABLE referral SET (fillfactor = 70);
ALTER TABLE referral ALTER COLUMN parts SET STORAGE MAIN;
ALTER TABLE event ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE section_content ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE section_content SET (toast_tuple_target = 8160);

-- Append-only, also for whoever owns the tables, and while a replica's settings are in force (ENABLE ALWAYS).

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % is refused, the table is append-only', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE event ENABLE ALWAYS TRIGGER event_append_only;
CREATE TRIGGER tree_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tree
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE tree ENABLE ALWAYS TRIGGER tree_append_only;
CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER checkpoint_append_only;
CREATE TRIGGER inbox_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inbox
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE inbox ENABLE ALWAYS TRIGGER inbox_append_only;
CREATE TRIGGER status_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON status
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE status ENABLE ALWAYS TRIGGER status_append_only;
CREATE TRIGGER log_head_one_row BEFORE INSERT OR DELETE OR TRUNCATE ON log_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE log_head ENABLE ALWAYS TRIGGER log_head_one_row;
CREATE TRIGGER referral_stays BEFORE DELETE OR TRUNCATE ON referral
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE referral ENABLE ALWAYS TRIGGER referral_stays;

-- Events join on to the end without a gap.
CREATE FUNCTION event_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
    last bigint;
    many bigint;
BEGIN
    SELECT min(position), max(position), count(*) INTO first, last, many FROM added;
    IF many > 0 AND (last - first + 1 <> many
        OR last <> (SELECT max(position) FROM brygga.event)
        OR first > 0 AND NOT EXISTS (SELECT FROM brygga.event WHERE position = first - 1)) THEN
        RAISE EXCEPTION 'event: appended at its end only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER event_follows AFTER INSERT ON event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION event_follows();
ALTER TABLE event ENABLE ALWAYS TRIGGER event_follows;

CREATE FUNCTION checkpoint_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.prev_size <> coalesce((SELECT max(size) FROM brygga.checkpoint), 0) THEN
        RAISE EXCEPTION 'checkpoint: follows the latest one only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER checkpoint_follows BEFORE INSERT ON checkpoint
    FOR EACH ROW EXECUTE FUNCTION checkpoint_follows();
ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER checkpoint_follows;

-- The head moves to exactly the events that are there; neither it nor its clock ever goes back.
CREATE FUNCTION log_head_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size <> coalesce((SELECT max(position) + 1 FROM brygga.event), 0) OR NEW.size < OLD.size OR NEW.last_time < OLD.last_time THEN
        RAISE EXCEPTION 'log_head: follows the events, never goes back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER log_head_moves AFTER UPDATE ON log_head
    FOR EACH ROW EXECUTE FUNCTION log_head_moves();
ALTER TABLE log_head ENABLE ALWAYS TRIGGER log_head_moves;

-- A key is used once: only a refusal leaves it free.
CREATE FUNCTION request_key_is_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'request_key: used once' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER request_key_is_used BEFORE UPDATE ON request_key
    FOR EACH ROW WHEN (OLD.refused = 0) EXECUTE FUNCTION request_key_is_used();
ALTER TABLE request_key ENABLE ALWAYS TRIGGER request_key_is_used;

-- Parents are there.
CREATE FUNCTION origin_is_there() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE NOT EXISTS (SELECT FROM brygga.referral AS r WHERE r.first_position = added.origin)) THEN
        RAISE EXCEPTION '%: its referral is there', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION referral_is_there() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE NOT EXISTS (SELECT FROM brygga.referral AS r WHERE r.id = added.referral)) THEN
        RAISE EXCEPTION '%: its referral is there', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER section_content_parent AFTER INSERT ON section_content
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION origin_is_there();
ALTER TABLE section_content ENABLE ALWAYS TRIGGER section_content_parent;
CREATE TRIGGER inbox_parent AFTER INSERT ON inbox
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION referral_is_there();
ALTER TABLE inbox ENABLE ALWAYS TRIGGER inbox_parent;
CREATE TRIGGER status_parent AFTER INSERT ON status
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION referral_is_there();
ALTER TABLE status ENABLE ALWAYS TRIGGER status_parent;
CREATE TRIGGER sender_reference_parent AFTER INSERT ON sender_reference
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION referral_is_there();
ALTER TABLE sender_reference ENABLE ALWAYS TRIGGER sender_reference_parent;

-- Which programs may work on this schema: those that know at least `needs`. A step that only adds leaves it as it is, so that the
-- programs before it go on beside the new ones; the step that takes away raises it.
CREATE TABLE schema_need (
    single bigint PRIMARY KEY CHECK (single = 1),
    needs bigint NOT NULL CHECK (needs > 0)
);
INSERT INTO schema_need (single, needs) VALUES (1, 1);
