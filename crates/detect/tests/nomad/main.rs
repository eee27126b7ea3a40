//! placeholder
mod data;
use std::collections::BTreeMap;
#[test]
fn explore() {
    let Some(folder) = data::folder() else { return };
    for lane in data::lanes(&folder) {
        let (book, said) = data::play(&lane);
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        let mut listed = 0;
        for (_, j) in &said {
            let later = lane.later.contains(&j.release.transaction);
            *kinds.entry(format!("{:?} later={later}", j.verdict)).or_default() += 1;
            listed += usize::from(j.deficit.is_some());
        }
        println!(
            "{:?} pending {} deficits {listed}, timeless {}\n{kinds:#?}",
            book.counts(),
            book.n_pending(),
            lane.timeless.len()
        );
    }
}
