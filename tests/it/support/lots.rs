//! What stories draw by lot: by a seed that is printed, so that a story can be repeated.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
};

/// The seed that `UPDRAFT_SEED` says, or one by chance.
pub(crate) fn seed() -> u32 {
    let seed = match env::var("UPDRAFT_SEED") {
        Ok(seed) => seed.parse().expect("a seed is a number"),
        Err(_) => RandomState::new().build_hasher().finish() as u32,
    };
    println!("UPDRAFT_SEED={seed}");
    seed
}

/// Numbers by lot, the same for the same seed (SplitMix64).
pub(crate) struct Lots(u64);

impl Lots {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One below this.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
