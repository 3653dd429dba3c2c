//! Tells functions outside the broker that something waits: by mail and webhook, after the commit, and never in its way.
//!
//! A notice names the function and nothing else: no referral, no reference, no person, not even what kind of thing waits. It is tried a
//! few times and then left: whoever relies on it alone has the stream beside. What comes while one is being sent makes one more, not many.

mod mail;
mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use brygga_engine::bells::Told;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, pem};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::NoticesSection;

/// How often a notice is tried.
pub const NOTICE_TRIES_MAX: u32 = 5;
/// How long one try may take.
pub const NOTICE_SEND_MAX: Duration = Duration::from_secs(10);
/// How long it waits after the first failure; after each further one four times as long.
const NOTICE_BACKOFF: Duration = Duration::from_secs(1);

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
    async fn tell(&self) -> Result<(), String> {
        match self {
            Self::Mail(mail) => mail.tell().await,
            Self::Webhook(webhook) => webhook.tell().await,
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

    /// Sets it up: each way of each function is a task that ends when told.
    pub fn start(section: &NoticesSection, tasks: &TaskTracker, stop: &CancellationToken) -> Result<Self, NoticeError> {
        let mut functions = BTreeMap::new();
        for (function, ways) in ways(section)? {
            let bell = watch::Sender::new(0);
            for way in ways {
                tasks.spawn(tell(way, function.clone(), bell.subscribe(), stop.clone()));
            }
            functions.insert(function, bell);
        }
        Ok(Self { functions: Arc::new(functions) })
    }

    /// Something was committed that concerns these. Never waits.
    pub fn told(&self, told: &Told) {
        for bell in told.functions.iter().filter_map(|function| self.functions.get(function)) {
            bell.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

/// The ways of each function.
fn ways(section: &NoticesSection) -> Result<Vec<(String, Vec<Way>)>, NoticeError> {
    let roots = authorities(section)?;
    let server = section.smtp.as_ref().map(|smtp| mail::Server::new(smtp, &roots)).transpose()?;
    let mut all = Vec::new();
    for (function, wants) in &section.functions {
        let mut ways = Vec::new();
        if let Some(server) = server.as_ref().filter(|_| !wants.mail.is_empty()) {
            ways.push(Way::Mail(mail::Mail::new(server, function, &wants.mail)?));
        }
        if let Some(url) = &wants.webhook {
            ways.push(Way::Webhook(webhook::Webhook::new(url, function, &roots)?));
        }
        all.push((function.clone(), ways));
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

async fn tell(way: Way, function: String, mut bell: watch::Receiver<u64>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            rung = bell.changed() => if rung.is_err() { return },
        }
        let mut pause = NOTICE_BACKOFF;
        for left in (0..NOTICE_TRIES_MAX).rev() {
            let tried = tokio::select! {
                () = stop.cancelled() => return,
                tried = tokio::time::timeout(NOTICE_SEND_MAX, way.tell()) => tried,
            };
            let why = match tried {
                Ok(Ok(())) => break,
                Ok(Err(why)) => why,
                Err(_) => String::from("no answer in time"),
            };
            if left == 0 {
                tracing::warn!(function.id = %function, error = %why, "a notice by {} was not delivered; what waits is in the inbox", way.name());
                break;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = pause.saturating_mul(4),
            }
        }
    }
}
