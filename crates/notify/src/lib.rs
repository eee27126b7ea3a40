//! People: who is told what, over which channel, who is on call, and how nothing that was to be told gets lost.
//!
//! ```text
//! CaseEvent ──notices──► Notice ──enqueue──► Outbox (SQLite) ──claim──► render ──► Slack, Discord, Telegram, mail,
//!                                   ▲                                              PagerDuty, Alertmanager, webhook
//!                     Page (roster) ┘  who is called next is a state machine
//! ```
//!
//! **Never**: decides anything, sees a key that signs transactions, tells the public what a person did not release.
//!
//! The journal is the truth, the outbox a queue beside it: a program puts the notices of a step in after the step was
//! journaled, and tells the steps from [`Outbox::last_step`] on again when it starts. Keys make that harmless.

mod config;
mod dispatcher;
mod from_case;
mod inbound;
mod line;
mod notice;
mod outbox;
mod plan;
mod public;
mod render;
pub mod roster;
mod secret;
mod severity;
mod sign;
mod text;

pub use config::{
    ChannelFile, ConfigProblem, MailSecurity, NotifyFile, RouteFile, TelegramFormat, Via,
};
pub use dispatcher::{Dispatcher, Ticked};
pub use from_case::{blind_notice, brake_notices, notices, severity_of};
pub use inbound::{ALERTS_MAX, BODY_BYTES_MAX, ExternalAlert, Inbound, parse_alertmanager};
pub use line::Line;
pub use notice::{
    Audience, Containment, Kind, Notice, NoticeKey, PARTS_MAX, Part, Secrecy, TEXT_CHARS_MAX,
};
pub use outbox::{
    ChannelHealth, Claimed, Enqueued, Failure, Health, KEYS_KEPT, Outbox, OutboxError, Recipient,
};
pub use plan::{ChannelPlan, Plan};
pub use public::{Impact, PublicName, PublicStatus, Released, Service, Stage};
pub use render::{Content, Envelope, Format, HOLD_SECONDS, Mail, Payload, render};
pub use secret::{Secret, SecretFrom};
pub use severity::Severity;
pub use sign::{DELIVERY_HEADER, SIGNATURE_HEADER, SignatureProblem, WINDOW_SECONDS, sign, verify};
