//! How long to wait before the next try: exponential, with jitter, never shorter than the broker asks for.

use std::time::Duration;

/// Wait before the second try, before jitter.
pub const RETRY_FIRST: Duration = Duration::from_millis(50);
/// Longest wait between two tries, before jitter.
pub const RETRY_MAX: Duration = Duration::from_secs(5);

/// The waits of one call or stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: RETRY_FIRST }
    }

    /// The next wait. `jitter` spreads it from a half of the step to all of it, so that clients do not come back together.
    pub(crate) fn wait(&mut self, asked: Option<Duration>, jitter: u16) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(RETRY_MAX);
        let spread = step / 2 * u32::from(jitter) / u32::from(u16::MAX);
        let jittered = step / 2 + spread;
        // What the broker asks for is kept, and the jitter comes on top of it.
        asked.map_or(jittered, |asked| asked.saturating_add(spread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_stay_within_their_jitter() {
        let mut backoff = Backoff::new();
        let mut step = RETRY_FIRST;
        for jitter in [0, u16::MAX, 1, 40_000, 0, u16::MAX, 7, 9, 65_000, 0] {
            let wait = backoff.wait(None, jitter);
            assert!(wait >= step / 2 && wait <= step, "{wait:?} of {step:?}");
            step = step.saturating_mul(2).min(RETRY_MAX);
        }
        assert_eq!(backoff.wait(None, u16::MAX), RETRY_MAX);
    }

    #[test]
    fn the_broker_is_never_asked_again_earlier_than_it_says() {
        let asked = Duration::from_secs(3);
        for jitter in [0, 1, u16::MAX] {
            assert!(Backoff::new().wait(Some(asked), jitter) >= asked);
        }
    }
}
