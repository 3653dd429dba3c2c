//! Which agency calls: the one that the certificate of the connection belongs to.
//!
//! A name in the request never counts. Whether the agency takes part is the domain's question, command by command.

use brygga_domain::codes::AgencyKind;
use brygga_domain::{AgencyId, FunctionId, Reason};
use brygga_engine::store::Reader;
use http::Extensions;

use super::Rpc;
use super::status::Failed;
use crate::tls::PeerInfo;

impl<R: Reader> Rpc<R> {
    /// The agency behind a request.
    pub(super) fn caller(&self, extensions: &Extensions) -> Result<AgencyId, Failed> {
        self.agency_behind(&peer(extensions)?)
    }

    /// The agency behind a connection, as the certificate and the directory are now.
    pub(super) fn agency_behind(&self, peer: &PeerInfo) -> Result<AgencyId, Failed> {
        if peer.certificate.is_expired(self.broker.now()) {
            return Err(Failed::UnknownCertificate);
        }
        let directory = self.broker.directory();
        directory.agency_of_certificate(&peer.certificate.name()).map(|agency| agency.id.clone()).ok_or(Failed::UnknownCertificate)
    }

    /// The agency behind a request, if it is a supervisor that takes part.
    pub(super) fn supervisor(&self, extensions: &Extensions) -> Result<AgencyId, Failed> {
        let caller = self.caller(extensions)?;
        self.supervises(&caller)?;
        Ok(caller)
    }

    /// Whether an agency is a supervisor that takes part.
    pub(super) fn supervises(&self, agency: &AgencyId) -> Result<(), Failed> {
        let directory = self.broker.directory();
        let agency = directory.agency(agency).ok_or(Failed::UnknownCertificate)?;
        if !agency.is_active(self.broker.now()) {
            Err(Reason::AgencyNotActive.into())
        } else if agency.kind == AgencyKind::Supervisor {
            Ok(())
        } else {
            Err(Reason::WrongRole.into())
        }
    }

    /// Whether an agency answers for a function; else the function does not exist to it.
    pub(super) fn answers_for(&self, agency: &AgencyId, function: &FunctionId) -> Result<(), Failed> {
        let own = self.broker.directory().function(function).is_some_and(|function| function.host == *agency);
        if own { Ok(()) } else { Err(Reason::NotFound.into()) }
    }
}

/// The other end of the connection that a request came over.
pub(super) fn peer(extensions: &Extensions) -> Result<PeerInfo, Failed> {
    extensions.get::<PeerInfo>().cloned().ok_or(Failed::Bug("a request came without its connection's certificate"))
}
