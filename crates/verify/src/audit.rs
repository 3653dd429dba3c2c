//! The audit of a bundle: who vouches for the key, then leaf by leaf, then the verdict.

use std::io::BufRead;

use brygga_domain::GroundTable;
use brygga_merkle::{Checkpoint, NoteKey};

use crate::auditor::{Auditor, Expected, Trust};
use crate::bundle::{BundleError, BundleReader, Header};
use crate::finding::{Code, Finding};
use crate::report::{REPORT_FORMAT, Report, Verdict};

/// What the auditor brings to a bundle.
#[derive(Debug, Default)]
pub struct Options {
    /// The log's key.
    pub key: Option<NoteKey>,
    /// A signed checkpoint kept from earlier, as it was received.
    pub pin: Option<Vec<u8>>,
    /// Whether to believe the bundle about its own key.
    pub trust_bundle_key: bool,
    /// Ground tables beside the one that ships with this version.
    pub tables: Vec<GroundTable>,
}

/// Audits a bundle. `progress` is told after every leaf how many were read, of how many.
pub fn audit_bundle<R: BufRead>(input: R, options: Options, progress: &mut dyn FnMut(u64, u64)) -> Report {
    let mut reader = match BundleReader::open(input) {
        Ok(reader) => reader,
        Err(error) => return no_bundle(&error),
    };
    let mut auditor = match prepare(reader.header(), options) {
        Ok(auditor) => auditor,
        Err(finding) => return unread(Verdict::Failed, vec![finding], Vec::new()),
    };
    let size = reader.header().size;
    loop {
        match reader.next_leaf() {
            Ok(Some(leaf)) => {
                auditor.leaf(&leaf);
                progress(auditor.size(), size);
            }
            Ok(None) => break,
            Err(error) => return broken_off(&auditor, &error),
        }
    }
    match reader.checkpoint() {
        Ok(note) => auditor.report(&note),
        Err(error) => broken_off(&auditor, &error),
    }
}

/// Settles whose signature counts before the first leaf is read.
fn prepare(header: &Header, options: Options) -> Result<Auditor, Finding> {
    let named = NoteKey::parse(&header.vkey);
    let (pinned_key, said) = match (&options.key, &named) {
        (Some(key), named) => (key.clone(), named.as_ref().ok()),
        (None, Ok(named)) => (named.clone(), Some(named)),
        (None, Err(error)) => return Err(Finding { position: None, code: Code::BundleHeader, text: format!("the header's key is none: {error}") }),
    };
    let key_differs = said != Some(&pinned_key);
    let origin_differs = header.origin != pinned_key.name();
    let pin = options.pin.as_deref().map(|note| brygga_merkle::open(note, &pinned_key));
    let vouched = options.key.is_some() || options.trust_bundle_key || matches!(pin, Some(Ok(_)));
    let trust = if vouched { Trust::Pinned(pinned_key) } else { Trust::Unconfirmed(pinned_key) };
    let (pin, pin_refused): (Option<Checkpoint>, bool) = match pin {
        None => (None, false),
        Some(Ok(checkpoint)) => (Some(checkpoint), false),
        Some(Err(_)) => (None, true),
    };
    let mut auditor = Auditor::new(Expected { trust, pin, tables: options.tables });
    if key_differs {
        auditor.of_log(Code::KeyDiffers, "the bundle names another key than the one that was given");
    }
    if origin_differs {
        auditor.of_log(Code::OriginDiffers, "the header names another log than the key");
    }
    match (pin_refused, options.key.is_some()) {
        // The pin is the auditor's own, so a key that did not sign it is not the log's.
        (true, false) => auditor.of_log(Code::KeyDiffers, "the pinned checkpoint is not signed by the bundle's key"),
        (true, true) => auditor.doubt("the pinned checkpoint is not signed by the key that was given; consistency was not checked"),
        (false, _) => {}
    }
    Ok(auditor)
}

/// What a broken bundle counts as; `None` where it is the reading that failed, or the program that is too old.
fn bundle_code(error: &BundleError) -> Option<Code> {
    match error {
        BundleError::Read { .. } | BundleError::Write(_) | BundleError::OtherFormat { .. } => None,
        BundleError::Empty | BundleError::Truncated { .. } | BundleError::TooFewLeaves { .. } => Some(Code::BundleTruncated),
        BundleError::Header(_) | BundleError::LineTooLong { line: 1, .. } | BundleError::NotUtf8 { line: 1 } => Some(Code::BundleHeader),
        BundleError::LineTooLong { .. }
        | BundleError::NotUtf8 { .. }
        | BundleError::Leaf { .. }
        | BundleError::Checkpoint { .. }
        | BundleError::WrongSize { .. }
        | BundleError::LeafLength { .. }
        | BundleError::Note => Some(Code::BundleLine),
        BundleError::Trailing { .. } => Some(Code::BundleTrailing),
    }
}

/// An error with what lies below it, on one line.
fn in_full(error: &BundleError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn no_bundle(error: &BundleError) -> Report {
    let text = in_full(error);
    match bundle_code(error) {
        Some(code) => unread(Verdict::Failed, vec![Finding { position: None, code, text }], Vec::new()),
        None => unread(Verdict::Inconclusive, Vec::new(), vec![text]),
    }
}

fn unread(verdict: Verdict, findings: Vec<Finding>, doubts: Vec<String>) -> Report {
    Report {
        format: REPORT_FORMAT,
        verdict,
        origin: String::new(),
        entries: 0,
        releases: 0,
        root: String::new(),
        key: String::new(),
        key_trusted: false,
        findings,
        findings_left_out: 0,
        doubts,
    }
}

fn broken_off(auditor: &Auditor, error: &BundleError) -> Report {
    let text = in_full(error);
    auditor.report_without_note(|findings| match bundle_code(error) {
        Some(code) => findings.of_log(code, text),
        None => findings.doubt(text),
    })
}
