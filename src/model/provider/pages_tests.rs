//! Lists in parts and in order.

use serde_json::{Value, json};

use crate::exchange::{Method, Origin, Request, Response};
use crate::model::{Provider, ProviderOptions};
use crate::scim::message::{ENTERPRISE_URN, SEARCH_REQUEST_URN, USER_URN};

fn ask(provider: &mut Provider, query: &[(&str, &str)], second: u32) -> Response {
    let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let request = Request { query, ..Request::new(Origin::Suite, Method::Get, "/Users") };
    provider.answer(&request, &format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60))
}

fn peopled() -> Provider {
    let mut provider = Provider::new(ProviderOptions::default());
    let more = [
        json!({"name": {"familyName": "beta"}, "emails": [{"value": "z@x"}, {"value": "a@x", "primary": true}]}),
        json!({"name": {"familyName": "Alpha"}, "externalId": "b", (ENTERPRISE_URN): {"department": "y"}}),
        json!({"name": {"familyName": "Gamma"}, "externalId": "B", "emails": [{"value": "m@x"}, {"value": "b@x"}]}),
        json!({"active": false, (ENTERPRISE_URN): {"department": "X"}}),
        json!({"active": true}),
    ];
    for (n, mut body) in more.into_iter().enumerate() {
        body["schemas"] = json!([USER_URN]);
        body["userName"] = format!("u{n}").into();
        let request = Request::new(Origin::Suite, Method::Post, "/Users").with_body(body);
        assert_eq!(provider.answer(&request, &format!("2026-01-01T00:00:0{n}Z")).status, 201);
    }
    provider
}

/// The last digits of the names in a list.
fn names(answer: &Response) -> String {
    let list = answer.json.as_ref().and_then(|body| body["Resources"].as_array().cloned()).unwrap_or_default();
    list.iter().filter_map(|r| r["userName"].as_str()?.chars().last()).collect()
}

fn refused(answer: &Response) -> String {
    answer
        .json
        .as_ref()
        .map(|body| format!("{} {}", answer.status, body["scimType"].as_str().unwrap_or_default()))
        .unwrap_or_default()
}

#[test]
fn lists_are_sorted() {
    let mut provider = peopled();
    let mut sorted = |by: &str, order: &str| {
        let answer = ask(&mut provider, &[("sortBy", by), ("sortOrder", order)], 10);
        if answer.status == 200 { names(&answer) } else { refused(&answer) }
    };
    let department = format!("{ENTERPRISE_URN}:department");
    for (by, order, expected) in [
        ("userName", "ascending", "01234"),
        ("USERNAME", "Descending", "43210"),
        (&format!("{USER_URN}:userName"), "descending", "43210"),
        ("name.familyName", "ascending", "10234"),
        ("name.familyName", "descending", "34201"),
        ("emails", "ascending", "02134"),
        ("emails.value", "descending", "13420"),
        ("externalId", "ascending", "21034"),
        ("active", "ascending", "34012"),
        (&department, "ascending", "31024"),
        ("meta.created", "descending", "43210"),
        ("meta.lastModified", "ascending", "01234"),
        ("nothing", "ascending", "400 invalidPath"),
        ("name", "ascending", "400 invalidPath"),
        ("password", "ascending", "400 invalidPath"),
        ("a b", "ascending", "400 invalidPath"),
        ("userName", "up", "400 invalidValue"),
    ] {
        assert_eq!(sorted(by, order), expected, "{by} {order}");
    }
    let answer = ask(
        &mut provider,
        &[("sortBy", "userName"), ("sortOrder", "descending"), ("startIndex", "2"), ("count", "2")],
        10,
    );
    assert_eq!(names(&answer), "32");
}

