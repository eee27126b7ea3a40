//! What people are shown: plain data, made from the picture. Nothing here changes anything.

mod approval;
mod case;
mod decision;
mod decode;
mod finding;
mod money;
mod overview;
mod playbook;
mod protocol;
mod standing;
mod timeline;
mod transaction;

pub(crate) use approval::{ApprovalView, approvals};
pub(crate) use case::{CaseLine, CaseView, Changed, case_view};
pub(crate) use decision::{DecisionView, decisions};
pub(crate) use decode::Functions;
pub(crate) use finding::{FindingView, finding_view};
pub(crate) use money::usd;
pub(crate) use overview::{
    ChannelView, HealthView, JournalHealth, Overview, You, health, overview,
};
pub(crate) use playbook::{PlaybooksView, playbooks};
pub(crate) use protocol::{ProtocolDetails, ProtocolLine, protocol_details, protocol_line};
pub(crate) use timeline::{KINDS, TimelineItem, timeline};
pub(crate) use transaction::{TransactionView, transaction_view};
