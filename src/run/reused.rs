//! Ids are for ever (RFC 7643 section 3.1): a new resource has one that no other has or had.

use crate::exchange::{Exchange, Method};
use crate::expectation::Kind;
use crate::model::Store;
use crate::verdict::{Difference, Judgement};

/// What is wrong with the id that a create was given: another resource of ours has it (7643-3.1-06), or had it
/// (7643-3.1-07). An account that comes back when it is made again (A23) keeps its own.
pub(super) fn reused_id(store: &Store, exchange: &Exchange, judgement: &Judgement) -> Option<Difference> {
    let request = &exchange.request;
    let (endpoint, id) = request.target();
    let kind = Kind::of(endpoint).filter(|_| request.method == Method::Post && id.is_none())?;
    let id = exchange.response.resource_id().filter(|_| exchange.response.is_success())?;
    if judgement.taken.contains(&("A23", "hidden")) {
        return None;
    }
    let fail = |requirement, register: &str, observed| {
        let difference = Difference::fail(requirement, "/id", "an id of its own", observed);
        Some(Difference { register: Some(register.to_owned()), ..difference.with(id.clone()) })
    };
    if store.any(&id).is_some() {
        return fail("7643-3.1-06", "L11=shared", "the id of another resource");
    }
    let old = store.departed(&id)?;
    let name = request.body.as_ref().and_then(|b| b.get(kind.naming())?.as_str()).map(str::to_lowercase);
    let again = old.kind == kind && old.name().map(str::to_lowercase) == name;
    let register = if again { "A08=old-id" } else { "L11=reassigned" };
    fail("7643-3.1-07", register, "the id of a deleted resource")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;

    use crate::endpoint::embedded::Embedded;
    use crate::endpoint::fence::Fence;
    use crate::endpoint::{Endpoint, Trouble};
    use crate::exchange::{Method, Request, Response};
    use crate::model::ProviderOptions;
    use crate::run::{Stage, play};
    use crate::scenario::Scenario;

    /// Numbers its users anew: whoever is made gets the id of the first that was ever made, if that one is gone.
    #[derive(Debug)]
    struct Reusing(Embedded);

    #[async_trait]
    impl Endpoint for Reusing {
        async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
            let swap = |text: &str, from: &str, to: &str| text.replace(from, to);
            let (old, new) = ("user-000001", "user-000003");
            let gone = self
                .0
                .answer(&Request { path: format!("/Users/{old}"), ..Request::new(request.origin, Method::Get, "") });
            let gone = gone.status == 404;
            let path = if gone { swap(&request.path, old, new) } else { request.path.clone() };
            let mut response = self.0.answer(&Request { path, ..request.clone() });
            if gone {
                response.text = swap(&response.text, new, old);
                response.json = serde_json::from_str(&response.text).ok();
                response.headers.iter_mut().for_each(|(_, value)| *value = swap(value, new, old));
            }
            Ok(response)
        }
    }

    fn life(second: &str) -> Scenario {
        let text = format!(
            "scimproof: 1\nidp: jumpcloud-custom\nknobs: {{user_delete: delete, test_writes: none}}\n\
             directory:\n  users: {{ada: {{username: ada, first: A, last: L, email: ada}}}}\n  groups: {{g: {{name: G, members: [ada], associated: true}}}}\n\
             events:\n  - activate\n  - user.delete: {{user: ada}}\n  - user.create: {{user: bob, username: {second}, first: B, last: K, email: bob}}\n  \
             - member.add: {{group: g, user: bob}}\n"
        );
        Scenario::from_yaml(&text).expect("a life")
    }

    fn found(endpoint: Arc<dyn Endpoint>, second: &str) -> Vec<(String, Option<String>)> {
        let fence = Arc::new(Fence::new(endpoint, "spt0000".to_owned(), None));
        let stage = Stage::new(fence, "spt0000");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let played = runtime.block_on(play(&stage, &life(second), 0, &|_| false)).expect("a life that can be played");
        played.findings.into_iter().map(|f| (f.difference.requirement, f.difference.register)).collect()
    }

    #[test]
    fn an_id_that_somebody_had_is_not_given_again() {
        let bad = || Arc::new(Reusing(Embedded::new(ProviderOptions::default())));
        let named = |register: &str| ("7643-3.1-07".to_owned(), Some(register.to_owned()));
        assert_eq!(found(bad(), "bob").first(), Some(&named("L11=reassigned")));
        assert_eq!(found(bad(), "ada").first(), Some(&named("A08=old-id")));
        assert!(found(Arc::new(Embedded::new(ProviderOptions::default())), "ada").is_empty());
    }
}
