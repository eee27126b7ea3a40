//! The rehearsal: what would happen on the newest state if the lever were pulled (ACT-4).
//!
//! Played are the attack alone, and then, in one simulated block, the pull, the verify view and the attack again. Where
//! the node has no `eth_simulateV1`, each is called by itself; then nobody knows whether the pull sticks, and the
//! record says so.

mod effects;
mod honest;

use alloy_primitives::{Address, U64};
use portcullis_types::action::{AttackSample, Call, Rehearsal, ViewCheck};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use self::effects::SimulatedCall;
pub(crate) use self::honest::honest;
use crate::nodes::{Head, NodeError, Nodes};

/// Gas of a view in a simulation.
const VIEW_GAS: u64 = 3_000_000;
/// Gas of an attack in a simulation: the most that one transaction may have on Ethereum (EIP-7825).
const ATTACK_GAS: u64 = 1 << 24;

/// What is to be rehearsed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Play<'a> {
    pub(crate) responder: Address,
    pub(crate) call: &'a Call,
    pub(crate) verify: &'a ViewCheck,
    pub(crate) attack: Option<&'a AttackSample>,
    /// Contracts whose losses count.
    pub(crate) covers: &'a [Address],
}

/// Rehearses on the state after `head`.
pub(crate) async fn rehearse(
    nodes: &Nodes,
    play: Play<'_>,
    head: Head,
) -> Result<Rehearsal, NodeError> {
    let alone = async {
        match play.attack {
            Some(attack) => simulate(nodes, head.id.number, &[attack_call(attack)]).await.map(Some),
            None => Ok(None),
        }
    };
    let calls = play.calls(true);
    let (without, with) = tokio::join!(alone, simulate(nodes, head.id.number, &calls));
    let missing = |error: &NodeError| error.is_missing_method();
    if without.as_ref().is_err_and(missing) || with.as_ref().is_err_and(missing) {
        return rehearse_by_parts(nodes, play, head).await;
    }
    let without = match without {
        Ok(calls) => calls.and_then(|calls| calls.into_iter().next()),
        Err(error) if error.is_silence() => return Err(error),
        // The node would not even try it: its sender cannot pay for it, for instance.
        Err(_) => None,
    };
    let with = match with {
        Err(error) if !error.is_silence() && play.attack.is_some() => {
            simulate(nodes, head.id.number, &play.calls(false)).await?
        }
        answer => answer?,
    };
    Ok(judge(play, head, without.as_ref(), &with))
}

/// Plays the calls one after another in one simulated block: `eth_simulateV1`.
async fn simulate(
    nodes: &Nodes,
    block: u64,
    calls: &[Json],
) -> Result<Vec<SimulatedCall>, NodeError> {
    simulate_at(nodes, block, calls, None).await
}

/// The same, in a block at a time of its own (Unix seconds).
async fn simulate_at(
    nodes: &Nodes,
    block: u64,
    calls: &[Json],
    time: Option<u64>,
) -> Result<Vec<SimulatedCall>, NodeError> {
    #[derive(Debug, Deserialize)]
    struct Block {
        calls: Vec<SimulatedCall>,
    }
    let method = "eth_simulateV1";
    let mut simulated = json!({"calls": calls});
    if let (Some(time), Some(fields)) = (time, simulated.as_object_mut()) {
        fields.insert("blockOverrides".to_owned(), json!({"time": U64::from(time)}));
    }
    let payload = json!({
        "blockStateCalls": [simulated],
        "traceTransfers": true,
        "validation": false,
    });
    let number = U64::from(block);
    let blocks: Vec<Block> = nodes.request(method, json!([payload, number])).await?;
    let answers: Vec<SimulatedCall> = blocks.into_iter().flat_map(|block| block.calls).collect();
    if answers.len() == calls.len() {
        return Ok(answers);
    }
    let message = format!("{} answers to {} calls", answers.len(), calls.len());
    Err(NodeError::Refused { method, code: 0, message })
}

/// Plays one call of `from` and a view after it, in a block at `time` (Unix seconds): whether both do what they should.
pub(crate) async fn play_at(
    nodes: &Nodes,
    from: Address,
    (call, view): (&Call, &ViewCheck),
    (head, time): (Head, u64),
) -> Result<bool, NodeError> {
    let calls = [lever_call(from, call), view_call(from, view)];
    let answers = simulate_at(nodes, head.id.number, &calls, Some(time)).await?;
    let [call, answer] = answers.as_slice() else { return Ok(false) };
    Ok(call.success() && holds(view, answer))
}

