use std::time::Duration;

/// How long a job waits after its n-th failure: doubling from `base`, never over `max`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub base: Duration,
    pub max: Duration,
}

impl Backoff {
    /// The delay before attempt `failures + 1`; nothing before the first. `jitter` within 0..1 spreads
    /// it over the upper half, so that what failed together does not come back together.
    pub fn delay(&self, failures: u32, jitter: f64) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let whole = self
            .base
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(self.max);
        whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// How far an event may pull a failed job forward: to where the step before would have ended.
    pub fn floor(&self, failures: u32, jitter: f64) -> Duration {
        self.delay(failures.saturating_sub(1), jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_secs(2),
        max: Duration::from_secs(900),
    };

    #[test]
    fn doubles_up_to_its_maximum() {
        let seconds = |failures| BACKOFF.delay(failures, 1.0).as_secs();
        let delays: Vec<u64> = [0, 1, 2, 3, 9, 10, 12, 4_000_000_000]
            .into_iter()
            .map(seconds)
            .collect();
        assert_eq!(delays, [0, 2, 4, 8, 512, 900, 900, 900]);
    }

    #[test]
    fn jitter_stays_within_the_upper_half() {
        assert_eq!(BACKOFF.delay(3, 0.0), Duration::from_secs(4));
        assert_eq!(BACKOFF.delay(3, 0.5), Duration::from_secs(6));
        assert_eq!(BACKOFF.delay(3, 7.0), Duration::from_secs(8));
    }

    #[test]
    fn the_floor_lags_one_step_behind() {
        let floor = |failures| BACKOFF.floor(failures, 1.0).as_secs();
        assert_eq!([floor(1), floor(2), floor(3)], [0, 2, 4]);
    }
}
