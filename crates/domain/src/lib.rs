//! The rules of Brygga, pure and total.
//!
//! What comes in: a command, the state it touches, the time and the tables of law. What goes out: events, or a refusal that
//! says what is missing. This crate does no I/O, reads no clock and draws nothing random; the engine calls it, the journal
//! crate encodes its events, and the offline auditor replays them with it.

mod amend;
pub mod change;
mod clearance;
pub mod clocks;
pub mod codes;
pub mod command;
mod consent;
pub mod content;
pub mod decide;
pub mod directory;
pub mod emergency;
pub mod entropy;
pub mod event;
pub mod exclusion;
pub mod explain;
mod forward;
pub mod gate;
pub mod grounds;
pub mod ids;
mod inbox;
pub mod matrix;
pub mod referral;
pub mod refusal;
pub mod routing;
mod submit;
pub mod time;

pub use codes::*;
pub use command::{Action, Command};
pub use decide::{Decided, Facts, Known, decide};
pub use directory::{Agency, Directory, Function};
pub use entropy::Entropy;
pub use event::{Event, Fact};
pub use exclusion::Excluded;
pub use gate::Cleared;
pub use grounds::GroundTable;
pub use ids::*;
pub use inbox::may_receive;
pub use referral::{Referral, Stage};
pub use refusal::{Reason, Refusal};
pub use routing::{Routing, TargetGroup, Whom};
pub use submit::reference_candidates;
pub use time::Time;
