//! Tower layers around the gRPC services.
//!
//! Order, from the outside: [`observe`] (it counts what leaves), [`malformed`] (it sees what every other layer answers),
//! [`deadline`], [`limits`] (a request that is shed costs nothing behind it), [`digest`], [`departure`]. None of them may read what a message says;
//! they see lengths, hashes and headers.

pub mod deadline;
pub mod departure;
pub mod digest;
mod framing;
pub mod limits;
pub mod malformed;
pub mod methods;
pub mod observe;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use brygga_domain::Reason;
use http::Response;
use tonic::Status;
use tonic::body::Body;
use tonic_types::{ErrorDetails, StatusExt};

use crate::grpc::status::code;

/// The domain of every `google.rpc.ErrorInfo` of the broker.
pub const ERROR_DOMAIN: &str = "brygga.v1";

/// An answer of a layer: a reason out of the one table, with its code, and a text for people.
fn refusal(reason: Reason, text: &'static str, retry_after: Option<std::time::Duration>) -> Response<Body> {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason.code(), ERROR_DOMAIN, HashMap::new());
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(code(reason.class()), text, details).into_http()
}
