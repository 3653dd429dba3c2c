//! Clocks and escalation, over real brokers that a manual clock drives.

mod escalation;
mod expected;
mod parties;
mod place;
