//! The auditor: reads the whole log, recomputes its root, and states the rules a second time.
//!
//! A bundle is one file that holds a log; `audit_bundle` gives the verdict on it. `Auditor` is the same machine fed leaf by leaf,
//! for a client that follows a log as it grows. Nothing here may ask the gate of the domain crate whether a release was right:
//! what the broker enforced and what the auditor checks are written twice, so that one mistake does not hide the other. This
//! crate links no network and no database. It is called by the `brygga-verify` binary and by `brygga log`.

mod audit;
mod auditor;
mod book;
mod bundle;
mod clocks;
mod content;
mod emergency;
mod facts;
mod finding;
mod law;
mod release;
mod replay;
mod report;
mod steps;

pub use audit::{Options, audit_bundle};
pub use auditor::{Auditor, Expected, Trust};
pub use bundle::{BUNDLE_FORMAT, BundleError, BundleReader, BundleWriter, HEADER_LINE_BYTES_MAX, Header, LEAF_LINE_BYTES_MAX, NOTE_LINE_BYTES_MAX};
pub use finding::{Code, FINDINGS_MAX, Finding};
pub use report::{REPORT_FORMAT, Report, Verdict};
