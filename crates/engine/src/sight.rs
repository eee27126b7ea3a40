//! Protocols that depend on more chains than their own: which chains those are, and how far they were seen.

use portcullis_detect::{ConfigError, Findings};
use portcullis_types::{chain::BlockId, ids::ChainId};

use crate::{
    chain_state::ChainState,
    event::Config,
    guard::Guard,
    step::{Engine, Step},
};

impl Engine {
    /// Tells the guards that depend on a chain how far it was seen.
    pub(crate) fn tell_seen(&mut self, step: &mut Step, chain: ChainId) {
        let Some(state) = self.chains.get_mut(&chain) else { return };
        let Some((block, seen)) = state.seen() else { return };
        for index in 0..self.guards.len() {
            let mut findings = Findings::default();
            if let Some(guard) = self.guards.get_mut(index)
                && guard.concerns(chain)
            {
                guard.seen(chain, seen, &mut findings);
            }
            self.raise_from(step, index, (chain, block), findings);
        }
    }

    /// Raises what was found in a block of any chain; it is weighed as of the newest block of the protocol's own.
    pub(crate) fn raise_from(
        &mut self,
        step: &mut Step,
        index: usize,
        (chain, block): (ChainId, BlockId),
        findings: Findings,
    ) {
        let own = self.guards.get(index).map_or(chain, |guard| guard.config.protocol.chain);
        let newest = self.chains.get(&own).and_then(ChainState::newest_inspected);
        let block = if own == chain { block } else { newest.unwrap_or(block) };
        self.raise(step, index, block, findings);
    }
}

/// Builds the guards of a configuration.
pub(crate) fn guards(config: &Config) -> Result<Vec<Guard>, ConfigError> {
    let known: Vec<ChainId> = config.chains.iter().map(|settings| settings.chain).collect();
    let mut guards = Vec::new();
    for protocol in &config.protocols {
        let guard = Guard::new(protocol.clone())?;
        if let Some((detector, chain)) = guard.unknown_chain(&known) {
            return Err(ConfigError {
                detector,
                field: "sourceChain".to_owned(),
                problem: format!("chain {chain} is not among the chains that are read"),
                remedy: "add it to `chains` with a node of its own".to_owned(),
            });
        }
        guards.push(guard);
    }
    Ok(guards)
}
