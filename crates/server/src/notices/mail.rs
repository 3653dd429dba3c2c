//! Notices by mail.

use lettre::message::{Mailbox, Message, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use rustls::pki_types::CertificateDer;

use super::{NOTICE_SEND_MAX, NoticeError};
use crate::config::{SmtpSection, SmtpTls};

/// The mail server.
pub(super) struct Server {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Server {
    pub(super) fn new(section: &SmtpSection, roots: &[CertificateDer<'static>]) -> Result<Self, NoticeError> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(section.host.as_str()).port(section.port).timeout(Some(NOTICE_SEND_MAX));
        builder = match section.tls {
            SmtpTls::None => builder,
            SmtpTls::Starttls => builder.tls(Tls::Required(parameters(&section.host, roots)?)),
            SmtpTls::Implicit => builder.tls(Tls::Wrapper(parameters(&section.host, roots)?)),
        };
        if let (Some(user), Some(path)) = (&section.user, &section.password_file) {
            let password = std::fs::read_to_string(path).map_err(|source| NoticeError::Read { path: path.clone(), source })?;
            builder = builder.credentials(Credentials::new(user.clone(), password.trim_end().to_owned()));
        }
        Ok(Self { transport: builder.build(), from: mailbox(&section.from)? })
    }
}

fn parameters(host: &str, roots: &[CertificateDer<'static>]) -> Result<TlsParameters, NoticeError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if !roots.is_empty() {
        builder = builder.certificate_store(CertificateStore::None);
        for root in roots {
            builder = builder.add_root_certificate(Certificate::from_der(root.to_vec()).map_err(NoticeError::Mail)?);
        }
    }
    builder.build_rustls().map_err(NoticeError::Mail)
}

fn mailbox(address: &str) -> Result<Mailbox, NoticeError> {
    address.parse().map_err(|_| NoticeError::Address(address.to_owned()))
}

/// A function's mail: always the same text. Its Message-ID (RFC 5322, 3.6.4) is the notice's name, so that the same one is known again.
pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    function: String,
}

impl Mail {
    pub(super) fn new(server: &Server, function: &str, to: &[String]) -> Result<Self, NoticeError> {
        let to = to.iter().map(|address| mailbox(address)).collect::<Result<_, _>>()?;
        Ok(Self { transport: server.transport.clone(), from: server.from.clone(), to, function: function.to_owned() })
    }

    pub(super) async fn tell(&self, name: &str) -> Result<(), String> {
        let function = &self.function;
        let id = format!("<{name}@{}>", self.from.email.domain());
        let mut message =
            Message::builder().message_id(Some(id)).from(self.from.clone()).subject(format!("Brygga: något väntar på / something waits at {function}"));
        for to in &self.to {
            message = message.to(to.clone());
        }
        let text =
            format!("Något väntar på funktionen {function} i Brygga. Se inkorgen.\r\nSomething waits at the function {function} in Brygga. See its inbox.\r\n");
        let message = message.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| error.to_string())?;
        self.transport.send(message).await.map(drop).map_err(|error| error.to_string())
    }
}
