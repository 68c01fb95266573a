//! How many requests are under way at a time: what lives played at once bring, and what holds them up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Endpoint, Trouble};
use crate::exchange::{Request, Response};

/// Counts and times requests; shared by whoever reads it.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Reading>);

#[derive(Debug, Default)]
struct Reading {
    requests: u64,
    under_way: u64,
    most: u64,
    /// The sum of the time that each request took.
    busy: Duration,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// What a meter shows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flow {
    /// Requests sent, those of the fence included.
    pub requests: u64,
    /// Requests under way at a time, in the mean, from the first one sent to the last one answered.
    pub mean: f64,
    /// The most that were under way at a time.
    pub most: u64,
}

impl Meter {
    /// Begins anew.
    pub fn reset(&self) {
        let mut reading = self.reading();
        *reading = Reading { under_way: reading.under_way, ..Reading::default() };
    }

    /// What has been measured since the last reset.
    pub fn flow(&self) -> Flow {
        let reading = self.reading();
        let span = reading.first.zip(reading.last).map(|(first, last)| last.saturating_duration_since(first));
        let span = span.unwrap_or_default().as_secs_f64();
        let mean = if span > 0.0 { reading.busy.as_secs_f64() / span } else { 0.0 };
        Flow { requests: reading.requests, mean, most: reading.most }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begins(&self, now: Instant) {
        let mut reading = self.reading();
        reading.requests += 1;
        reading.under_way += 1;
        reading.most = reading.most.max(reading.under_way);
        reading.first.get_or_insert(now);
    }

    fn ends(&self, begun: Instant, now: Instant) {
        let mut reading = self.reading();
        reading.under_way = reading.under_way.saturating_sub(1);
        reading.busy += now.saturating_duration_since(begun);
        reading.last = Some(now);
    }
}

/// An endpoint with a meter before it.
#[derive(Debug)]
pub struct Metered<E> {
    inner: E,
    meter: Arc<Meter>,
}

impl<E> Metered<E> {
    /// Measures what is sent to `inner`.
    pub fn new(inner: E, meter: Arc<Meter>) -> Self {
        Metered { inner, meter }
    }
}

/// A request that is under way, or was given up.
struct UnderWay<'a>(&'a Meter, Instant);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.ends(self.1, now());
    }
}

#[async_trait]
impl<E: Endpoint> Endpoint for Metered<E> {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let begun = now();
        self.meter.begins(begun);
        let _under_way = UnderWay(&self.meter, begun);
        self.inner.exchange(request).await
    }
}

#[allow(clippy::disallowed_methods, reason = "how long requests take is what is measured")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_the_busy_time_over_the_whole_time() {
        let meter = Meter::default();
        let start = now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(meter.flow(), Flow::default());
        meter.begins(at(0));
        meter.begins(at(0));
        meter.ends(at(0), at(50));
        meter.begins(at(50));
        meter.ends(at(0), at(100));
        meter.ends(at(50), at(100));
        assert_eq!(meter.flow(), Flow { requests: 3, mean: 2.0, most: 2 });
        meter.reset();
        assert_eq!(meter.flow(), Flow::default());
    }
}
