//! The judgement before anybody signs: what is refused, and the difference that the transaction makes.
//!
//! [`refusals_of_bytes`] needs no chain: the signer's own process judges by it. [`Check`] adds what nodes say.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256, address};
use serde::Serialize;

use super::{
    Change, Expected, Hashes, Operation, State, Step, Subject,
    calls::steps,
    play::{Agreement, Played, play},
    read::{Found, find},
};
use crate::nodes::Nodes;

/// Safe's own `MultiSendCallOnly`, whose inner calls cannot be delegatecalls: version and address
/// (safe-global/safe-deployments).
pub const CALL_ONLY: [(&str, Address); 4] = [
    ("1.3.0", address!("40A2aCCbd92BCA938b02010E17A5b8929b49130D")),
    ("1.3.0, by EIP-155", address!("A1dabEF33b3B82c7814B6D82A79e50F4AC44102B")),
    ("1.4.1", address!("9641d764fc13c8B624c04430C7356C1C7C8102e2")),
    ("1.5.0", address!("A83c336B20401Af773B6219BA5027174338D1836")),
];

/// What the owner decided beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Further targets of delegatecalls, besides [`CALL_ONLY`].
    pub delegate_targets: BTreeSet<Address>,
    /// Changes of the Safe's rule that are wanted.
    pub expected: Expected,
    /// Whether a nonce that is not the next one is wanted.
    pub nonce_ahead: bool,
}

/// Why the transaction must not be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// A word for programs: `delegatecall`, `singleton`, `unexpected-change` and so on.
    pub code: &'static str,
    /// Plain words, with what to do.
    pub why: String,
}

fn refusal(code: &'static str, why: impl Into<String>) -> Refusal {
    Refusal { code, why: why.into() }
}

/// What is refused whatever the chain says: the signer's own judgement.
pub fn refusals_of_bytes(subject: &Subject, rules: &Rules) -> (Vec<Step>, Vec<Refusal>) {
    let tx = &subject.tx;
    let mut refusals = Vec::new();
    if !tx.gas_price.is_zero()
        || !tx.gas_token.is_zero()
        || !tx.refund_receiver.is_zero()
        || !tx.base_gas.is_zero()
    {
        let why = format!(
            "it asks for a refund of gas (gasPrice {}, baseGas {}, gasToken {}, refundReceiver {}): a refund pays out of the Safe whatever the call does; have it proposed with zeros",
            tx.gas_price, tx.base_gas, tx.gas_token, tx.refund_receiver
        );
        refusals.push(refusal("refund", why));
    }
    let steps = match steps(subject.safe, tx) {
        Ok(steps) => steps,
        Err(bad) => {
            refusals.push(refusal("batch", bad.to_string()));
            return (Vec::new(), refusals);
        }
    };
    for step in &steps {
        refusals.extend(refusal_of_step(step, rules));
    }
    (steps, refusals)
}

fn refusal_of_step(step: &Step, rules: &Rules) -> Option<Refusal> {
    let is_known =
        CALL_ONLY.iter().any(|(_, at)| *at == step.to) || rules.delegate_targets.contains(&step.to);
    if step.operation == Operation::DelegateCall && !is_known {
        let looks = step.selector.map_or_else(String::new, |selector| {
            format!(
                " It looks like {}, but a name means nothing here.",
                name_of(step, &selector.to_string())
            )
        });
        let why = format!(
            "call {} is a delegatecall to {}, which is not on the list of allowed targets: its code would run as the Safe itself and could replace its code and owners.{looks} Do not sign; if the target is meant, add it to `delegatecall` in the configuration after reading its source",
            step.place, step.to
        );
        return Some(refusal("delegatecall", why));
    }
    if step.unknown_to_self {
        let why = format!(
            "call {} is a call of the Safe to itself that is not known here ({}): only known functions of its own are let through",
            step.place, step.says
        );
        return Some(refusal("unknown-self-call", why));
    }
    // Adding or removing an owner names the threshold, which may stay as it is.
    let alone = step.changes.len() == 1;
    let unwanted = step.changes.iter().find(|change| {
        !rules.expected.contains(change) && (alone || !matches!(change, Change::Threshold(_)))
    })?;
    let why = format!(
        "call {} changes who rules the Safe ({}): if that is wanted, say so with --expect {unwanted}",
        step.place,
        unwanted.meaning()
    );
    Some(refusal("unexpected-change", why))
}

