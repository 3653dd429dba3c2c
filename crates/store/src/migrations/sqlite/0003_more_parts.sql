-- What few referrals have: whom the one that it passes on excludes, and the second officer's words that are owed on decisions which stand no more.
-- A column beside `parts`, so that a broker of before leaves it as it is.

ALTER TABLE referral ADD COLUMN more_parts BLOB;
