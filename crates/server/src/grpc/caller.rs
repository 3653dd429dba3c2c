//! Which agency calls: the one that the certificate of the connection belongs to.
//!
//! A name in the request never counts. Whether the agency takes part is the domain's question, command by command.

use brygga_domain::codes::AgencyKind;
use brygga_domain::{AgencyId, Reason};
use brygga_engine::store::Reader;
use http::Extensions;

use super::Rpc;
use super::status::Failed;
use crate::tls::PeerInfo;

impl<R: Reader> Rpc<R> {
    /// The agency behind a request.
    pub(super) fn caller(&self, extensions: &Extensions) -> Result<AgencyId, Failed> {
        let peer = extensions.get::<PeerInfo>().ok_or(Failed::Bug("a request came without its connection's certificate"))?;
        if peer.certificate.is_expired(self.broker.now()) {
            return Err(Failed::UnknownCertificate);
        }
        let directory = self.broker.directory();
        directory.agency_of_certificate(&peer.certificate.name()).map(|agency| agency.id.clone()).ok_or(Failed::UnknownCertificate)
    }

    /// The agency behind a request, if it is a supervisor that takes part.
    pub(super) fn supervisor(&self, extensions: &Extensions) -> Result<AgencyId, Failed> {
        let caller = self.caller(extensions)?;
        let directory = self.broker.directory();
        let agency = directory.agency(&caller).ok_or(Failed::UnknownCertificate)?;
        if !agency.is_active(self.broker.now()) {
            Err(Reason::AgencyNotActive.into())
        } else if agency.kind == AgencyKind::Supervisor {
            Ok(caller)
        } else {
            Err(Reason::WrongRole.into())
        }
    }
}
