//! What the signer may sign: a closed list of calls, a ceiling on fees, a limit on how often.

use alloy_primitives::{Address, Bytes, FixedBytes};
use alloy_sol_types::SolCall as _;
use portcullis_types::{
    action::{Call, Lever, Undo},
    ids::ChainId,
};
use serde::{Deserialize, Serialize};

use super::{
    SignRequest,
    attest::{self, AllowedWarden, Attestation},
};
use crate::{
    safe::{Subject, is_exec_of},
    warden::{postHeartbeatCall, pullCall, releaseCall},
};

/// What the signer may sign. Everything else it refuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// The calls, to the byte.
    pub calls: Vec<AllowedCall>,
    /// Most wei that one transaction may cost: gas limit × fee cap.
    pub cost_max_wei: u128,
    /// Most signatures within any hour. A fee bump is a signature.
    pub signatures_per_hour_max: u32,
    /// Transactions of Safes that may be signed as their owner, and carried out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub safe_transactions: Vec<Subject>,
    /// Functions whose arguments are made when they are called: a Warden's, which anybody may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relays: Vec<AllowedRelay>,
    /// What a sentinel may sign for Wardens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wardens: Vec<AllowedWarden>,
    /// What a call that stops something may cost, where that is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
}

/// A higher ceiling for calls that stop something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emergency {
    /// Most wei that one transaction may cost: gas limit × fee cap.
    pub cost_max_wei: u128,
    /// The calls, to the byte.
    pub calls: Vec<AllowedCall>,
    /// Functions with any arguments.
    pub relays: Vec<AllowedRelay>,
}

/// A function that may be called with any arguments. Only for functions that grant their caller nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedRelay {
    /// Chain.
    pub chain_id: ChainId,
    /// Contract.
    pub to: Address,
    /// The function.
    pub selector: FixedBytes<4>,
}

/// One call that may be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedCall {
    /// Chain.
    pub chain_id: ChainId,
    /// Contract.
    pub to: Address,
    /// The exact call data.
    pub data: Bytes,
}

/// A policy file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the signer's policy cannot be read: {reason}; write it anew from the configuration")]
pub struct PolicyError {
    /// What is wrong with it.
    reason: String,
}

impl Policy {
    /// The policy that lets the responder pull these levers, and let go of those that it may let go of.
    pub fn for_levers(levers: &[Lever], cost_max_wei: u128, signatures_per_hour_max: u32) -> Self {
        let (mut calls, mut relays) = (Vec::new(), Vec::new());
        for lever in levers {
            if let Some(pull) = &lever.warden {
                for selector in [pullCall::SELECTOR, releaseCall::SELECTOR] {
                    relays.push(AllowedRelay::new(lever.chain, pull.warden, selector));
                }
                continue;
            }
            calls.push(AllowedCall::new(lever.chain, &lever.call));
            calls.extend(lever.forms.iter().map(|form| AllowedCall::new(lever.chain, &form.call)));
            if let Undo::ByCall { call, .. } = &lever.undo {
                calls.push(AllowedCall::new(lever.chain, call));
            }
        }
        Self { calls, cost_max_wei, signatures_per_hour_max, relays, ..Self::default() }
    }

    /// The same where pulling one of these levers may cost up to `cost_max_wei` a transaction. Letting go may not.
    #[must_use]
    pub fn with_emergency(self, levers: &[Lever], cost_max_wei: u128) -> Self {
        let (mut calls, mut relays) = (Vec::new(), Vec::new());
        for lever in levers {
            match &lever.warden {
                Some(pull) => {
                    relays.push(AllowedRelay::new(lever.chain, pull.warden, pullCall::SELECTOR));
                }
                None => calls.push(AllowedCall::new(lever.chain, &lever.call)),
            }
        }
        Self { emergency: Some(Emergency { cost_max_wei, calls, relays }), ..self }
    }

    /// Most wei that this request may cost.
    fn cost_max(&self, request: &SignRequest) -> u128 {
        let stops = |emergency: &&Emergency| {
            emergency.calls.iter().any(|call| call.is(request))
                || emergency.relays.iter().any(|relay| relay.is(request))
        };
        let emergency = self.emergency.as_ref().filter(stops);
        emergency.map_or(self.cost_max_wei, |higher| higher.cost_max_wei.max(self.cost_max_wei))
    }

