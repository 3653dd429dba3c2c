//! Random bytes of the operating system: ids of requests, and the jitter of retries. Nothing else here draws any.

use std::time::SystemTime;

use uuid::Uuid;

/// A fresh request id (UUID version 7): what is asked for together lies together in the broker's index of keys. It tells when, and only to the
/// broker, which knows: a request's id stands in no event. `None` when the system gives no random bytes.
#[expect(clippy::disallowed_methods, reason = "the time only says which ids lie together; nothing is decided by it")]
pub fn request_id() -> Option<String> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(now.as_millis()).ok()?;
    Some(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().as_hyphenated().to_string())
}

/// Whether a text is an id that a request may bear.
pub(crate) fn is_request_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.as_hyphenated().to_string() == text)
}

/// A number from 0 to 65,535; 0 when the system gives nothing, for jitter is no secret.
pub(crate) fn jitter() -> u16 {
    let mut bytes = [0; 2];
    if getrandom::fill(&mut bytes).is_err() {
        return 0;
    }
    u16::from_be_bytes(bytes)
}
