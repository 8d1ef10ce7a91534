//! Random numbers that are a function of their purpose, not of when they are drawn.

/// SplitMix64's finaliser (Steele, Lea and Flood 2014): every input bit moves every output bit.
pub fn hash(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A short stream of numbers for one purpose.
pub struct Stream(u64);

impl Stream {
    /// The stream of this seed, for the `b`-th use of the `a`-th thing.
    pub fn new(seed: u64, a: u64, b: u64) -> Self {
        Self(hash(hash(seed ^ hash(a)).wrapping_add(b)))
    }

    /// Any 32 bits.
    pub fn next(&mut self) -> u32 {
        // Knuth's MMIX generator; the upper half is good enough for sampling.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    /// Below `bound`, which is at most 2^32.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.next()) * bound as u64) >> 32) as usize
    }

    /// Evenly in [-1, 1).
    pub fn signed(&mut self) -> f32 {
        (self.next() >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    }
}
