//! A provider that is not at once of one mind: for a while reads show what was there before a write (register A97).

use std::collections::VecDeque;

use super::super::Store;
use super::Provider;
use crate::expectation::Belief;

/// What was there before the latest writes, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Late {
    /// The moment of the request that is being answered, in milliseconds.
    moment: i64,
    before: VecDeque<(i64, String, Option<Belief>)>,
}

impl Provider {
    /// Notes what time it is.
    pub(super) fn tick(&mut self, now: &str) {
        if self.options.lag > 0 {
            self.late.moment = now.parse::<jiff::Timestamp>().map_or(0, |t| t.as_millisecond());
            let oldest = self.late.moment.saturating_sub(i64::try_from(self.options.lag).unwrap_or(i64::MAX));
            while self.late.before.front().is_some_and(|(moment, ..)| *moment <= oldest) {
                self.late.before.pop_front();
            }
        }
    }

    /// Keeps what is there now: it is about to be written.
    pub(super) fn keep(&mut self, id: &str) {
        if self.options.lag > 0 {
            let old = self.store.any(id).cloned();
            self.late.before.push_back((self.late.moment, id.to_owned(), old));
        }
    }

    /// The store as reads see it; none if that is how it is.
    pub(super) fn seen_late(&mut self) -> Option<Store> {
        if self.late.before.is_empty() {
            return None;
        }
        self.note("A97", "within-settle");
        let mut store = self.store.clone();
        for (_, id, old) in self.late.before.iter().rev() {
            match old {
                Some(old) => store.put(old.clone()),
                None => {
                    store.remove(id);
                    store.forget(id);
                }
            }
        }
        Some(store)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::{Method, Origin, Request};
    use crate::model::ProviderOptions;
    use crate::scim::message::{USER_URN, patch_op};

    #[test]
    fn reads_lag_behind_writes_and_catch_up() {
        let mut provider = Provider::new(ProviderOptions { lag: 3_000, ..ProviderOptions::default() });
        let mut answer = |second: u32, method, path: &str, body| {
            let request = Request { body, ..Request::new(Origin::Client, method, path) };
            provider.answer(&request, &format!("2026-01-01T00:00:{second:02}.000Z"))
        };
        let body = json!({ "schemas": [USER_URN], "userName": "x-ada", "active": true });
        let made = answer(0, Method::Post, "/Users", Some(body));
        let path = format!("/Users/{}", made.resource_id().expect("an id"));
        let active = |r: crate::exchange::Response| r.json.and_then(|b| b.get("active")?.as_bool());
        assert_eq!(answer(1, Method::Get, &path, None).status, 404, "not there yet");
        assert_eq!(active(answer(3, Method::Get, &path, None)), Some(true));
        let off = patch_op(vec![json!({ "op": "replace", "path": "active", "value": false })]);
        assert_eq!(active(answer(4, Method::Patch, &path, Some(off))), Some(false), "a write answers what it did");
        assert_eq!(active(answer(5, Method::Get, &path, None)), Some(true), "as it was");
        assert_eq!(active(answer(7, Method::Get, &path, None)), Some(false));
        assert_eq!(answer(8, Method::Delete, &path, None).status, 204);
        assert_eq!(answer(9, Method::Get, &path, None).status, 200, "still there");
        assert_eq!(answer(11, Method::Get, &path, None).status, 404);
    }
}
