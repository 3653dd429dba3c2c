//! Mutual TLS 1.3 on an accept loop of its own.
//!
//! It takes connections, lets in only peers whose certificate chains to the configured authorities and names an agency, and hands
//! them to the gRPC server as a stream. It must never speak an older TLS, resume a session (a resumed session slips past the
//! revocation lists), or let a connection outlive its certificate. `main` builds it, the gRPC services read [`PeerCertificate`].

mod accept;
mod connection;
mod departures;
mod files;
mod peer;
mod reload;
pub(crate) mod slots;
#[cfg(test)]
mod tests;

pub use accept::{Incoming, Listener, ListenerLimits};
pub use connection::{Connection, PeerInfo};
pub use departures::{Carried, Departures};
pub use files::{TlsError, TlsFiles};
pub use peer::{PeerCertificate, PeerError, agency_uri};
pub use reload::{Reloaded, Tls, watch_files};
