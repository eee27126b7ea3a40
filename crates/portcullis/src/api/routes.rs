//! All routes.

use super::{
    access::Need,
    events::events,
    handle as h,
    table::{Kind, Query, Route},
    view::{
        ApprovalView, CaseLine, CaseView, Changed, ChannelView, DecisionView, FindingView,
        HealthView, Overview, PlaybooksView, ProtocolDetails, ProtocolLine, TimelineItem,
        TransactionView,
    },
};

const fn query(name: &'static str, kind: Kind, about: &'static str) -> Query {
    Query { name, kind, about }
}

/// The table.
pub(crate) fn routes() -> Vec<Route> {
    let mut all = system();
    all.extend(reading());
    all.extend(records());
    all.extend(writing());
    all
}

fn system() -> Vec<Route> {
    vec![
        Route::get("/health", h::health)
            .says("health", "Whether the program sees; 503 when it does not.")
            .needs(Need::Nothing)
            .gives::<h::Health>(),
        Route::get("/metrics", h::metrics)
            .says("metrics", "Metrics for Prometheus.")
            .gives_raw(&["text/plain"]),
        Route::get("/api/v1/openapi.json", h::openapi)
            .says("openapi", "This document.")
            .needs(Need::Nothing)
            .gives_raw(&["application/json"]),
        Route::get("/api/v1/session", h::session)
            .says("session", "Who is signed in; never 401.")
            .needs(Need::Nothing)
            .gives::<h::SessionView>(),
        Route::post("/api/v1/session/nonce", h::nonce)
            .says("nonce", "What a wallet is to sign (EIP-4361); good once, for five minutes.")
            .needs(Need::Nothing)
            .gives::<h::NonceView>(),
        Route::post("/api/v1/session", h::sign_in)
            .says("signIn", "Opens a session by a wallet's signature or a token.")
            .needs(Need::Nothing)
            .takes::<h::SignIn>()
            .gives::<h::SessionView>(),
        Route::delete("/api/v1/session", h::sign_out).says("signOut", "Ends the session."),
        Route::get("/api/v1/sessions", h::sessions)
            .says("sessions", "Who is signed in.")
            .needs(Need::ADMIN)
            .gives_page::<h::SignedIn>(),
        Route::delete("/api/v1/sessions/{name}", h::end_sessions)
            .says("endSessions", "Ends all sessions of somebody.")
            .needs(Need::ADMIN)
            .gives::<h::Ended>(),
        Route::get("/api/v1/health", h::health_details)
            .says("healthDetails", "Whether the program sees, with reasons.")
            .gives::<HealthView>(),
        Route::get("/api/v1/overview", h::overview)
            .says("overview", "Are we blind, are the brakes good, what is open.")
            .gives::<Overview>(),
        Route::get("/api/v1/protocols", h::protocols)
            .says("protocols", "What is protected.")
            .gives_page::<ProtocolLine>(),
        Route::get("/api/v1/protocols/{name}", h::protocol)
            .says("protocol", "One protocol: levers, limits, detectors, brakes.")
            .gives::<ProtocolDetails>(),
        Route::get("/api/v1/channels", h::channels)
            .says("channels", "The channels over which people are told.")
            .gives_page::<ChannelView>(),
        Route::post("/api/v1/channels/{name}/test", h::test_channel)
            .says("testChannel", "Sends a test message over a channel of the team.")
            .needs(Need::COMMANDER)
            .gives::<h::Tested>(),
        Route::get("/api/v1/audit", h::audit)
            .says("audit", "Who asked for what, newest first.")
            .needs(Need::RESPONDER)
            .gives_page::<h::AuditView>(),
        Route::get("/api/v1/events", events)
            .says("events", "Server-sent events: `change` {seq, cases, what}, and `resync`.")
            .gives_raw(&["text/event-stream"]),
    ]
}

