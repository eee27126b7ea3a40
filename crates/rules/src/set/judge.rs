//! One evaluation of one rule.

use alloy_primitives::U256;
use portcullis_types::{
    evidence::Evidence,
    money::{Asset, Usd},
};

use super::{
    Health, Inspection, Match, NoAnswer,
    items::{Item, arguments, concerned, fits},
};
use crate::{
    abi::{Arguments, Signature},
    eval::{Env, Failure, eval, truth},
    limits::MATCHES_MAX,
    rule::Rule,
    ty::Message,
    value::Value,
    window::Window,
    world::World,
};

/// What evaluations of one transaction share.
pub(super) struct Bench<'e> {
    pub(super) world: &'e World,
    pub(super) signatures: &'e [Signature],
    pub(super) evidence: &'e Evidence,
}

/// What one part of a transaction was decoded to: by signature, once for all rules.
pub(super) type Decoded<'e> = Vec<(usize, Arguments<'e>)>;

impl<'e> Bench<'e> {
    /// Evaluates one rule on one part of the transaction.
    pub(super) fn evaluate(
        &self,
        (number, rule): (usize, &Rule),
        item: &Item,
        decoded: &mut Decoded<'e>,
        (window, health): (&mut Window, &mut Health),
        out: &mut Inspection,
    ) {
        // Where it can say no it is asked before, elsewhere only when there is something to say.
        let concerned = || concerned(rule, self.world, self.evidence, item);
        let of_the_whole = (rule.subject == Message::Tx).then(concerned);
        if of_the_whole == Some(None) {
            return;
        }
        let contract = || of_the_whole.unwrap_or_else(concerned);
        let signature = |place: usize| self.signatures.get(place);
        let wanted = rule.signatures.iter().find(|wanted| {
            signature(wanted.signature).is_some_and(|s| fits(s, self.evidence, item))
        });
        if !rule.signatures.is_empty() && wanted.is_none() {
            return;
        }
        if let Some(wanted) = wanted
            && !decoded.iter().any(|(known, _)| *known == wanted.signature)
            && let Some(signature) = signature(wanted.signature)
            && let Some(arguments) = arguments(signature, self.evidence, item)
        {
            decoded.push((wanted.signature, arguments));
        }
        let mut env = Env::new(self.world, self.evidence);
        env.subject = item.subject;
        env.args = wanted.and_then(|wanted| {
            let found = decoded.iter().find(|(known, _)| *known == wanted.signature);
            found.map(|(_, arguments)| (arguments, &wanted.places[..]))
        });
        let dropped_before = window.groups_dropped + window.blocks_dropped;
        let said = judge(rule, &mut env, window);
        out.dropped |= window.groups_dropped + window.blocks_dropped > dropped_before;
        health.evaluations += 1;
        match said {
            Ok(None) => {}
            Ok(Some((loss, amount))) => {
                // Of each rule by itself: a flood of what one sees must not hide what another sees.
                if out.matches.iter().filter(|one| one.rule == number).count() >= MATCHES_MAX {
                    health.dropped += 1;
                    out.dropped = true;
                    return;
                }
                let sentence = rule.explain.fill(&mut env);
                let Some(contract) = contract() else { return };
                out.matches.push(Match { rule: number, contract, loss, amount, sentence });
            }
            Err(failure) => {
                health.failures += 1;
                health.last_failure = Some(failure.clone());
                if !out.no_answers.iter().any(|one| one.rule == number && one.failure == failure) {
                    let Some(contract) = contract() else { return };
                    out.no_answers.push(NoAnswer { rule: number, contract, failure });
                }
            }
        }
    }
}

type Loss = (Usd, Option<(Asset, U256)>);

/// Whether the rule speaks, and of which loss.
fn judge(rule: &Rule, env: &mut Env<'_>, window: &mut Window) -> Result<Option<Loss>, Failure> {
    if let Some(when) = &rule.when
        && !truth(when, env)?
    {
        return Ok(None);
    }
    if let Some(spec) = &rule.window {
        let key = match &spec.by {
            Some(by) => eval(by, env)?,
            None => Value::Bool(true),
        };
        let value = match &spec.of {
            Some(of) => eval(of, env)?,
            None => Value::Uint(U256::ONE),
        };
        let (block, timestamp) = (env.evidence.block, env.evidence.timestamp);
        let Some(measure) = window.enter(&spec.spec, &key, block, timestamp, value)? else {
            return Ok(None);
        };
        env.measure = Some(measure);
        env.key = Some(key);
    }
    match &rule.loss {
        None => Ok(Some((Usd::ZERO, None))),
        Some(loss) => match eval(loss, env)? {
            Value::Usd(usd) => Ok(Some((usd.max_zero(), None))),
            Value::Amount(asset, raw) => {
                Ok(Some((env.world.value(asset, raw), Some((asset, raw)))))
            }
            _ => Err(Failure::NotConvertible),
        },
    }
}
