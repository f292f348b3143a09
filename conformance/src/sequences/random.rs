//! Numbers that look random, the same for the same sequence.

/// SplitMix64: the same calls for the same number.
pub struct Random(u64);

impl Random {
    /// Of a sequence. The number is mixed first: streams from neighbouring states are one stream, shifted.
    pub fn new(number: u64) -> Self {
        Self(Self::mixed(number ^ 0xd1b5_4a32_d192_ed03))
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Self::mixed(self.0) % limit
    }

    fn mixed(number: u64) -> u64 {
        let once = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        twice ^ (twice >> 31)
    }

    /// True once in so many times.
    pub fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    /// One of them.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}
