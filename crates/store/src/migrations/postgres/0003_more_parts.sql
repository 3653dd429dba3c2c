-- What few referrals have: whom the one that it passes on excludes, and the second officer's words that are owed on decisions which stand no more.
-- A column beside `parts`, so that a broker of before leaves it as it is.
-- It only adds: a broker that knows the first steps only works on beside, and so `schema_need` stays as it is.

ALTER TABLE referral ADD COLUMN more_parts bytea;