    /// The policy of a sentinel: orders and heartbeats for the Wardens of these levers, its heartbeats' own transactions,
    /// and releases, which the Warden takes from anybody once a hold's time is over and from no sentinel before. It can
    /// call nothing else.
    pub fn for_sentinel(
        levers: &[Lever],
        cost_max_wei: u128,
        signatures_per_hour_max: u32,
        orders_per_hour_max: u32,
    ) -> Self {
        let wardens = attest::allowed(levers, orders_per_hour_max);
        let functions = [postHeartbeatCall::SELECTOR, releaseCall::SELECTOR];
        let relays = wardens.iter().flat_map(|one| {
            functions.map(|selector| AllowedRelay::new(one.chain_id, one.warden, selector))
        });
        let relays = relays.collect();
        Self { cost_max_wei, signatures_per_hour_max, relays, wardens, ..Self::default() }
    }

    /// Why `asked` may not be signed; none if it may. `unix` is the wall clock in seconds, `recent` how many orders for
    /// that Warden the last hour saw.
    pub fn attestation_refusal(
        &self,
        asked: &Attestation,
        unix: u64,
        recent: usize,
    ) -> Option<String> {
        attest::refusal(&self.wardens, asked, unix, recent)
    }

    /// Reads a policy from JSON.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        serde_json::from_str(text).map_err(|error| PolicyError { reason: error.to_string() })
    }

    /// Why `request` may not be signed; none if it may. `recent` is how many signatures the last hour saw.
    pub fn refusal(&self, request: &SignRequest, recent: usize) -> Option<String> {
        if !request.value.is_zero() {
            return Some(format!(
                "it would send {} wei along: only calls without value are signed",
                request.value
            ));
        }
        let carries_out = |subject: &Subject| {
            subject.chain_id == request.chain_id
                && subject.safe == request.to
                && is_exec_of(&subject.tx, &request.data)
        };
        let is_relayed = self.relays.iter().any(|relay| relay.is(request));
        if !is_relayed
            && !self.calls.iter().any(|call| call.is(request))
            && !self.safe_transactions.iter().any(carries_out)
        {
            return Some(format!(
                "this call to {} on chain {} is not in the policy: add its lever to the configuration and restart the signer",
                request.to, request.chain_id
            ));
        }
        let cost_max_wei = self.cost_max(request);
        match request.cost_max_wei() {
            Some(cost) if cost <= cost_max_wei => {}
            _ => {
                return Some(format!(
                    "gas limit {} at {} wei may cost more than the ceiling of {} wei a transaction: raise the ceiling or lower the fee",
                    request.gas_limit, request.max_fee_per_gas, cost_max_wei
                ));
            }
        }
        if request.max_priority_fee_per_gas > request.max_fee_per_gas {
            return Some(
                "the tip is above the fee cap: no node takes such a transaction".to_owned(),
            );
        }
        self.too_often(recent)
    }

    /// Why the transaction of a Safe may not be signed as its owner; none if it may.
    pub fn safe_refusal(&self, subject: &Subject, recent: usize) -> Option<String> {
        if !self.safe_transactions.contains(subject) {
            return Some(format!(
                "this transaction of the Safe {} is not the one that the signer was started for: give both the same file",
                subject.safe
            ));
        }
        self.too_often(recent)
    }

    fn too_often(&self, recent: usize) -> Option<String> {
        (recent >= self.signatures_per_hour_max as usize).then(|| {
            format!(
                "{} signatures within an hour are the limit: wait, or raise it after finding out what asked so often",
                self.signatures_per_hour_max
            )
        })
    }
}

impl AllowedRelay {
    fn new(chain_id: ChainId, to: Address, selector: [u8; 4]) -> Self {
        Self { chain_id, to, selector: selector.into() }
    }

    fn is(&self, request: &SignRequest) -> bool {
        self.chain_id == request.chain_id
            && self.to == request.to
            && request.data.starts_with(self.selector.as_slice())
    }
}

impl AllowedCall {
    fn new(chain_id: ChainId, call: &Call) -> Self {
        Self { chain_id, to: call.to, data: call.data.clone() }
    }