#[test]
fn pages_by_index() {
    let mut provider = peopled();
    for (query, expected) in [
        (vec![], "01234 1/5/5"),
        (vec![("startIndex", "0")], "01234 1/5/5"),
        (vec![("startIndex", "-7"), ("count", "2")], "01 1/2/5"),
        (vec![("startIndex", "5"), ("count", "9")], "4 5/1/5"),
        (vec![("startIndex", "6")], " 6/0/5"),
        (vec![("startIndex", "99999999999999999999")], " 18446744073709551615/0/5"),
        (vec![("count", "0")], " 1/0/5"),
        (vec![("count", "-1")], " 1/0/5"),
        (vec![("count", "x")], "400 invalidValue"),
        (vec![("count", "1.5")], "400 invalidValue"),
        (vec![("startIndex", "")], "400 invalidValue"),
        (vec![("startIndex", "1"), ("cursor", "")], "400 invalidValue"),
        (vec![("filter", "nothing eq 1")], "400 invalidFilter"),
        (vec![("filter", "emails[nothing eq 1]")], "400 invalidFilter"),
        (vec![("filter", "active gt true")], "400 invalidFilter"),
        (vec![("filter", "userName eq")], "400 invalidFilter"),
    ] {
        let answer = ask(&mut provider, &query, 10);
        let said = match &answer.json {
            Some(b) if answer.status == 200 => {
                format!("{} {}/{}/{}", names(&answer), b["startIndex"], b["itemsPerPage"], b["totalResults"])
            }
            _ => refused(&answer),
        };
        assert_eq!(said, expected, "{query:?}");
    }
}

#[test]
fn pages_by_cursor() {
    let mut provider = peopled();
    let cursor = |answer: &Response, name: &str| answer.json.as_ref().and_then(|b| b[name].as_str().map(str::to_owned));
    let sort = ("sortOrder", "descending");
    let mut walk = |cursor: &str, second| {
        ask(&mut provider, &[("sortBy", "userName"), sort, ("cursor", cursor), ("count", "2")], second)
    };
    let first = walk("", 10);
    let body = first.json.clone().unwrap_or_default();
    assert_eq!((names(&first).as_str(), &body["totalResults"], body.get("startIndex")), ("43", &json!(5), None));
    assert_eq!(cursor(&first, "previousCursor"), None);
    let next = cursor(&first, "nextCursor").expect("more");
    assert!(next.len() > 20 && next.chars().all(|c| c.is_ascii_alphanumeric()), "{next}");
    let second = walk(&next, 20);
    assert_eq!(names(&second), "21");
    assert_eq!(names(&walk(&next, 20)), "21", "it may be used again");
    assert_eq!(names(&walk(&cursor(&second, "previousCursor").expect("a page before"), 20)), "43");
    let last = walk(&cursor(&second, "nextCursor").expect("more"), 20);
    assert_eq!((names(&last).as_str(), cursor(&last, "nextCursor")), ("0", None));
    let altered = format!("{}0", next.get(..next.len() - 1).unwrap_or_default());
    for bad in ["garbage", &format!("{next}0"), if altered == next { "x" } else { &altered }] {
        assert_eq!(refused(&walk(bad, 20)), "400 invalidCursor");
    }
    assert_eq!(names(&walk(&next, 610)), "21");
    assert_eq!(refused(&walk(&next, 611)), "400 expiredCursor");
    let other = ask(&mut provider, &[("sortBy", "userName"), ("cursor", &next)], 20);
    assert_eq!(refused(&other), "400 invalidCursor", "another query");
    assert_eq!(names(&ask(&mut provider, &[("cursor", ""), ("count", "0")], 20)), "");
}

#[test]
fn searches_walk_too() {
    let mut provider = peopled();
    let mut search = |cursor: Value| {
        let body = json!({"schemas": [SEARCH_REQUEST_URN], "cursor": cursor, "count": 3, "filter": "userName pr"});
        provider.answer(
            &Request::new(Origin::Suite, Method::Post, "/Users/.search").with_body(body),
            "2026-01-01T00:00:20Z",
        )
    };
    let first = search(json!(""));
    assert_eq!(names(&first), "012");
    let next = first.json.map(|body| body["nextCursor"].clone()).unwrap_or_default();
    assert_eq!(names(&search(next)), "34");
    assert_eq!(search(json!(5)).status, 400);
}
