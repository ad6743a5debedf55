//! A node's own clock: a straight line over true time, bent by faults.

/// Local time as a function of true time.
#[derive(Clone, Copy, Debug)]
pub struct LocalClock {
    /// A point on the line.
    true_ns: u64,
    local_ns: i64,
    rate: f64,
    /// A passing offset that a fault put on top.
    offset: i64,
    /// By how much it was moved for good.
    moved: i64,
}

impl LocalClock {
    /// A clock that is off by so much.
    pub fn new(skew: i64) -> Self {
        Self { true_ns: 0, local_ns: skew, rate: 1.0, offset: 0, moved: skew }
    }

    /// What it shows; it can be below zero, if it lags.
    pub fn read(&self, now: u64) -> i64 {
        let passed = now - self.true_ns;
        // A float would lose nanoseconds after a hundred days, but also in every run of another rate.
        let passed = if self.rate == 1.0 { passed as i64 } else { (passed as f64 * self.rate) as i64 };
        self.local_ns + passed + self.offset
    }

    /// Local time that has passed since the beginning, wherever the hands were set meanwhile.
    pub fn elapsed(&self, now: u64) -> u64 {
        (self.read(now) - self.offset - self.moved).max(0) as u64
    }

    /// From now on it runs so many times as fast.
    pub fn set_rate(&mut self, now: u64, rate: f64) {
        self.local_ns = self.read(now) - self.offset;
        self.true_ns = now;
        self.rate = rate;
    }

    /// For the time being it is off by so much more.
    pub fn set_offset(&mut self, offset: i64) {
        self.offset = offset;
    }

    /// Moves it for good.
    pub fn jump(&mut self, by: i64) {
        self.local_ns += by;
        self.moved += by;
    }

    /// How long so much local time takes.
    pub fn true_duration(&self, local: u64) -> u64 {
        if self.rate == 1.0 { local } else { (local as f64 / self.rate) as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_offsets_bend_it() {
        let mut clock = LocalClock::new(-5);
        assert_eq!(clock.read(10), 5);
        clock.set_rate(10, 2.0);
        assert_eq!(clock.read(20), 25);
        assert_eq!(clock.true_duration(10), 5);
        clock.set_offset(100);
        assert_eq!(clock.read(20), 125);
        clock.set_rate(20, 1.0);
        clock.set_offset(0);
        clock.jump(-7);
        assert_eq!(clock.read(21), 19);
    }
}
