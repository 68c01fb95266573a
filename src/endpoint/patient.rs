//! Waiting when the endpoint says so: 429, and 503 with `Retry-After`, mean "not executed, come back".

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{Endpoint, Trouble};
use crate::exchange::{Request, Response};

/// How often one request is sent again.
const REPEATS: u32 = 5;
/// The wait after a 429 that does not say for how long.
const UNSAID: Duration = Duration::from_secs(1);

/// Sends a request again after the time that the endpoint asked for, at most five times and within a total wait.
/// Whether a write that was answered with 503 changed anything after all is the caller's to check; [`Patient::repeated_writes`]
/// tells that there is something to check.
#[derive(Debug)]
pub struct Patient<E> {
    inner: E,
    max_wait: Duration,
    waits: AtomicU64,
    repeated_writes: AtomicU64,
}

impl<E> Patient<E> {
    /// Waits in front of `inner`, in total at most `max_wait` for each request.
    pub fn new(inner: E, max_wait: Duration) -> Self {
        Patient { inner, max_wait, waits: AtomicU64::new(0), repeated_writes: AtomicU64::new(0) }
    }

    /// How many times it has waited.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// How many of the repeated requests were writes.
    pub fn repeated_writes(&self) -> u64 {
        self.repeated_writes.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl<E: Endpoint> Endpoint for Patient<E> {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let mut left = self.max_wait;
        let mut repeats = 0;
        loop {
            let response = self.inner.exchange(request).await?;
            let Some(delay) = asked_delay(&response) else { return Ok(response) };
            // Coming back too early would only be refused again: the answer stands as it is.
            if repeats == REPEATS || delay > left {
                return Ok(response);
            }
            repeats += 1;
            left -= delay;
            self.waits.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(delay).await;
            if request.method.writes() {
                self.repeated_writes.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// How long the answer asks to wait; nothing if it does not ask. 503 without `Retry-After` is a plain failure
/// (RFC 9110 section 15.6.4), 429 always asks (RFC 6585 section 4).
fn asked_delay(response: &Response) -> Option<Duration> {
    let said = response.header("retry-after").map(str::trim);
    match response.status {
        429 => Some(said.and_then(delay).unwrap_or(UNSAID)),
        503 => delay(said?),
        _ => None,
    }
}

/// `Retry-After` as seconds or as an HTTP date (RFC 9110 section 10.2.3). A date in the past is no delay.
#[allow(clippy::disallowed_methods, reason = "a date can only be waited for by the clock")]
fn delay(said: &str) -> Option<Duration> {
    if let Ok(seconds) = said.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(said).ok()?.timestamp();
    let wait = until.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::exchange::{Method, Origin};

    /// Gives the answers in order, the last one for ever.
    struct Script(Mutex<Vec<Response>>);

    #[async_trait]
    impl Endpoint for Script {
        async fn exchange(&self, _: &Request) -> Result<Response, Trouble> {
            let mut answers = self.0.lock().unwrap();
            Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
        }
    }

    async fn check(answers: &[(u16, Option<&str>)], max_wait: u64, status: u16, waits: u64) {
        let answer = |(status, after): &(u16, Option<&str>)| {
            let headers = after.map(|a| ("retry-after".to_owned(), a.to_owned()));
            Response { headers: headers.into_iter().collect(), ..Response::empty(*status) }
        };
        let script = Script(Mutex::new(answers.iter().map(answer).collect()));
        let patient = Patient::new(script, Duration::from_secs(max_wait));
        let request = Request::new(Origin::Client, Method::Post, "/Users");
        let response = patient.exchange(&request).await.unwrap();
        assert_eq!((response.status, patient.waits(), patient.repeated_writes()), (status, waits, waits));
    }

    #[tokio::test]
    async fn waits_and_sends_again() {
        check(&[(429, Some("0")), (503, Some(" 0 ")), (201, None)], 30, 201, 2).await;
        check(&[(503, Some("Wed, 21 Oct 2015 07:28:00 GMT")), (201, None)], 30, 201, 1).await;
    }

    #[tokio::test]
    async fn gives_up_in_the_end() {
        check(&[(429, Some("0"))], 30, 429, 5).await;
        check(&[(429, Some("31")), (201, None)], 30, 429, 0).await;
        check(&[(429, None), (201, None)], 0, 429, 0).await;
        check(&[(503, Some("18446744073709551615")), (201, None)], 30, 503, 0).await;
    }

    #[tokio::test]
    async fn other_answers_stand() {
        check(&[(503, None), (201, None)], 30, 503, 0).await;
        check(&[(503, Some("soon")), (201, None)], 30, 503, 0).await;
        check(&[(500, Some("0")), (201, None)], 30, 500, 0).await;
    }
}
