//! A history is the same each time.

use crate::History;
use crate::parallel::run_one;

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [3, 11, 42] {
        let tell = || {
            run_one(async || {
                let world = History::of(seed).play().await;
                (world.story(), format!("{:?}", world.network.counts()))
            })
        };
        let (first, second) = (tell(), tell());
        assert_eq!(first, second);
    }
}
