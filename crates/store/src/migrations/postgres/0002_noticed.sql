-- How far each function was told outside the broker that something waits in its inbox. No part of the journal: a mail is no fact of a referral.
-- It only adds: a broker that knows the first step only works on beside, and so `schema_need` stays as it is.

CREATE TABLE noticed (
    function text COLLATE "C" NOT NULL,
    way text COLLATE "C" NOT NULL CHECK (way IN ('mail', 'webhook')),
    position bigint NOT NULL,
    PRIMARY KEY (function, way)
);
