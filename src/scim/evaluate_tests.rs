//! Filters of every kind on one user.

use serde_json::{Value, json};

use super::builtin::{group_shape, user_shape};
use super::message::ENTERPRISE_URN;
use super::{Attribute, Filter, ScimType, Type};

fn ada() -> Value {
    json!({
        "id": "Ab1", "externalId": "X", "USERNAME": "Ada", "active": true, "nickName": "", "title": null,
        "name": {"familyName": "Lovelace", "givenName": null},
        "emails": [{"value": "ada@work.example", "type": "work", "primary": true}, {"value": "ada@home", "type": "home"}],
        "x509Certificates": [{"value": "YWI="}], "roles": [],
        "meta": {"created": "2011-05-13T04:42:34Z", "lastModified": "2011-05-13T06:42:35+02:00"},
        (ENTERPRISE_URN): {"employeeNumber": "7", "manager": {"value": "M"}},
    })
}

/// Whether the filter selects Ada; nothing for 400 invalidFilter, which must not depend on the resource.
fn check(filter: &str, expected: Option<bool>) {
    let (parsed, shape) = (Filter::parse(filter).expect(filter), user_shape());
    let outcome = parsed.matches(&ada(), &shape).map_err(|e| e.scim_type);
    assert_eq!(outcome, expected.ok_or(Some(ScimType::InvalidFilter)), "{filter}");
    assert_eq!(parsed.check(&shape).is_ok(), expected.is_some(), "{filter}");
    assert_eq!(parsed.matches(&json!({}), &shape).is_ok(), expected.is_some(), "{filter}");
    let twice = Filter::parse(&format!("not ({filter})")).expect(filter).matches(&ada(), &shape).ok();
    assert_eq!(twice, expected.map(|e| !e), "not ({filter})");
}

fn yes(filters: &[&str]) {
    filters.iter().for_each(|filter| check(filter, Some(true)));
}

fn no(filters: &[&str]) {
    filters.iter().for_each(|filter| check(filter, Some(false)));
}

fn refused(filters: &[&str]) {
    filters.iter().for_each(|filter| check(filter, None));
}

#[test]
fn strings() {
    yes(&[r#"userName eq "ADA""#, r#"userName co "D""#, r#"userName sw "ada""#, r#"userName ew "da""#]);
    yes(&[r#"userName gt "abz""#, r#"userName ge "ada""#, r#"userName lt "adb""#, r#"userName le "ada""#]);
    yes(&[r#"id eq "Ab1""#, r#"id ne "ab1""#, r#"externalId co """#, r#"name.familyName eq "lovelace""#]);
    no(&[
        r#"id eq "ab1""#,
        r#"externalId eq "x""#,
        r#"userName gt "ada""#,
        r#"userName co "%""#,
        r#"userName ne "ada""#,
    ]);
    refused(&["userName eq 1", "userName eq true", "name eq \"x\"", "name co \"x\"", "addresses eq \"x\""]);
}

#[test]
fn presence_and_null() {
    yes(&["userName pr", "name pr", "emails pr", "emails.type pr", "active pr", "meta pr", "title eq null"]);
    yes(&["userName ne null", "manager eq \"x\" or userName pr", "roles eq null", "title ne \"x\""]);
    no(&["nickName pr", "title pr", "roles pr", "name.givenName pr", "name.middleName pr", "userName eq null"]);
    no(&["nothing pr", "nothing eq \"x\"", "nothing ne \"x\"", "nothing eq null", "employeeNumber pr", "name.x pr"]);
    no(&["nothing[type pr]", "urn:other:userName pr", "addresses.primary eq false"]);
    refused(&["title gt null", "title co null"]);
}

#[test]
fn other_types() {
    yes(&["active eq true", r#"active eq "True""#, "active ne false", r#"meta.created sw "2011-05""#]);
    yes(&[r#"meta.created eq "2011-05-13T06:42:34+02:00""#, r#"meta.lastModified gt "2011-05-13T04:42:34.9Z""#]);
    yes(&[r#"x509Certificates.value eq "YWI=""#, r#"meta.created le "2011-05-13T04:42:34.000Z""#]);
    no(&["active eq false", r#"meta.lastModified gt "2011-05-13T05:00:00+00:00""#, r#"x509Certificates eq "ywi=""#]);
    refused(&[
        "active gt true",
        r#"active co "t""#,
        r#"active eq "x""#,
        "active eq 1",
        r#"x509Certificates.value gt "Y""#,
    ]);
    refused(&[r#"meta.created gt "yesterday""#, "meta.created eq 1", r#"userName pr and active gt true"#]);
    refused(&[r#"userName eq "ada" or active lt true"#]);
    let mut shape = user_shape();
    shape.core.attributes.push(Attribute::new("n", Type::Integer));
    let holds = |filter: &str| Filter::parse(filter).expect(filter).matches(&json!({"n": 10}), &shape).ok();
    assert_eq!(holds("n gt 9"), Some(true));
    assert_eq!(holds("n eq 10.0"), Some(true));
    assert_eq!(holds("n lt 9"), Some(false));
    assert_eq!(holds(r#"n eq "10""#), None);
    assert_eq!(holds("n co 1"), None);
}

#[test]
fn multi_valued_attributes() {
    yes(&[r#"emails.value eq "ADA@home""#, r#"emails co "work.example""#, r#"emails.type ne "work""#]);
    yes(&[r#"emails[type eq "work" and value co "@work"]"#, "emails.primary eq false", "emails[primary eq true]"]);
    yes(&[
        r#"emails[not (type eq "work") and primary eq false]"#,
        r#"emails.type eq "work" and emails.value ew "home""#,
    ]);
    no(&[r#"emails[type eq "work" and value ew "home"]"#, r#"emails[type eq "x"]"#, r#"emails[nothing ne "x"]"#]);
    no(&[r#"roles[value pr]"#, "emails[primary eq false and primary eq true]"]);
    refused(&["emails[primary gt true]", "userName[value pr]"]);
    let group = json!({"members": [{"value": "a"}, {"value": "b"}]});
    for filter in [r#"members eq "b""#, r#"members.value eq "b""#, r#"members[value eq "b"]"#] {
        let filter = Filter::parse(filter).expect(filter);
        assert_eq!(filter.matches(&group, &group_shape()), Ok(true), "{filter}");
    }
}

#[test]
fn extensions() {
    let of = |filter: &str| format!("{ENTERPRISE_URN}:{filter}");
    yes(&[&of(r#"employeeNumber eq "7""#), &of(r#"manager.value eq "M""#), &of(r#"manager eq "M""#)]);
    yes(&[&format!("{ENTERPRISE_URN} pr"), &of("MANAGER pr")]);
    no(&[&of(r#"manager.value eq "m""#), &of("division pr"), &of("userName pr")]);
}

#[test]
fn foreign_shapes_are_no_error() {
    let filter = Filter::parse(r#"emails.value eq "x" or active eq true or name.familyName eq "y""#).expect("parses");
    for odd in [json!(1), json!({"emails": "x"}), json!({"emails": [[1]], "active": "true", "name": [7]})] {
        assert_eq!(filter.matches(&odd, &user_shape()), Ok(false), "{odd}");
    }
}
