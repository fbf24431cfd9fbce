//! Chance with a seed: SplitMix64 (Steele, Lea, Flood 2014), so that every run prints the same.

/// A stream of numbers.
pub(crate) struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.bits() >> 32).unwrap_or(0)) / 4_294_967_296.0
    }

    /// From 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// How many events of a Poisson process fall into a time in which `mean` are expected (Knuth, in parts that do not
    /// underflow).
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        let (mut count, mut left) = (0, mean);
        while left > 0.0 {
            let part = left.min(500.0);
            left -= part;
            let (least, mut product) = ((-part).exp(), self.unit());
            while product > least {
                count += 1;
                product *= self.unit();
            }
        }
        count
    }

    /// A waiting time of the given mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}