    fn is(&self, request: &SignRequest) -> bool {
        self.chain_id == request.chain_id && self.to == request.to && self.data == request.data
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    const PAUSE: &[u8] = &[0x84, 0x56, 0xcb, 0x59];

    fn policy() -> Policy {
        let call = AllowedCall {
            chain_id: 1,
            to: Address::repeat_byte(0xaa),
            data: Bytes::from_static(PAUSE),
        };
        Policy {
            calls: vec![call],
            cost_max_wei: 1_000_000,
            signatures_per_hour_max: 3,
            ..Policy::default()
        }
    }

    fn request() -> SignRequest {
        SignRequest {
            chain_id: 1,
            nonce: 0,
            to: Address::repeat_byte(0xaa),
            data: Bytes::from_static(PAUSE),
            gas_limit: 100_000,
            max_fee_per_gas: 10,
            max_priority_fee_per_gas: 1,
            value: U256::ZERO,
        }
    }

    #[test]
    fn only_what_is_listed_is_signed() {
        let policy = policy();
        assert_eq!(policy.refusal(&request(), 0), None);
        assert_eq!(policy.refusal(&SignRequest { nonce: 99, ..request() }, 2), None);

        let longer = Bytes::from([PAUSE, &[0]].concat());
        let cases = [
            ("chain", SignRequest { chain_id: 2, ..request() }, 0, "not in the policy"),
            (
                "callee",
                SignRequest { to: Address::repeat_byte(0xab), ..request() },
                0,
                "not in the policy",
            ),
            (
                "selector",
                SignRequest { data: Bytes::from_static(&[0x3f, 0x4b, 0xa8, 0x3a]), ..request() },
                0,
                "not in the policy",
            ),
            ("trailing byte", SignRequest { data: longer, ..request() }, 0, "not in the policy"),
            ("no data", SignRequest { data: Bytes::new(), ..request() }, 0, "not in the policy"),
            ("value", SignRequest { value: U256::ONE, ..request() }, 0, "1 wei along"),
            (
                "value of 2^255",
                SignRequest { value: U256::ONE << 255, ..request() },
                0,
                "wei along",
            ),
            ("one wei dearer", SignRequest { gas_limit: 100_001, ..request() }, 0, "ceiling"),
            (
                "fee overflows",
                SignRequest { max_fee_per_gas: u128::MAX, ..request() },
                0,
                "ceiling",
            ),
            ("tip above cap", SignRequest { max_priority_fee_per_gas: 11, ..request() }, 0, "tip"),
            ("too often", request(), 3, "within an hour"),
        ];
        for (name, request, recent, words) in cases {
            let why =
                policy.refusal(&request, recent).unwrap_or_else(|| panic!("{name} is signed"));
            assert!(why.contains(words), "{name}: {why}");
        }
    }

    #[test]
    fn only_what_stops_may_cost_more_in_an_emergency() {
        let policy = policy();
        let stops = policy.calls.clone();
        let lets_go = AllowedCall { data: Bytes::from_static(&[0x3f]), ..stops[0].clone() };
        let emergency = Emergency { cost_max_wei: 3_000_000, calls: stops, relays: Vec::new() };
        let calls = [policy.calls.clone(), vec![lets_go]].concat();
        let policy = Policy { emergency: Some(emergency), calls, ..policy };
        let dear = SignRequest { max_fee_per_gas: 30, ..request() };
        assert_eq!(policy.refusal(&dear, 0), None);
        let dearer = SignRequest { gas_limit: 100_001, ..dear.clone() };
        assert!(policy.refusal(&dearer, 0).unwrap().contains("3000000 wei"));
        let release = SignRequest { data: Bytes::from_static(&[0x3f]), ..dear };
        assert!(policy.refusal(&release, 0).unwrap().contains("1000000 wei"));
    }

    #[test]
    fn a_relay_is_of_one_function_of_one_contract() {
        let relay = AllowedRelay::new(1, Address::repeat_byte(0xaa), [0x84, 0x56, 0xcb, 0x59]);
        let policy = Policy { calls: Vec::new(), relays: vec![relay], ..policy() };
        let longer = Bytes::from([PAUSE, &[1; 32]].concat());
        assert_eq!(policy.refusal(&SignRequest { data: longer, ..request() }, 0), None);
        for other in [
            SignRequest { chain_id: 2, ..request() },
            SignRequest { to: Address::ZERO, ..request() },
            SignRequest { data: Bytes::from_static(&[0x84, 0x56, 0xcb]), ..request() },
            SignRequest { data: Bytes::from_static(&[0x3f, 0x4b, 0xa8, 0x3a]), ..request() },
            SignRequest { value: U256::ONE, ..request() },
        ] {
            assert!(policy.refusal(&other, 0).is_some(), "{other:?}");
        }
    }

    #[test]
    fn a_policy_with_an_unknown_word_is_no_policy() {
        let text = serde_json::to_string(&policy()).unwrap();
        assert_eq!(Policy::from_json(&text).unwrap(), policy());
        let misspelt = text.replace("costMaxWei", "costMax");
        assert!(Policy::from_json(&misspelt).unwrap_err().to_string().contains("costMax"));
    }
}
