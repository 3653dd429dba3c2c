-- What a sender has open, so that its list does not read through what is at an end.

CREATE INDEX referral_open_sent ON referral (sender, first_position) WHERE stage IN ('held', 'ready', 'opened', 'accepted');
