-- The same checks and the same index in plainer words: for a list of more than two values SQLite makes a table of it each time that a row is
-- written, nine of them for a referral that changes.
--
-- Nothing on the disk follows from how a check is said, so the text of the schema is replaced (www.sqlite.org/lang_altertable.html, section 7). The
-- index is made anew first: that tells other connections that the schema is another one.

DROP INDEX referral_open_sent;
CREATE INDEX referral_open_sent ON referral (sender, first_position) WHERE (stage = 'held' OR stage = 'ready' OR stage = 'opened' OR stage = 'accepted');

PRAGMA writable_schema = ON;

UPDATE sqlite_schema SET sql = replace(sql,
    'kind IN (''contact_request'', ''reported_offence'', ''case_handover'', ''decision'', ''hearing'', ''custody_or_ban'', ''support'', ''risk'', ''contact_reply'', ''child_concern'', ''handover'')',
    '(kind = ''contact_request'' OR kind = ''reported_offence'' OR kind = ''case_handover'' OR kind = ''decision'' OR kind = ''hearing'' OR kind = ''custody_or_ban'' OR kind = ''support'' OR kind = ''risk'' OR kind = ''contact_reply'' OR kind = ''child_concern'' OR kind = ''handover'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'from_kind IN (''police'', ''prosecution'', ''social_board'', ''supervisor'')',
    '(from_kind = ''police'' OR from_kind = ''prosecution'' OR from_kind = ''social_board'' OR from_kind = ''supervisor'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'to_kind IN (''police'', ''prosecution'', ''social_board'', ''supervisor'')',
    '(to_kind = ''police'' OR to_kind = ''prosecution'' OR to_kind = ''social_board'' OR to_kind = ''supervisor'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'urgency IN (''routine'', ''urgent'', ''immediate'')',
    '(urgency = ''routine'' OR urgency = ''urgent'' OR urgency = ''immediate'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'stage IN (''held'', ''ready'', ''opened'', ''accepted'', ''declined'', ''returned'', ''closed'', ''retracted'')',
    '(stage = ''held'' OR stage = ''ready'' OR stage = ''opened'' OR stage = ''accepted'' OR stage = ''declined'' OR stage = ''returned'' OR stage = ''closed'' OR stage = ''retracted'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'stage IN (''held'', ''ready'', ''opened'', ''accepted'')',
    '(stage = ''held'' OR stage = ''ready'' OR stage = ''opened'' OR stage = ''accepted'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'stage NOT IN (''held'', ''ready'', ''opened'', ''accepted'')',
    'NOT (stage = ''held'' OR stage = ''ready'' OR stage = ''opened'' OR stage = ''accepted'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'stage_code IN (''no_capacity'', ''outside_target_group'', ''conflict_of_interest'', ''subject_declined'', ''cannot_reach_safely'', ''under_18'', ''duplicate'', ''clearance_disputed'')',
    '(stage_code = ''no_capacity'' OR stage_code = ''outside_target_group'' OR stage_code = ''conflict_of_interest'' OR stage_code = ''subject_declined'' OR stage_code = ''cannot_reach_safely'' OR stage_code = ''under_18'' OR stage_code = ''duplicate'' OR stage_code = ''clearance_disputed'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'stage_code IN (''wrong_function'', ''incomplete'', ''wrong_board'')',
    '(stage_code = ''wrong_function'' OR stage_code = ''incomplete'' OR stage_code = ''wrong_board'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'stage_code IN (''supported'', ''declined_by_her'', ''not_reached_safely'', ''handed_over'', ''other_outcome'', ''inquiry_opened'', ''inquiry_not_opened'', ''inquiry_already_running'', ''noted'')',
    '(stage_code = ''supported'' OR stage_code = ''declined_by_her'' OR stage_code = ''not_reached_safely'' OR stage_code = ''handed_over'' OR stage_code = ''other_outcome'' OR stage_code = ''inquiry_opened'' OR stage_code = ''inquiry_not_opened'' OR stage_code = ''inquiry_already_running'' OR stage_code = ''noted'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'stage_code IN (''wrong'', ''report_withdrawn'', ''misdirected'')',
    '(stage_code = ''wrong'' OR stage_code = ''report_withdrawn'' OR stage_code = ''misdirected'')')
WHERE type = 'table' AND name = 'referral';
UPDATE sqlite_schema SET sql = replace(sql,
    'kind IN (''offered'', ''sections_offered'', ''offer_withdrawn'', ''retracted'', ''stop_use'', ''reminder'', ''content_destroyed'')',
    '(kind = ''offered'' OR kind = ''sections_offered'' OR kind = ''offer_withdrawn'' OR kind = ''retracted'' OR kind = ''stop_use'' OR kind = ''reminder'' OR kind = ''content_destroyed'')')
WHERE type = 'table' AND name = 'inbox';
UPDATE sqlite_schema SET sql = replace(sql,
    'status IN (''stored'', ''nothing_passes'', ''offered'', ''offer_withdrawn'', ''delivered'', ''opened'', ''answered'', ''returned_incomplete'', ''wrong_function'', ''no_capacity'', ''outside_target_group'', ''conflict_of_interest'', ''closed'', ''retracted'', ''recall_confirmed'', ''stop_use_confirmed'', ''inquiry_opened'', ''inquiry_not_opened'', ''inquiry_already_running'', ''overdue'', ''telephone'', ''content_destroyed'', ''emergency_declared'', ''duplicate'', ''clearance_disputed'')',
    '(status = ''stored'' OR status = ''nothing_passes'' OR status = ''offered'' OR status = ''offer_withdrawn'' OR status = ''delivered'' OR status = ''opened'' OR status = ''answered'' OR status = ''returned_incomplete'' OR status = ''wrong_function'' OR status = ''no_capacity'' OR status = ''outside_target_group'' OR status = ''conflict_of_interest'' OR status = ''closed'' OR status = ''retracted'' OR status = ''recall_confirmed'' OR status = ''stop_use_confirmed'' OR status = ''inquiry_opened'' OR status = ''inquiry_not_opened'' OR status = ''inquiry_already_running'' OR status = ''overdue'' OR status = ''telephone'' OR status = ''content_destroyed'' OR status = ''emergency_declared'' OR status = ''duplicate'' OR status = ''clearance_disputed'')')
WHERE type = 'table' AND name = 'status';
UPDATE sqlite_schema SET sql = replace(sql,
    'answer IN (''yes'', ''no'', ''later'')',
    '(answer = ''yes'' OR answer = ''no'' OR answer = ''later'')')
WHERE type = 'table' AND name = 'offer';

PRAGMA writable_schema = RESET;

-- The new words are read before they count.
SELECT 1 FROM referral, inbox, status, offer LIMIT 0;