fn reading() -> Vec<Route> {
    const FORMAT: Query = query("format", Kind::OneOf(&["json", "md", "html"]), "Default `json`.");
    vec![
        Route::get("/api/v1/cases", h::cases)
            .says("cases", "Cases, newest first.")
            .asks([
                query("open", Kind::Boolean, "Only those that are open, or that are not."),
                query("protocol", Kind::Text, "Only those of this protocol."),
            ])
            .gives_page::<CaseLine>(),
        Route::get("/api/v1/cases/{id}", h::case).says("case", "One case.").gives::<CaseView>(),
        Route::get("/api/v1/cases/{id}/timeline", h::timeline)
            .says("timeline", "What happened, oldest first.")
            .asks([
                query("kinds", Kind::Text, "Only these kinds, with commas between."),
                query(
                    "order",
                    Kind::OneOf(&["oldest", "newest"]),
                    "Which first; default `oldest`.",
                ),
            ])
            .gives_page::<TimelineItem>(),
        Route::get("/api/v1/cases/{id}/findings", h::findings)
            .says("findings", "The findings of a case, oldest first.")
            .gives_page::<FindingView>(),
        Route::get("/api/v1/cases/{id}/decisions", h::decisions)
            .says("decisions", "What was decided, and why, oldest first.")
            .gives_page::<DecisionView>(),
        Route::get("/api/v1/cases/{id}/transactions/{hash}", h::transaction)
            .says("transaction", "A transaction as a tree of calls, with what it moved.")
            .gives::<TransactionView>(),
        Route::get("/api/v1/cases/{id}/approvals", h::approvals)
            .says("approvals", "What guardians are asked to sign.")
            .gives_page::<ApprovalView>(),
        Route::get("/api/v1/cases/{id}/playbooks", h::playbooks_of)
            .says("playbooks", "Playbooks that are offered and under way.")
            .gives::<PlaybooksView>(),
        Route::get("/api/v1/cases/{id}/evidence", h::files)
            .says("files", "Files that people handed in.")
            .gives_page::<h::FileView>(),
        Route::get("/api/v1/cases/{id}/evidence/{sha256}", h::file)
            .says("file", "One of them, as a download.")
            .gives_raw(&["application/octet-stream"]),
        Route::get("/api/v1/cases/{id}/postmortem", h::postmortem)
            .says("postmortem", "The post-mortem as far as the record goes.")
            .asks([FORMAT])
            .gives_raw(&["application/json", "text/markdown", "text/html"]),
        Route::get("/api/v1/cases/{id}/status", h::public_word)
            .says(
                "publicWord",
                "What was said in public last, and a draft of what could be said now.",
            )
            .gives::<h::PublicWord>(),
        Route::get("/api/v1/cases/{id}/bundle", h::bundle)
            .says(
                "bundle",
                "The case as a tar that another party checks with `portcullis case verify`.",
            )
            .gives_raw(&["application/x-tar"]),
    ]
}

fn records() -> Vec<Route> {
    const REPORT: Query = query("format", Kind::OneOf(&["json", "html"]), "Default `json`.");
    vec![
        Route::get("/api/v1/journal", h::journal)
            .says("journal", "Records of the journal, oldest first.")
            .gives_page::<h::RecordView>(),
        Route::get("/api/v1/journal/verify", h::verify)
            .says("verify", "Whether the journal is whole and its answers follow from it.")
            .gives::<h::VerificationView>(),
        Route::get("/api/v1/rules", h::rules)
            .says("rules", "Rules in force, with what their tests say.")
            .gives_page::<h::RuleView>(),
        Route::get("/api/v1/reports", h::reports)
            .says("reports", "Outputs of back-tests.")
            .gives_page::<h::ReportLine>(),
        Route::get("/api/v1/reports/{name}", h::report)
            .says("report", "One of them.")
            .asks([REPORT])
            .gives_raw(&["application/json", "text/html"]),
        Route::get("/api/v1/status", h::statements)
            .says("statements", "What was said in public, newest first; where the configuration shows it to everybody.")
            .needs(Need::Nothing)
            .gives_page::<h::StatementView>(),
        Route::get("/status", h::statements_page)
            .says("statementsPage", "The same as a page.")
            .needs(Need::Nothing)
            .gives_raw(&["text/html"]),
        Route::get("/api/v1/drills", h::drills)
            .says("drills", "Drills that were played.")
            .gives_page::<h::DrillView>(),
    ]
}

fn writing() -> Vec<Route> {
    vec![
        Route::post("/api/v1/cases/{id}/commands", h::command)
            .says("command", "Says something of a case; 409 says what is allowed.")
            .takes::<h::CommandBody>()
            .gives::<Changed>(),
        Route::post("/api/v1/cases/{id}/evidence", h::hand_in)
            .says("handIn", "Hands a file in, as a form or as bytes.")
            .asks([
                query("name", Kind::Text, "Its name, where no form says it."),
                query("note", Kind::Text, "What it is."),
            ])
            .takes_bytes(h::FILE_BYTES_MAX + (16 << 10))
            .gives::<h::FileView>(),
        Route::post("/api/v1/cases/{id}/playbooks", h::start_playbook)
            .says("startPlaybook", "Begins a playbook.")
            .needs(Need::COMMANDER)
            .takes::<h::StartBody>()
            .gives::<Changed>(),
        Route::post("/api/v1/cases/{id}/playbooks/{run}", h::move_run)
            .says("moveRun", "Takes a playbook back, or ends it.")
            .needs(Need::COMMANDER)
            .takes::<h::RunBody>()
            .gives::<Changed>(),
        Route::post("/api/v1/cases/{id}/playbooks/{run}/steps/{step}", h::move_step)
            .says("moveStep", "Says something of a step.")
            .takes::<h::StepBody>()
            .gives::<Changed>(),
        Route::post("/api/v1/cases/{id}/status", h::release)
            .says(
                "release",
                "Says something in public: a commander does, or who has the role `communications`.",
            )
            .takes::<h::ReleaseBody>()
            .gives::<Changed>(),
        Route::post("/api/v1/alerts", h::alerts)
            .says(
                "alerts",
                "Takes alerts of Prometheus Alertmanager in (webhook payload, version 4).",
            )
            .needs(Need::Alerts)
            .takes_bytes(portcullis_notify::BODY_BYTES_MAX)
            .gives::<h::AlertsTaken>(),
        Route::post("/api/v1/cases/{id}/approvals", h::approve)
            .says("approve", "Hands a guardian's EIP-712 signature over.")
            .takes::<h::ApprovalBody>()
            .gives::<h::HandedOver>(),
    ]
}
