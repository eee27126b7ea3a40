//! Fetching a proposal from a Safe Transaction Service. What it says is as untrusted as a file from anybody.

use std::time::Duration;

use alloy_primitives::B256;
use url::Url;

use super::PROPOSAL_BYTES_MAX;

/// Longest wait for the service.
const SERVICE_TIME_LIMIT: Duration = Duration::from_secs(20);

/// The service gave nothing that can be used. No message holds more of its address than the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Safe Transaction Service at {host} {problem}; or give the proposal as a file")]
pub struct NoProposal {
    /// Host of the service.
    pub host: String,
    /// What is wrong.
    pub problem: String,
}

/// The text of the proposal with this hash: `GET {base}/v2/multisig-transactions/{hash}/`. `token` goes into the
/// `Authorization` header.
pub async fn fetch(base: &Url, hash: B256, token: Option<&str>) -> Result<String, NoProposal> {
    let host = base.host_str().unwrap_or("(no host)").to_owned();
    let no = |problem: &str| NoProposal { host: host.clone(), problem: problem.to_owned() };
    let path = format!("{}/v2/multisig-transactions/{hash}/", base.as_str().trim_end_matches('/'));
    let url: Url = path.parse().map_err(|_| no("has no usable address: correct `service.url`"))?;
    let client = reqwest::Client::builder()
        .timeout(SERVICE_TIME_LIMIT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|_| no("cannot be asked from here"))?;
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let mut answer = request.send().await.map_err(|_| no("does not answer: try again"))?;
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        return Err(no(&format!(
            "answers with HTTP status {status}: 401 and 429 want a token, 404 another hash"
        )));
    }
    let mut body = Vec::new();
    while let Some(part) =
        answer.chunk().await.map_err(|_| no("broke off its answer: try again"))?
    {
        body.extend_from_slice(&part);
        if body.len() > PROPOSAL_BYTES_MAX {
            return Err(no("answers with more than a proposal"));
        }
    }
    String::from_utf8(body).map_err(|_| no("answers with something that is no text"))
}
