//! Seeded choices. Every draw is made from named streams, so that one more draw in one place moves
//! nothing in another, and the arithmetic is ours, so that a new version of a library moves nothing.

use alloy_primitives::U256;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

/// What a stream of choices is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// A transaction of the set-up: step and member.
    SetUp,
    /// The honest traffic of a block.
    Traffic,
    /// A transaction of the attack: step, repetition and member.
    Attack,
    /// A trial run that checks arguments; its values are not used.
    Trial,
}

/// One stream of choices.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `seed` for one purpose; `index` must be below 2^56.
    pub(crate) fn new(seed: u64, stream: Stream, index: u64) -> Self {
        let mut key = [0_u8; 32];
        for (to, from) in key.iter_mut().zip(seed.to_le_bytes()) {
            *to = from;
        }
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(((stream as u64) << 56) | index);
        Self(generator)
    }

    /// A uniform number from `low` to `high`, both included; `low` where the range is empty.
    pub(crate) fn uniform(&mut self, low: U256, high: U256) -> U256 {
        let Some(span) = high.checked_sub(low) else { return low };
        let bits = span.bit_len();
        let mask = if bits == 256 { U256::MAX } else { (U256::ONE << bits) - U256::ONE };
        // Rejection keeps the draw uniform. Each try succeeds with more than one half, so 256
        // misses in a row do not happen; the bound only keeps the loop finite.
        for _ in 0..256 {
            let draw = self.draw() & mask;
            if draw <= span {
                return low + draw;
            }
        }
        low
    }

    /// A uniform number from 0 to `count - 1`; 0 where `count` is 0.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.uniform(U256::ZERO, U256::from(count.saturating_sub(1))).to::<u64>()
    }

    fn draw(&mut self) -> U256 {
        let mut bytes = [0_u8; 32];
        self.0.fill_bytes(&mut bytes);
        U256::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64, stream: Stream, index: u64) -> Vec<u64> {
        let mut dice = Dice::new(seed, stream, index);
        (0..8).map(|_| dice.below(1_000_000)).collect()
    }

    #[test]
    fn a_stream_repeats_and_differs_from_every_other() {
        let first = draws(7, Stream::Traffic, 1);
        assert_eq!(first, draws(7, Stream::Traffic, 1));
        assert_ne!(first, draws(8, Stream::Traffic, 1));
        assert_ne!(first, draws(7, Stream::Traffic, 2));
        assert_ne!(first, draws(7, Stream::SetUp, 1));
    }

    #[test]
    fn the_bounds_are_included_and_kept() {
        let mut dice = Dice::new(1, Stream::Trial, 0);
        let (low, high) = (U256::from(10), U256::from(13));
        let mut seen = [false; 4];
        for _ in 0..200 {
            let draw = dice.uniform(low, high);
            assert!(low <= draw && draw <= high);
            seen[(draw - low).to::<usize>()] = true;
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(dice.uniform(low, low), low);
        dice.uniform(U256::ZERO, U256::MAX);
    }
}
