//! Tower layers around the gRPC services.
//!
//! Order, from the outside: [`observe`] (it counts what leaves), [`malformed`] (it sees what every other layer answers),
//! [`deadline`], [`limits`] (a request that is shed costs nothing behind it), [`digest`]. None of them may read what a message says;
//! they see lengths, hashes and headers.

pub mod deadline;
pub mod digest;
mod framing;
pub mod limits;
pub mod malformed;
pub mod methods;
pub mod observe;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `google.rpc.ErrorInfo` of the broker.
pub const ERROR_DOMAIN: &str = "brygga.v1";

/// An answer of a layer: a code, a reason from a closed list, and a text for people.
fn refusal(code: Code, reason: &'static str, text: &'static str, retry_after: Option<std::time::Duration>) -> Response<Body> {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, ERROR_DOMAIN, HashMap::new());
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(code, text, details).into_http()
}
