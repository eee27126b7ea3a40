//! Playing a lever against the attack it must stop, before it is pulled.
//!
//! An attack *works* if its transaction succeeds as a whole. A lever that lets it succeed with smaller takings therefore
//! counts as one that does not stop it; and an attack that catches the failure of its own calls counts as working though
//! it gains nothing. The rehearsal plays in the given block: a lever whose effect begins later does not show.

use alloy_primitives::Address;
use portcullis_types::{
    action::{AttackSample, Lever, Rehearsal, ViewCheck},
    wire::WireBlock,
};

use crate::{
    call::{Call, Played, Scratch},
    error::SimulateError,
    replay::Replayer,
};

impl Replayer {
    /// Plays, on the current state and in `block`: the attack; the lever, pulled by `responder`, and its verify view;
    /// the attack again. Gas has no price and no account's nonce matters. The state stays as it is.
    ///
    /// What could not be played says so in `detail`: a lever that could not be played does not stick, an attack that
    /// could not be played neither works nor fails.
    pub fn rehearse(
        &mut self,
        lever: &Lever,
        responder: Address,
        attack: Option<&AttackSample>,
        block: &WireBlock,
    ) -> Rehearsal {
        self.try_rehearse(lever, responder, attack, block).unwrap_or_else(|error| Rehearsal {
            block: block.number.to(),
            sticks: false,
            attack_works_without: None,
            attack_works_with: None,
            honest: None,
            detail: format!("could not be played: {error}"),
        })
    }

    fn try_rehearse(
        &self,
        lever: &Lever,
        responder: Address,
        attack: Option<&AttackSample>,
        block: &WireBlock,
    ) -> Result<Rehearsal, SimulateError> {
        let gas_limit = block.gas_limit.to();
        let mut details = Vec::new();
        let mut try_attack = |scratch: &mut Scratch<'_>, when: &str| {
            let played = scratch.play(attack_call(attack?, gas_limit), false);
            details.push(format!("the attack {when}: {}", ending(&played)));
            played.ok().map(|played| played.output.is_ok())
        };
        let mut without = Scratch::new(self, block, false)?;
        let attack_works_without = try_attack(&mut without, "without the lever");

        let mut with = Scratch::new(self, block, false)?;
        with.suppose(responder);
        let pulled = with.play(lever_call(lever, responder), true);
        let verified = check(&mut with, &lever.verify);
        let is_pulled = pulled.as_ref().is_ok_and(|played| played.output.is_ok());
        let sticks = is_pulled && verified == Ok(true);
        // Of a lever that was not pulled there is nothing to say about the attack.
        let attack_works_with =
            if is_pulled { try_attack(&mut with, "with the lever pulled") } else { None };
        let verify_ending = match verified {
            Ok(true) => "holds".to_owned(),
            Ok(false) => "does not hold".to_owned(),
            Err(why) => format!("could not be read ({why})"),
        };
        let gas = lever.call.gas_limit;
        let mut all = vec![
            format!("lever {} with {gas} gas: {}", lever.name, ending(&pulled)),
            format!("`{}` {verify_ending}", lever.verify.meaning),
        ];
        all.append(&mut details);
        let detail = all.join("; ");
        let block = block.number.to();
        Ok(Rehearsal {
            block,
            sticks,
            attack_works_without,
            attack_works_with,
            detail,
            honest: None,
        })
    }
}

fn attack_call(attack: &AttackSample, gas_limit: u64) -> Call {
    Call {
        from: attack.from,
        to: attack.to,
        value: attack.value,
        data: attack.input.clone(),
        gas_limit,
    }
}

fn lever_call(lever: &Lever, responder: Address) -> Call {
    // A Warden's arguments are made when the lever is pulled; what it does to the target is known before.
    let (from, to, data) = match &lever.warden {
        Some(pull) => (pull.warden, pull.target, &pull.data),
        None => (responder, lever.call.to, &lever.call.data),
    };
    Call {
        from,
        to,
        value: alloy_primitives::U256::ZERO,
        data: data.clone(),
        gas_limit: lever.call.gas_limit,
    }
}

fn check(scratch: &mut Scratch<'_>, view: &ViewCheck) -> Result<bool, String> {
    let output = scratch.play(Call::view(view.to, view.data.clone()), false)?.output?;
    let word = view.word_of(&output).ok_or_else(|| "the answer is too short".to_owned())?;
    Ok(word == view.expect)
}

fn ending(played: &Result<Played, String>) -> String {
    match played {
        Ok(Played { output: Ok(_), gas_used, .. }) => format!("succeeded with {gas_used} gas"),
        Ok(Played { output: Err(why), .. }) => why.clone(),
        Err(why) => format!("could not be played ({why})"),
    }
}
