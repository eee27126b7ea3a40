//! E-mail over SMTP.

use std::{
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{authentication::Credentials, extension::ClientId},
};
use portcullis_types::{ids::Millis, text::printable};

use crate::{
    config::{ChannelFile, MailSecurity, Via},
    outbox::Failure,
    render::Mail,
};

/// What stands right of the `@` in the ids of mails: a name that nobody can own (RFC 2606).
const ID_DOMAIN: &str = "portcullis.invalid";

/// A mail server and whom to write to.
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("receivers", &self.to.len()).finish_non_exhaustive()
    }
}

impl Smtp {
    pub(super) fn new(channel: &ChannelFile, folder: &Path) -> Result<Self, String> {
        let Via::Email { host, port, security, user, password, from, to } = &channel.via else {
            return Err("not a mail channel".to_owned());
        };
        let wrong = |error: lettre::transport::smtp::Error| format!("no SMTP client: {error}");
        let mut builder = match security {
            MailSecurity::Tls => {
                AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(wrong)?
            }
            MailSecurity::StartTls => {
                AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(wrong)?
            }
            // Checked: on this machine.
            MailSecurity::None => {
                AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str()).port(25)
            }
        };
        if let Some(port) = port {
            builder = builder.port(*port);
        }
        if let (Some(user), Some(password)) = (user, password) {
            let password = password.read(folder)?;
            builder =
                builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        let transport = builder
            .timeout(Some(Duration::from_secs(channel.timeout_seconds)))
            .hello_name(ClientId::Domain("localhost".to_owned()))
            .build();
        let mailbox = |text: &String| {
            text.parse::<Mailbox>()
                .map_err(|_| format!("`{text}` is no e-mail address: correct it"))
        };
        Ok(Self {
            transport,
            from: mailbox(from)?,
            to: to.iter().map(mailbox).collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn send(
        &self,
        now: Millis,
        to: Option<&str>,
        mail: &Mail,
    ) -> Result<(), Failure> {
        let message = self.message(now, to, mail).map_err(|why| Failure::Undeliverable { why })?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(judge(&error)),
        }
    }

    fn message(&self, now: Millis, to: Option<&str>, mail: &Mail) -> Result<Message, String> {
        let date = UNIX_EPOCH
            .checked_add(Duration::from_millis(now.0))
            .ok_or_else(|| "the time is beyond what a mail can say".to_owned())?;
        // Vacation replies and other machines leave such mails alone (RFC 3834).
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut builder = Message::builder()
            .from(self.from.clone())
            .date(date)
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{}@{ID_DOMAIN}>", mail.message)))
            .references(format!("<{}@{ID_DOMAIN}>", mail.thread))
            .raw_header(automatic);
        match to {
            Some(to) => {
                let to = to
                    .parse()
                    .map_err(|_| "the person's contact is no e-mail address".to_owned())?;
                builder = builder.to(to);
            }
            None => {
                for to in &self.to {
                    builder = builder.to(to.clone());
                }
            }
        }
        builder
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| format!("the mail cannot be written: {error}"))
    }
}

/// 4yz is for later, 5yz about credentials for people (RFC 4954), every other 5yz about this mail.
fn judge(error: &lettre::transport::smtp::Error) -> Failure {
    let why = printable(&error.to_string());
    let code = error.status().map(u16::from);
    match code {
        Some(530 | 534 | 535 | 538) => Failure::Refused { why },
        Some(500..) => Failure::Undeliverable { why },
        _ => Failure::Outage { why },
    }
}
