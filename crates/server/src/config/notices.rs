//! Notices outside the broker: by mail or webhook, for each function. They say that something waits there, and nothing more.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use brygga_domain::FunctionId;
use lettre::message::Mailbox;
use serde::Deserialize;

use super::ConfigError;

/// Who is told outside the broker that something waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoticesSection {
    /// The only authorities that mail servers and webhooks are trusted by, PEM; absent: the public ones.
    pub root_certificate: Option<PathBuf>,
    /// The mail server.
    pub smtp: Option<SmtpSection>,
    /// What each function wants, by its name.
    pub functions: BTreeMap<String, NoticeSection>,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSection {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Whom notices come from.
    pub from: String,
    /// The broker's name there; absent: it asks for none.
    #[serde(default)]
    pub user: Option<String>,
    /// The file with its password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// TLS after STARTTLS, or not at all.
    #[default]
    Starttls,
    /// TLS from the beginning.
    Implicit,
    /// None: only for a server on this machine.
    None,
}

/// What a function wants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoticeSection {
    /// Addresses that get a mail.
    pub mail: Vec<String>,
    /// What is called.
    pub webhook: Option<String>,
}

/// Whether a name is this machine's own.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A URL that may be called: over TLS, or on this machine.
pub(crate) fn webhook(url: &str) -> Option<http::Uri> {
    let uri: http::Uri = url.parse().ok()?;
    let host = uri.host()?;
    let reachable = uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && is_here(host));
    // A secret in a URL would end up in logs of others.
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    (reachable && plain).then_some(uri)
}

impl NoticesSection {
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.root_certificate.iter_mut().chain(self.smtp.iter_mut().flat_map(|smtp| smtp.password_file.iter_mut()))
    }

    pub(super) fn values(&self) -> Result<(), ConfigError> {
        let wrong = |key, why| Err(ConfigError::Value { key, why });
        if let Some(smtp) = &self.smtp {
            if smtp.host.is_empty() || smtp.from.parse::<Mailbox>().is_err() {
                return wrong("notices.smtp", "host must be a name, and from an address like brygga@example.se");
            }
            if smtp.tls == SmtpTls::None && !is_here(&smtp.host) {
                return wrong("notices.smtp.tls", "none is for a server on this machine; use starttls or implicit");
            }
            if smtp.user.is_some() != smtp.password_file.is_some() {
                return wrong("notices.smtp.user", "user and password_file go together");
            }
        }
        for (name, notice) in &self.functions {
            if name.parse::<FunctionId>().is_err() {
                return wrong("notices.functions", "a key is no name of a function");
            }
            if notice.mail.is_empty() && notice.webhook.is_none() {
                return wrong("notices.functions", "a function has neither mail nor webhook");
            }
            if !notice.mail.is_empty() && self.smtp.is_none() {
                return wrong("notices.functions", "a function wants mail, and there is no notices.smtp");
            }
            if notice.mail.iter().any(|address| address.parse::<Mailbox>().is_err()) {
                return wrong("notices.functions", "an address of mail is none");
            }
            if notice.webhook.as_ref().is_some_and(|url| webhook(url).is_none()) {
                return wrong("notices.functions", "webhook must be an https URL without a user, or http on this machine");
            }
        }
        Ok(())
    }
}