fn name_of(step: &Step, selector: &str) -> String {
    let says = step.says.rsplit(": ").find(|part| part.contains('(')).unwrap_or(&step.says);
    let name = says.split(' ').find(|word| word.contains('(') && word.contains(')'));
    name.map_or_else(|| format!("function {selector}"), str::to_owned)
}

/// How a balance moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// The token; none for the chain's own coin.
    pub token: Option<Address>,
    /// Units before.
    pub before: U256,
    /// Units after.
    pub after: U256,
}

/// An allowance that the transaction gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The token.
    pub token: Address,
    /// Who may take.
    pub spender: Address,
    /// How many units, or the id of one thing.
    pub amount: U256,
}

/// Everything that is known about a transaction before it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Whether nothing is refused and everything was looked at.
    pub passes: bool,
    /// What is looked at.
    pub subject: Subject,
    /// Its hashes, computed here.
    pub hashes: Hashes,
    /// Its calls.
    pub steps: Vec<Step>,
    /// Block that was played upon.
    pub block: Option<u64>,
    /// Its Unix time, seconds.
    pub block_time: Option<u64>,
    /// Who rules the Safe now.
    pub before: Option<State>,
    /// Who would rule it afterwards.
    pub after: Option<State>,
    /// What would be different about that.
    pub changes: Vec<Change>,
    /// Balances of the Safe that would move.
    pub moved: Vec<Moved>,
    /// Allowances that the Safe would give.
    pub approvals: Vec<Approval>,
    /// Why it must not be signed.
    pub refusals: Vec<Refusal>,
    /// What could not be looked at, and why. Then it does not pass.
    pub unseen: Vec<String>,
    /// What else a signer should know.
    pub notes: Vec<String>,
}

/// What to check, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The transaction.
    pub subject: &'a Subject,
    /// The hash that its file says it has.
    pub claimed_hash: Option<B256>,
    /// What the owner decided beforehand.
    pub rules: &'a Rules,
    /// Who will send it; matters to guards, and to an owner who agrees by sending.
    pub sender: Option<Address>,
    /// Tokens whose balances are compared even if nothing seems to move.
    pub tokens: &'a [Address],
}

impl Check {
    /// What can be said without a node. It does not pass: it was not played.
    pub fn of_bytes(question: Question<'_>) -> Self {
        let subject = question.subject;
        let hashes = subject.hashes();
        let (steps, mut refusals) = refusals_of_bytes(subject, question.rules);
        if let Some(claimed) = question.claimed_hash.filter(|hash| *hash != hashes.safe_tx) {
            let why = format!(
                "the file says its hash is {claimed} and it is {}: the fields were changed, or they are of another Safe, chain or version; do not sign",
                hashes.safe_tx
            );
            refusals.push(refusal("hash", why));
        }
        let mut notes = Vec::new();
        if !subject.version.binds_chain() {
            notes.push(format!("a Safe {} signs without the chain's id: a signature holds on every chain where this Safe has this address", subject.version));
        }
        if !subject.tx.safe_tx_gas.is_zero() {
            notes.push(
                "safeTxGas is not 0: if its call fails, the nonce is used up all the same"
                    .to_owned(),
            );
        }
        Self {
            passes: false,
            subject: subject.clone(),
            hashes,
            steps,
            block: None,
            block_time: None,
            before: None,
            after: None,
            changes: Vec::new(),
            moved: Vec::new(),
            approvals: Vec::new(),
            refusals,
            unseen: vec!["no node was asked: neither the Safe's state nor what the transaction does is known".to_owned()],
            notes,
        }
    }

    /// Looks at the Safe and plays the transaction on the newest state, as if enough owners had agreed, or with the
    /// signatures given.
    pub async fn on_chain(
        question: Question<'_>,
        nodes: &Nodes,
        signatures: Option<&alloy_primitives::Bytes>,
    ) -> Self {
        let mut check = Self::of_bytes(question);
        check.unseen.clear();
        let subject = question.subject;
        let found = match find(nodes, subject).await {
            Ok(found) => found,
            Err(error) => {
                check.unseen.push(format!("the Safe could not be read: {error}"));
                return check;
            }
        };
        check.compare(subject, &found, question.rules);
        check.block = Some(found.block);
        check.block_time = Some(found.block_time);
        check.before = Some(found.state.clone());
        if found.chain_id != subject.chain_id || subject.tx.nonce < found.state.nonce {
            check.unseen.push("it was not played: it cannot be carried out here".to_owned());
            return check;
        }
        let agreement = signatures.map_or(Agreement::Supposed(&found.state), Agreement::Signed);
        let sender = question.sender.or(found.state.owners.first().copied()).unwrap_or_default();
        match play(nodes, subject, &found, agreement, sender, question.tokens).await {
            Ok(played) => check.judge(&found.state, played, question.rules),
            Err(error) => check.unseen.push(format!(
                "it could not be played on the newest state ({error}): use a node with eth_simulateV1"
            )),
        }
        check.passes = check.refusals.is_empty() && check.unseen.is_empty();
        check
    }

