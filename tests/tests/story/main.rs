//! The main job in every direction, over real TLS against the real binary. Each story ends with `Desk::finish`: the sender was told
//! transport answers only, the log verifies, and the rows are the journal's.

mod changes;
mod conflict;
mod directions;
mod emergency;
mod exclusion;
mod forward;
mod officers;
mod received;
mod route;
mod standing;
mod steps;
mod streams;
mod withdrawal;
