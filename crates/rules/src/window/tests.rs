use alloy_primitives::B256;
use proptest::prelude::*;

use super::*;

fn block(number: u64, fork: u8) -> BlockId {
    BlockId { number, hash: B256::repeat_byte(fork) }
}

fn number(value: u64) -> Value {
    Value::Uint(U256::from(value))
}

/// What happened: at which block and second, in which group, which value.
#[derive(Debug, Clone, Copy)]
struct Entered {
    block: BlockId,
    second: u64,
    group: u64,
    value: u64,
}

/// The naive answer: everything is kept, and added up from nothing each time.
fn naive(spec: &Spec, all: &[Entered], now: Entered) -> Option<u64> {
    let inside = |entered: &&Entered| {
        entered.group == now.group
            && match spec.over {
                Span::Seconds(length) => entered.second + length > now.second,
                Span::Blocks(length) => entered.block.number + length > now.block.number,
            }
    };
    let values: Vec<u64> = all.iter().filter(inside).map(|entered| entered.value).collect();
    match spec.measure {
        Measure::Max => values.into_iter().max(),
        _ => values.into_iter().reduce(|a, b| a + b),
    }
}

fn reaches(spec: &Spec, value: Option<u64>) -> bool {
    let Value::Uint(bound) = &spec.at_least else { return false };
    let factor = |n: u64| if spec.measure == Measure::Rate { n } else { 1 };
    value.is_some_and(|value| {
        U256::from(value) * U256::from(factor(spec.per))
            >= *bound * U256::from(factor(spec.over.length()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn a_window_agrees_with_adding_up_everything(
        kind in 0usize..4,
        by_blocks in any::<bool>(),
        length in 1u64..40,
        bound in 1u64..60,
        steps in proptest::collection::vec((0u64..6, 0u64..3, 0u64..20, 0u8..10, 0usize..4), 1..80),
    ) {
        let measure = [Measure::Count, Measure::Sum, Measure::Max, Measure::Rate][kind];
        let over = if by_blocks { Span::Blocks(length) } else { Span::Seconds(length * 3) };
        let spec = Spec { measure, over, per: 2, at_least: number(bound) };
        let mut window = Window::default();
        let mut all: Vec<Entered> = Vec::new();
        let (mut height, mut fork) = (1u64, 0u8);
        for (ahead, group, value, reorg, depth) in steps {
            if reorg == 0 && !all.is_empty() {
                // Whole blocks go: all from a height on.
                let from = height.saturating_sub(depth as u64);
                let gone: Vec<BlockId> = all.iter().map(|e| e.block).filter(|b| b.number >= from).collect();
                window.retract(&gone);
                all.retain(|entered| entered.block.number < from);
                height = from;
                fork += 1;
            }
            height += ahead;
            let value = if measure == Measure::Count { 1 } else { value };
            let now = Entered { block: block(height, fork), second: height * 3, group, value };
            let before = naive(&spec, &all, now);
            all.push(now);
            let after = naive(&spec, &all, now);
            let expected = !reaches(&spec, before) && reaches(&spec, after);
            let fired = window.enter(&spec, &number(group), now.block, now.second, number(value)).unwrap();
            prop_assert_eq!(fired.is_some(), expected, "{:?} {:?}", spec, all);
            if let Some(shown) = fired {
                let after = after.unwrap_or_default();
                let wanted = if measure == Measure::Rate { after * 2 / spec.over.length() } else { after };
                prop_assert_eq!(shown, number(wanted));
            }
        }
    }
}

#[test]
fn groups_and_blocks_are_bounded_and_what_is_dropped_is_counted() {
    let spec = Spec {
        measure: Measure::Count,
        over: Span::Blocks(100_000),
        per: 1,
        at_least: number(u64::MAX),
    };
    let mut window = Window::default();
    for group in 0..WINDOW_GROUPS_MAX as u64 + 10 {
        window.enter(&spec, &number(group), block(1, 1), 1, number(1)).unwrap();
    }
    assert_eq!((window.groups.len(), window.groups_dropped), (WINDOW_GROUPS_MAX, 10));
    assert_eq!(window.groups.len(), window.recent.len());
    assert!(!window.groups.contains_key(&number(0)), "the one unused for longest goes first");
    let mut window = Window::default();
    for height in 0..WINDOW_BLOCKS_MAX as u64 + 5 {
        window.enter(&spec, &number(0), block(height, 1), height, number(1)).unwrap();
    }
    assert_eq!(window.blocks_dropped, 5);
}

#[test]
fn an_overflow_is_said_and_not_entered() {
    let spec = Spec { measure: Measure::Sum, over: Span::Blocks(10), per: 1, at_least: number(5) };
    let mut window = Window::default();
    let max = Value::Uint(U256::MAX);
    assert!(window.enter(&spec, &number(0), block(1, 1), 1, max.clone()).unwrap().is_some());
    assert_eq!(window.enter(&spec, &number(0), block(2, 1), 2, max), Err(Failure::Overflow));
    window.retract(&[block(1, 1)]);
    assert!(window.enter(&spec, &number(0), block(3, 1), 3, number(5)).unwrap().is_some());
}