/// Plays a pull, its view, an undo and its view: whether each does what it should.
pub(crate) async fn pull_and_undo(
    nodes: &Nodes,
    responder: Address,
    steps: &[(&Call, &ViewCheck)],
) -> Result<bool, NodeError> {
    let head = nodes.head().await?;
    let mut calls = Vec::new();
    for (call, view) in steps {
        calls.push(lever_call(responder, call));
        calls.push(view_call(responder, view));
    }
    let answers = simulate(nodes, head.id.number, &calls).await?;
    let mut all_right = true;
    for ((_, view), pair) in steps.iter().zip(answers.chunks(2)) {
        let [call, answer] = pair else { return Ok(false) };
        all_right &= call.success() && holds(view, answer);
    }
    Ok(all_right)
}

impl Play<'_> {
    fn calls(&self, with_attack: bool) -> Vec<Json> {
        let mut calls =
            vec![lever_call(self.responder, self.call), view_call(self.responder, self.verify)];
        if let (true, Some(attack)) = (with_attack, self.attack) {
            calls.push(attack_call(attack));
        }
        calls
    }
}

fn lever_call(responder: Address, call: &Call) -> Json {
    json!({"from": responder, "to": call.to, "input": call.data, "gas": U64::from(call.gas_limit)})
}

fn view_call(responder: Address, view: &ViewCheck) -> Json {
    json!({"from": responder, "to": view.to, "input": view.data, "gas": U64::from(VIEW_GAS)})
}

fn attack_call(attack: &AttackSample) -> Json {
    json!({
        "from": attack.from,
        "to": attack.to,
        "value": attack.value,
        "input": attack.input,
        "gas": U64::from(ATTACK_GAS),
    })
}

fn holds(view: &ViewCheck, answer: &SimulatedCall) -> bool {
    answer.success() && view.is_met_by(&answer.return_data)
}

fn judge(
    play: Play<'_>,
    head: Head,
    without: Option<&SimulatedCall>,
    with: &[SimulatedCall],
) -> Rehearsal {
    let pulled = with.first().is_some_and(SimulatedCall::success);
    let sticks = pulled && with.get(1).is_some_and(|answer| holds(play.verify, answer));
    let works_without = without.map(SimulatedCall::success);
    let works_with = match (without, with.get(2)) {
        (Some(without), Some(with)) if without.success() => {
            Some(with.still_works(without, play.covers))
        }
        _ => None,
    };
    let lever = match with.first() {
        Some(call) if !call.success() => format!("the call reverts ({})", call.failure()),
        _ if sticks => format!("after the call, {}", play.verify.meaning),
        _ => format!("after the call, it is not so that {}", play.verify.meaning),
    };
    let attack = match (play.attack, works_without, works_with) {
        (None, ..) => "no attack to play",
        (Some(_), Some(true), Some(true)) => "the attack works without and with it",
        (Some(_), Some(true), Some(false)) => "the attack works without it and is stopped by it",
        (Some(_), Some(true), None) => {
            "the attack works without it and could not be played with it"
        }
        (Some(_), _, _) => "the attack cannot be played on this state",
    };
    Rehearsal {
        block: head.id.number,
        sticks,
        attack_works_without: works_without,
        attack_works_with: works_with,
        detail: format!("{lever}; {attack}"),
        honest: None,
    }
}

/// The rehearsal where the node cannot simulate a sequence.
async fn rehearse_by_parts(
    nodes: &Nodes,
    play: Play<'_>,
    head: Head,
) -> Result<Rehearsal, NodeError> {
    let attack_alone = async {
        let attack = play.attack?;
        let params = json!([attack_call(attack), "latest"]);
        Some(nodes.request::<Json>("eth_call", params).await)
    };
    let (pull, attack) = tokio::join!(nodes.call(play.responder, play.call), attack_alone);
    let (sticks, lever) = match pull {
        Ok(_) => (true, "the call does not revert".to_owned()),
        Err(error) if error.is_silence() => return Err(error),
        Err(error) => (false, format!("the call fails ({error})")),
    };
    Ok(Rehearsal {
        block: head.id.number,
        sticks,
        attack_works_without: attack.and_then(|answer| match answer {
            Ok(_) => Some(true),
            Err(error) => error.is_revert().then_some(false),
        }),
        attack_works_with: None,
        honest: None,
        detail: format!(
            "{lever}; the node has no eth_simulateV1, so whether it sticks and stops the attack is not known"
        ),
    })
}
