//! A row of the table: who sends what, and the answer that it must get.

use brygga_domain::Reason;
use brygga_tests::wire::frame;
use brygga_wire::contract::WriteRequest;
use bytes::Bytes;
use tonic::Code;

use crate::rows as about;
use crate::setting::Setting;

/// One way to go wrong.
pub struct Row {
    pub name: &'static str,
    /// Whose connection is used.
    pub agency: &'static str,
    pub path: &'static str,
    /// The request as it goes over the wire.
    pub body: Bytes,
    pub code: Code,
    pub reason: &'static str,
    /// What the text or a fault of a field says, among other things.
    pub text: &'static str,
    /// Whether the log says that a disclosure was refused.
    pub logged: bool,
}

/// The answer that a row must get: code, reason, and what its text says.
pub type No = (Code, Reason, &'static str);

impl Row {
    /// A row about a request of `agency/officer`.
    pub fn new<Q: WriteRequest>(name: &'static str, who: &'static str, mut request: Q, (code, reason, text): No) -> Self {
        let (agency, officer) = who.split_once('/').unwrap();
        request.head(request_id(), officer.to_owned(), 0);
        Self { name, agency, path: Q::PATH, body: frame(&request.encode_to_vec()), code, reason: reason.code(), text, logged: false }
    }

    /// The same, where the refusal is itself in the log.
    pub fn logged(self) -> Self {
        Self { logged: true, ..self }
    }

    /// The same bytes or others over another connection.
    pub fn sent(self, agency: &'static str, body: Bytes) -> Self {
        Self { agency, body, ..self }
    }
}

/// A key that no other request has.
pub fn request_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("7f3b2c1d-0000-4000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The table.
pub fn rows(setting: &Setting) -> Vec<Row> {
    [
        about::wire(),
        about::submission(setting),
        about::clearance(setting),
        about::emergencies(setting),
        about::consent(setting),
        about::inbox(setting),
        about::passing_on(setting),
        about::routing(),
        about::exclusions(setting),
        about::others(setting),
        crate::contents::contents(setting),
    ]
    .into_iter()
    .flatten()
    .collect()
}
