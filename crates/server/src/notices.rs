//! Tells functions outside the broker that something waits: by mail and webhook, after the commit, and never in its way.
//!
//! A notice names the function and nothing else: no referral, no reference, no person, not even what kind of thing waits. What comes while
//! one is being sent makes one more, not many. How far a function was told is kept in the database, so that a restart, or another broker
//! when this one is lost, goes on from there. Between the other side's answer and that commit a broker may be lost: then the notice comes
//! once more, and under the same name unless more has come in since.

mod mail;
mod outside;
mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use brygga_domain::FunctionId;
use brygga_engine::rows::InboxRow;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, pem};
use tokio::sync::watch;

use crate::config::NoticesSection;
pub use outside::{Brokers, NOTICE_LOOK, NOTICE_SEND_MAX, NOTICE_TRIES_MAX, Outside, Stops};

/// Why notices can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// A file can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of authorities is not PEM.
    #[error("{} is not a PEM file with certificates", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The mail server can't be spoken to.
    #[error("the mail server's settings")]
    Mail(#[source] lettre::transport::smtp::Error),
    /// A key is no function.
    #[error("{0} is no name of a function")]
    Function(String),
    /// An address is none.
    #[error("the address {0} is none")]
    Address(String),
    /// A URL is none.
    #[error("the webhook {0} is none that may be called")]
    Url(String),
    /// TLS can't be set up.
    #[error("TLS of webhooks")]
    Tls(#[source] rustls::Error),
}

/// One way to tell a function.
enum Way {
    Mail(mail::Mail),
    Webhook(webhook::Webhook),
}

impl Way {
    /// Tells it; `name` is the notice's own, the same at every try.
    async fn tell(&self, name: &str) -> Result<(), String> {
        match self {
            Self::Mail(mail) => mail.tell(name).await,
            Self::Webhook(webhook) => webhook.tell(name).await,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// Where the write path says whom a commit concerns; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    functions: Arc<BTreeMap<String, watch::Sender<u64>>>,
}

impl Notices {
    /// Whether what the configuration asks for can be set up.
    pub fn check(section: &NoticesSection) -> Result<(), NoticeError> {
        ways(section).map(drop)
    }

    /// Sets it up: the bells, and who answers them once the broker runs.
    pub fn new(section: &NoticesSection) -> Result<(Self, Vec<Outside>), NoticeError> {
        let (mut functions, mut outside) = (BTreeMap::new(), Vec::new());
        for (function, ways) in ways(section)? {
            let bell = watch::Sender::new(0);
            outside.extend(ways.into_iter().map(|way| Outside::new(way, function.clone(), bell.subscribe())));
            functions.insert(function.to_string(), bell);
        }
        Ok((Self { functions: Arc::new(functions) }, outside))
    }

    /// These entries came into inboxes. Never waits.
    pub fn told(&self, entries: &[InboxRow]) {
        for entry in entries {
            if let Some(bell) = self.functions.get(&entry.function) {
                bell.send_modify(|end| *end = outside::end(entry).max(*end));
            }
        }
    }
}

/// The ways of each function.
fn ways(section: &NoticesSection) -> Result<Vec<(FunctionId, Vec<Way>)>, NoticeError> {
    let roots = authorities(section)?;
    let server = section.smtp.as_ref().map(|smtp| mail::Server::new(smtp, &roots)).transpose()?;
    let mut all = Vec::new();
    for (name, wants) in &section.functions {
        let function: FunctionId = name.parse().map_err(|_| NoticeError::Function(name.clone()))?;
        let mut ways = Vec::new();
        if let Some(server) = server.as_ref().filter(|_| !wants.mail.is_empty()) {
            ways.push(Way::Mail(mail::Mail::new(server, name, &wants.mail)?));
        }
        if let Some(url) = &wants.webhook {
            ways.push(Way::Webhook(webhook::Webhook::new(url, name, &roots)?));
        }
        all.push((function, ways));
    }
    Ok(all)
}

/// The authorities of the configuration; none: the public ones.
fn authorities(section: &NoticesSection) -> Result<Vec<CertificateDer<'static>>, NoticeError> {
    let Some(path) = &section.root_certificate else { return Ok(Vec::new()) };
    let bytes = std::fs::read(path).map_err(|source| NoticeError::Read { path: path.clone(), source })?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(NoticeError::Pem { path: path.clone(), source: pem::Error::NoItemsFound }),
        found => found.map_err(|source| NoticeError::Pem { path: path.clone(), source }),
    }
}
