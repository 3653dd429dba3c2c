-- Who may do what, given anew after every migration.
REVOKE ALL ON ALL TABLES IN SCHEMA brygga FROM brygga_run, brygga_audit, brygga_backup;
GRANT USAGE ON SCHEMA brygga TO brygga_run, brygga_audit, brygga_backup;
GRANT SELECT ON ALL TABLES IN SCHEMA brygga TO brygga_run, brygga_backup;
-- Content, what opens commitments, and keyed hashes are not an auditor's: the journal and the rows that follow from it are.
GRANT SELECT ON log_head, event, tree, checkpoint, referral, emergency, inbox, status, offer, agency, function,
    schema_need, _sqlx_migrations TO brygga_audit;
GRANT INSERT ON event, tree, checkpoint, referral, emergency, inbox, status, request_key, section_content,
    opening, person_lookup, sender_reference, offer, agency, function TO brygga_run;
GRANT INSERT, DELETE ON in_flight TO brygga_run;
GRANT INSERT ON noticed TO brygga_run;
GRANT DELETE ON section_content, request_key TO brygga_run;
-- Nothing that a row is found by can be changed.
GRANT UPDATE (size, root, frontier, last_time, grounds) ON log_head TO brygga_run;
GRANT UPDATE (thread, kind, sender, from_kind, to_kind, recipient, host, leader, urgency, reported_at, contact_due_at, contacted_at,
    submitted_at, last_position, offered_at, stage, stage_code, recall, recall_confirmed, claimed_by, sender_clears, leader_clears,
    recipient_acts, received_at, stage_since, marks, next_due_at, parts, more_parts)
    ON referral TO brygga_run;
GRANT UPDATE (agency, review_due_at, reviewed) ON emergency TO brygga_run;
GRANT UPDATE (digest, refused, positions, size, referral, released, at) ON request_key TO brygga_run;
GRANT UPDATE (position, entry) ON agency, function TO brygga_run;
GRANT UPDATE (position) ON noticed TO brygga_run;
