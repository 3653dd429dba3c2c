-- How far each function was told outside the broker that something waits in its inbox. No part of the journal: a mail is no fact of a referral.

CREATE TABLE noticed (
    function TEXT NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('mail', 'webhook')),
    position INTEGER NOT NULL,
    PRIMARY KEY (function, way)
) STRICT, WITHOUT ROWID;
