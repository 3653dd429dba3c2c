//! Notices by webhook: one POST, whose answer must be a success.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::NoticeError;
use crate::config::webhook_url;

/// The header with the notice's name: the same at every try, so that a receiver knows one that it has had.
const NAME: &str = "idempotency-key";

/// A function's webhook: always the same body.
pub(super) struct Webhook {
    host: String,
    port: u16,
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    body: Bytes,
}

impl Webhook {
    pub(super) fn new(url: &str, function: &str, roots: &[CertificateDer<'static>]) -> Result<Self, NoticeError> {
        let none = || NoticeError::Url(url.to_owned());
        let uri: Uri = webhook_url(url).ok_or_else(none)?;
        let host = uri.host().ok_or_else(none)?.to_owned();
        let secure = uri.scheme_str() == Some("https");
        let tls = if secure {
            let name = ServerName::try_from(host.clone()).map_err(|_| none())?;
            Some((connector(roots)?, name))
        } else {
            None
        };
        Ok(Self {
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            path: uri.path_and_query().map_or_else(|| String::from("/"), ToString::to_string),
            tls,
            body: Bytes::from(serde_json::json!({"function": function, "waits": true}).to_string()),
            host,
        })
    }

    pub(super) async fn tell(&self, name: &str) -> Result<(), String> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let socket = TcpStream::connect((bare, self.port)).await.map_err(|error| error.to_string())?;
        match &self.tls {
            Some((connector, server)) => {
                let stream = connector.connect(server.clone(), socket).await.map_err(|error| error.to_string())?;
                self.post(stream, name).await
            }
            None => self.post(socket, name).await,
        }
    }

    async fn post(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, name: &str) -> Result<(), String> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let request = Request::post(&self.path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .header(NAME, name.to_owned())
            .body(Full::new(self.body.clone()))
            .map_err(|error| error.to_string())?;
        // The connection is driven beside the request. One that ends with the answer leaves it behind, to be taken all the same.
        let mut answer = std::pin::pin!(sender.send_request(request));
        let answered = tokio::select! {
            answered = &mut answer => answered,
            _ = connection => answer.await,
        };
        let status = answered.map_err(|error| error.to_string())?.status();
        if status.is_success() { Ok(()) } else { Err(format!("the answer was {status}")) }
    }
}

fn connector(roots: &[CertificateDer<'static>]) -> Result<TlsConnector, NoticeError> {
    let mut store = RootCertStore::empty();
    if roots.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for root in roots {
        store.add(root.clone()).map_err(NoticeError::Tls)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).map_err(NoticeError::Tls)?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(store).with_no_client_auth())))
}