    /// The Safe on the chain beside what is to be signed.
    fn compare(&mut self, subject: &Subject, found: &Found, rules: &Rules) {
        let mut no = |code, why: String| self.refusals.push(refusal(code, why));
        if found.chain_id != subject.chain_id {
            no(
                "chain",
                format!(
                    "the node is on chain {} and the transaction is for chain {}: correct the configuration, or do not sign",
                    found.chain_id, subject.chain_id
                ),
            );
        }
        if !found
            .version
            .parse()
            .is_ok_and(|version: super::SafeVersion| version == subject.version)
        {
            no(
                "version",
                format!(
                    "the Safe says it is version {} and the configuration says {}: correct `version`",
                    found.version, subject.version
                ),
            );
        }
        if found.own_hash != self.hashes.safe_tx {
            no(
                "hash",
                format!(
                    "the Safe itself computes the hash {} and we compute {}: it is another chain, version or contract; do not sign",
                    found.own_hash, self.hashes.safe_tx
                ),
            );
        }
        let (nonce, next) = (subject.tx.nonce, found.state.nonce);
        if nonce < next {
            no(
                "nonce-past",
                format!("nonce {nonce} is used up, the next one is {next}: propose it again"),
            );
        } else if nonce > next && !rules.nonce_ahead {
            no(
                "nonce-ahead",
                format!(
                    "nonce {nonce} is not the next one, which is {next}: others come first and may change everything; if that is wanted, say so with --nonce-ahead"
                ),
            );
        } else if nonce > next {
            self.notes.push(format!("played as if nonce {nonce} were next; it is {next}, and what comes before may change what it does"));
        }
    }

    /// The difference that it makes.
    fn judge(&mut self, before: &State, played: Played, rules: &Rules) {
        if let Some(failure) = &played.failure {
            self.refusals.push(refusal("fails", format!("it fails on the newest state ({failure}): it would do nothing, or not what it says")));
        }
        self.changes = before.changes(&played.after);
        for change in self.changes.iter().filter(|change| !rules.expected.contains(change)) {
            let code = if matches!(change, Change::Singleton(_)) {
                "singleton"
            } else {
                "unexpected-change"
            };
            let why = format!(
                "when it is played, {}: nobody said that this is wanted; do not sign, or say so with --expect {change}",
                change.meaning()
            );
            self.refusals.push(refusal(code, why));
        }
        for missing in rules.expected.iter().filter(|change| !self.changes.contains(change)) {
            self.refusals.push(refusal(
                "missing-change",
                format!("--expect {missing} was said, and when it is played that does not happen"),
            ));
        }
        if played.tokens_cut {
            self.unseen
                .push("more tokens move than are compared: divide the transaction".to_owned());
        }
        if before.balance != played.after.balance {
            self.moved.push(Moved {
                token: None,
                before: before.balance,
                after: played.after.balance,
            });
        }
        for (token, a, b) in played.tokens {
            match (a, b) {
                (Some(before), Some(after)) if before == after => {}
                (Some(before), Some(after)) => {
                    self.moved.push(Moved { token: Some(token), before, after });
                }
                _ => self.notes.push(format!(
                    "{token} moved and does not answer balanceOf(address): its balance is not known"
                )),
            }
        }
        // The last word on each allowance is the one that holds.
        let last: BTreeMap<_, _> = played
            .approvals
            .into_iter()
            .map(|(token, spender, amount)| ((token, spender), amount))
            .collect();
        let given = last.into_iter().filter(|(_, amount)| !amount.is_zero());
        self.approvals =
            given.map(|((token, spender), amount)| Approval { token, spender, amount }).collect();
        self.after = Some(played.after);
    }
}
