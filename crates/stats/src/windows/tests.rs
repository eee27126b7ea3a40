use proptest::prelude::*;

use super::*;

#[test]
fn extremes_by_hand() {
    let mut window = Extremes::new(10).unwrap();
    assert_eq!((window.least(), window.most()), (None, None));
    for (time, value, wanted) in [
        (0, 5, (5, 5)),
        (3, 7, (5, 7)),
        (10, 6, (5, 7)),
        (11, 6, (6, 7)),
        (14, 6, (6, 6)),
        // Late news count as the newest.
        (2, 1, (1, 6)),
        (24, 9, (1, 9)),
        (25, 9, (9, 9)),
    ] {
        window.push(time, value).unwrap();
        assert_eq!((window.least().unwrap(), window.most().unwrap()), wanted, "{time}");
    }
    window.forget(u64::MAX);
    assert_eq!(window.n_entries(), 0);
    assert!(Extremes::<u8>::new(0).is_err());
    assert!(Extremes::new(5).unwrap().push(0, f64::NAN).is_err());
}

#[test]
fn a_jump_and_a_staircase() {
    let mut check = TwoLookbacks::new((10, 0.05), (1_000, 0.2)).unwrap();
    assert!(check.is_empty());
    assert_eq!(check.judge(0, 100.0), Ok(None));
    check.push(0, 100.0).unwrap();
    assert_eq!(check.judge(1, 104.9), Ok(None));
    assert_eq!(check.judge(1, 150.0), Ok(Some(Breach::Short { ratio: 1.5 })));
    assert_eq!(check.judge(1, 50.0), Ok(Some(Breach::Short { ratio: 0.5 })));
    // Three per cent every twelve seconds: never a jump, and yet stopped by the long window.
    let mut price = 100.0;
    let stopped = (1..100).find_map(|step| {
        let time = step * 12;
        price *= 1.03;
        let breach = check.judge(time, price).unwrap();
        check.push(time, price).unwrap();
        breach
    });
    let Some(Breach::Long { ratio }) = stopped else { panic!("{stopped:?}") };
    assert!(ratio > 1.2 && ratio < 1.24, "{ratio}");
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(check.judge(0, bad).is_err() && check.push(0, bad).is_err(), "{bad}");
        assert!(TwoLookbacks::new((1, bad), (2, 0.1)).is_err(), "{bad}");
    }
    assert!(TwoLookbacks::new((10, 0.1), (10, 0.1)).is_err());
}

proptest! {
    /// Never narrower than the true window, never wider than one grain more; memory bounded.
    #[test]
    fn windows_are_true_to_a_grain(
        span in 1_u64..5_000,
        pushes in prop::collection::vec((0_u64..40, 0_i32..1_000), 1..600),
    ) {
        let mut window = Extremes::new(span).unwrap();
        let grain = span.div_ceil(ENTRIES_MAX);
        let mut time = 0;
        let mut all: Vec<(u64, i32)> = Vec::new();
        for (gap, value) in pushes {
            time += gap;
            all.push((time, value));
            window.push(time, value).unwrap();
            let since = |back: u64| {
                all.iter().filter(move |(at, _)| at + back >= time).map(|(_, value)| *value)
            };
            let (inner, outer) = (span, span + 2 * grain);
            prop_assert!(window.most() >= since(inner).max() && window.most() <= since(outer).max());
            prop_assert!(window.least() <= since(inner).min() && window.least() >= since(outer).min());
            prop_assert!(window.n_entries() as u64 <= 2 * (ENTRIES_MAX + 1));
        }
    }
}
