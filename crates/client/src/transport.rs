//! The connection: mutual TLS 1.3 over one HTTP/2 channel that reconnects by itself.
//!
//! It must never offer another version of TLS, another provider of cryptography, or a connection without a client certificate.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::version::TLS13;
use rustls::{ClientConfig as TlsSettings, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::config::ClientConfig;
use crate::error::ConfigError;

/// Largest message, received or sent; the broker's limit.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Largest answer that the client takes: an opened referral with every section at its limit and a full receipt.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Size of the headers of an answer; the broker's limit for requests.
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// A silent connection is asked for a sign of life this often.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// A connection that gives no sign of life for this long is given up.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The protocol that the broker speaks.
const ALPN_H2: &[u8] = b"h2";

/// A channel that connects when it is first used, and again whenever it has to.
pub(crate) fn channel(config: &ClientConfig) -> Result<Channel, ConfigError> {
    let uri: Uri = config.endpoint.parse().map_err(|_| ConfigError::Endpoint)?;
    let (Some("https"), Some(authority), Some(host), Some(port)) = (uri.scheme_str(), uri.authority(), uri.host(), uri.port_u16()) else {
        return Err(ConfigError::Endpoint);
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let wanted = config.server_name.clone().unwrap_or_else(|| host.clone());
    let name = ServerName::try_from(wanted).map_err(|_| ConfigError::ServerName)?;
    let tls = TlsConnector::from(Arc::new(settings(config)?));
    // The channel would put its own TLS around a connector of an https address; this one brings its own.
    let plain = format!("http://{authority}");
    let endpoint = Endpoint::from_shared(plain).map_err(|_| ConfigError::Endpoint)?;
    let endpoint = endpoint
        .origin(uri)
        .connect_timeout(config.deadlines.connect)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(HEADER_BYTES_MAX);
    let connect = tower::service_fn(move |_: Uri| connect(tls.clone(), name.clone(), (host.clone(), port)));
    Ok(endpoint.connect_with_connector_lazy(connect))
}

async fn connect(tls: TlsConnector, name: ServerName<'static>, address: (String, u16)) -> std::io::Result<TokioIo<TlsStream<TcpStream>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = tls.connect(name, stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN_H2) {
        return Err(std::io::Error::other("the peer does not speak HTTP/2"));
    }
    Ok(TokioIo::new(stream))
}

/// The TLS settings: version 1.3 only, our certificate, and nobody but the given authorities.
pub(crate) fn settings(config: &ClientConfig) -> Result<TlsSettings, ConfigError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&config.ca_pem, "authority")? {
        roots.add(authority).map_err(ConfigError::Tls)?;
    }
    let chain = certificates(&config.cert_pem, "client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&config.key_pem).map_err(|_| ConfigError::Pem { what: "client key" })?;
    let mut settings = TlsSettings::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(ConfigError::Tls)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(ConfigError::Tls)?;
    settings.alpn_protocols = vec![ALPN_H2.to_vec()];
    // A resumed session would go on with a certificate that has been replaced meanwhile.
    settings.resumption = rustls::client::Resumption::disabled();
    settings.enable_early_data = false;
    Ok(settings)
}

pub(crate) fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(ConfigError::Pem { what }),
    }
}
