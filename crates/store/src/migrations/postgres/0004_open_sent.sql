-- What a sender has open, so that its list does not read through what is at an end.
-- It only adds, and `schema_need` stays as it is; whoever writes waits while it is built, about a second for a million referrals.

CREATE INDEX referral_open_sent ON referral (sender, first_position) WHERE stage IN ('held', 'ready', 'opened', 'accepted');
