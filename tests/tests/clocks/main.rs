//! Clocks and escalation, over real brokers that a manual clock drives.

mod destruction;
mod escalation;
mod expected;
mod parties;
mod place;
