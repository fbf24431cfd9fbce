//! How long work may go on: to its deadline, and while somebody waits for what it makes (DOS-8, DOS-9).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::ImageError;

/// The end of a piece of work. It is looked at between two stages: a codec that has begun goes on to its end.
#[derive(Debug, Clone)]
pub struct Until {
    deadline: Instant,
    is_given_up: Arc<AtomicBool>,
}

impl Until {
    /// To this deadline, if nobody gives it up before.
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        Self { deadline, is_given_up: Arc::default() }
    }

    /// Who waits holds this; dropped, the work is given up.
    #[must_use]
    pub fn waited_for(&self) -> Wanted {
        Wanted(Arc::clone(&self.is_given_up))
    }

    /// Whether the next stage may begin.
    pub(super) fn check(&self) -> Result<(), ImageError> {
        self.has(Duration::ZERO)
    }

    /// Whether a stage that takes so long may begin.
    pub(super) fn has(&self, time: Duration) -> Result<(), ImageError> {
        let is_late = self.deadline.saturating_duration_since(Instant::now()) <= time;
        if is_late || self.is_given_up.load(Ordering::Relaxed) { Err(ImageError::DeadlineExceeded) } else { Ok(()) }
    }
}

/// Somebody waits for a piece of work.
#[derive(Debug)]
pub struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos9_work_that_nobody_waits_for_ends_before_its_next_stage() {
        let until = Until::at(Instant::now() + Duration::from_secs(60));
        let wanted = until.waited_for();
        assert_eq!(until.check(), Ok(()));
        assert_eq!(until.has(Duration::from_secs(61)), Err(ImageError::DeadlineExceeded));
        drop(wanted);
        assert_eq!(until.check(), Err(ImageError::DeadlineExceeded));
    }

    #[test]
    fn dos8_no_stage_begins_after_the_deadline() {
        assert_eq!(Until::at(Instant::now()).check(), Err(ImageError::DeadlineExceeded));
    }
}
