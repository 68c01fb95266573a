//! The reference as a town full of strangers, with manners that lead a client to them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::{Endpoint, Trouble};
use scimproof::exchange::{Method, Origin, Request, Response};
use serde_json::Value;

/// What is unusual about the town.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// A filter is ignored: everybody is listed.
    IgnoresFilters,
    /// What is created is there, and the answer carries the id of a stranger.
    AnswersStrangers,
    /// After each deletion ids are positions; newcomers stand in the middle.
    Renumbers,
}

const COLLECTIONS: [&str; 2] = ["Users", "Groups"];

/// The reference, seen through its manners.
pub(crate) struct Town {
    reference: Arc<Embedded>,
    manners: Manners,
    books: Mutex<[Book; 2]>,
}

/// Who lives in a collection, in order: the id at the reference, and the one that the town gives out.
#[derive(Default)]
struct Book {
    lines: Vec<(String, String)>,
    strangers: usize,
    created: usize,
}

impl Book {
    fn given(&self, real: &str) -> Option<String> {
        self.lines.iter().find(|(r, _)| r == real).map(|(_, given)| given.clone())
    }

    fn real(&self, given: &str) -> Option<String> {
        self.lines.iter().find(|(_, g)| g == given).map(|(real, _)| real.clone())
    }

    fn arrives(&mut self, real: &str) {
        let highest = self.lines.iter().filter_map(|(_, given)| given.parse::<usize>().ok()).max().unwrap_or(0);
        self.lines.insert(self.lines.len() / 2, (real.to_owned(), (highest + 1).to_string()));
    }

    fn leaves(&mut self, real: &str) {
        self.lines.retain(|(r, _)| r != real);
        self.lines.iter_mut().enumerate().for_each(|(at, (_, given))| *given = (at + 1).to_string());
    }
}

impl Town {
    /// A town of those whom the reference holds now.
    pub(crate) fn new(reference: Arc<Embedded>, manners: Manners) -> Town {
        let mut books = [Book::default(), Book::default()];
        for (book, collection) in books.iter_mut().zip(COLLECTIONS) {
            let list = Request::new(Origin::ReadBack, Method::Get, format!("/{collection}"));
            let list = list.with_query("startIndex", "1").with_query("count", "100");
            let page = reference.answer(&list).json.unwrap_or_default();
            let ids = page["Resources"].as_array().into_iter().flatten().filter_map(|r| r["id"].as_str());
            book.lines = ids.enumerate().map(|(at, id)| (id.to_owned(), (at + 1).to_string())).collect();
            book.strangers = book.lines.len();
        }
        Town { reference, manners, books: Mutex::new(books) }
    }

    fn answer(&self, request: &Request) -> Response {
        let (collection, id) = request.target();
        let Some(at) = COLLECTIONS.iter().position(|c| *c == collection) else { return self.reference.answer(request) };
        let mut books = self.books.lock().expect("no panic in here");
        match self.manners {
            Manners::IgnoresFilters => {
                let query = request.query.iter().filter(|(name, _)| name != "filter" || id.is_some()).cloned();
                self.reference.answer(&Request { query: query.collect(), ..request.clone() })
            }
            Manners::AnswersStrangers => {
                let answer = self.reference.answer(request);
                match id_in(&answer).filter(|_| request.method == Method::Post && answer.is_success()) {
                    Some(real) => {
                        let book = &mut books[at];
                        let stranger = book.lines[book.created * 7 % book.strangers].0.clone();
                        book.created += 1;
                        replaced(answer, &|text| text.replace(&real, &stranger))
                    }
                    None => answer,
                }
            }
            Manners::Renumbers => {
                let inward = inward(request, at, &books);
                let answer = self.reference.answer(&inward);
                match (request.method, id_in(&answer)) {
                    (Method::Post, Some(real)) if answer.is_success() => books[at].arrives(&real),
                    _ => {}
                }
                let answer = outward(answer, &books);
                if request.method == Method::Delete && answer.is_success() {
                    books[at].leaves(inward.target().1.unwrap_or_default());
                }
                answer
            }
        }
    }
}

#[async_trait]
impl Endpoint for Town {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        tokio::task::yield_now().await; // so that lives interleave
        Ok(self.answer(request))
    }
}

fn id_in(answer: &Response) -> Option<String> {
    answer.json.as_ref()?.get("id")?.as_str().map(str::to_owned)
}

/// The request with the ids that the reference knows.
fn inward(request: &Request, at: usize, books: &[Book; 2]) -> Request {
    let mut inward = request.clone();
    if let Some(id) = request.target().1 {
        let real = books[at].real(id).unwrap_or_else(|| format!("nobody-{id}"));
        inward.path = format!("/{}/{real}", COLLECTIONS[at]);
    }
    if let Some(body) = &mut inward.body {
        strings(body, &|text| match text.split_once(" eq \"").and_then(|(_, rest)| rest.split_once('"')) {
            Some((id, _)) if text.starts_with("members[") => {
                let real = books[0].real(id).unwrap_or_else(|| id.to_owned());
                format!("members[value eq \"{real}\"]")
            }
            _ => books[0].real(text).unwrap_or_else(|| text.to_owned()),
        });
    }
    inward
}

/// The answer with the ids that the town gives out.
fn outward(answer: Response, books: &[Book; 2]) -> Response {
    let given = |id: &str| books[0].given(id).or_else(|| books[1].given(id));
    replaced(answer, &|text| match text.rsplit_once('/') {
        Some((base, id)) => given(id).map_or_else(|| text.to_owned(), |given| format!("{base}/{given}")),
        None => given(text).unwrap_or_else(|| text.to_owned()),
    })
}

/// The answer with every string in body and headers changed.
fn replaced(mut answer: Response, change: &dyn Fn(&str) -> String) -> Response {
    if let Some(body) = &mut answer.json {
        strings(body, change);
        answer.text = body.to_string();
    }
    answer.headers.iter_mut().for_each(|(_, value)| *value = change(value));
    answer
}

fn strings(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, change)),
        Value::Object(members) => members.values_mut().for_each(|member| strings(member, change)),
        _ => {}
    }
}
