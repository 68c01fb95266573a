//! PATCH in every form of RFC 7644 section 3.5.2, on one user and one group.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::builtin::{group_shape, user_shape};
use super::message::{ENTERPRISE_URN, GROUP_URN, USER_URN, patch_op};
use super::patch::{AddExisting, NoMatch, Point, RemoveAbsent, RemoveWithValue};
use super::{Applied, Attribute, Mutability, PatchChoices, Refused, ScimType, Shape, Type, apply_all, parse_patch};

fn user() -> Value {
    json!({
        "schemas": [USER_URN], "id": "1", "userName": "ada", "active": true,
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@work", "type": "work", "primary": true}, {"value": "ada@home", "type": "home"}],
        "meta": {"resourceType": "User"},
    })
}

fn group() -> Value {
    json!({
        "schemas": [GROUP_URN], "id": "9", "displayName": "Engineering",
        "members": [{"value": "a", "type": "User", "$ref": "../Users/a"}, {"value": "b"}],
    })
}

fn run(start: &Value, operations: Value, shape: &Shape, choices: PatchChoices) -> Result<(Value, Applied), Refused> {
    let operations = operations.as_array().cloned().unwrap_or_else(|| vec![operations]);
    let none = std::collections::BTreeSet::new();
    let operations = parse_patch(&patch_op(operations), shape).map_err(|error| Refused { error, points: none })?;
    let start = start.as_object().expect("an object");
    apply_all(start, &operations, shape, &choices).map(|(map, applied)| (Value::Object(map), applied))
}

/// `change` is the start with these members set, null meaning gone; or the keyword of the refusal.
fn check_with(
    start: Value,
    choices: PatchChoices,
    operations: Value,
    change: Result<Value, ScimType>,
    points: &[Point],
) {
    let shape = if start["userName"].is_null() { group_shape() } else { user_shape() };
    let label = operations.to_string();
    match (run(&start, operations, &shape, choices), change) {
        (Ok((end, applied)), Ok(change)) => {
            let mut expected = start.as_object().cloned().expect("an object");
            for (key, value) in change.as_object().expect("an object") {
                super::resource::put(&mut expected, key, Some(value.clone()).filter(|v| !v.is_null()));
            }
            let expected = Value::Object(expected);
            assert_eq!(end, expected, "{label}");
            assert_eq!(applied.changed, start != expected, "{label}");
            assert_eq!(applied.points.iter().copied().collect::<Vec<_>>(), points, "{label}");
        }
        (Err(refused), Err(scim_type)) => {
            assert_eq!(refused.error.scim_type, Some(scim_type), "{label}: {refused}");
            assert_eq!(refused.points.iter().copied().collect::<Vec<_>>(), points, "{label}");
        }
        (outcome, change) => panic!("{label}: {outcome:?} instead of {change:?}"),
    }
}

fn check_user(operations: Value, change: Result<Value, ScimType>, points: &[Point]) {
    check_with(user(), PatchChoices::default(), operations, change, points);
}

fn check_group(operations: Value, change: Result<Value, ScimType>, points: &[Point]) {
    check_with(group(), PatchChoices::default(), operations, change, points);
}

fn op(op: &str, path: &str, value: Value) -> Value {
    json!({"op": op, "path": path, "value": value})
}

fn remove(path: &str) -> Value {
    json!({"op": "remove", "path": path})
}

#[test]
fn single_values() {
    for verb in ["add", "replace", "Replace"] {
        check_user(op(verb, "title", json!("Countess")), Ok(json!({"title": "Countess"})), &[]);
        check_user(op(verb, "USERNAME", json!("lovelace")), Ok(json!({"userName": "lovelace"})), &[]);
        check_user(op(verb, &format!("{USER_URN}:title"), json!("C")), Ok(json!({"title": "C"})), &[]);
        check_user(op(verb, "active", json!("False")), Ok(json!({"active": false})), &[Point::Coerced]);
        check_user(op(verb, "active", json!("banana")), Err(ScimType::InvalidValue), &[]);
        check_user(op(verb, "title", json!(["x"])), Err(ScimType::InvalidValue), &[]);
        check_user(op(verb, "userName", json!("")), Err(ScimType::InvalidValue), &[]);
        check_user(op(verb, "userName", json!(null)), Err(ScimType::Mutability), &[Point::NullValue]);
        check_user(json!({"op": verb, "path": "title"}), Err(ScimType::InvalidValue), &[]);
        check_user(op(verb, "id", json!("2")), Err(ScimType::Mutability), &[]);
        check_user(op(verb, "meta.created", json!("x")), Err(ScimType::Mutability), &[]);
        check_user(op(verb, "groups", json!([{"value": "g"}])), Err(ScimType::Mutability), &[]);
        check_user(op(verb, "nothing", json!("x")), Err(ScimType::InvalidPath), &[]);
        check_user(op(verb, "name.nothing", json!("x")), Err(ScimType::InvalidPath), &[]);
        check_user(op(verb, "employeeNumber", json!("x")), Err(ScimType::InvalidPath), &[]);
    }
    check_user(op("replace", "active", json!(true)), Ok(json!({})), &[Point::NoOpReplace]);
    check_user(op("add", "active", json!(true)), Ok(json!({})), &[Point::AddExisting]);
    check_user(op("replace", "active", json!(null)), Ok(json!({"active": null})), &[Point::NullValue]);
    check_user(remove("active"), Ok(json!({"active": null})), &[]);
    check_user(remove("title"), Ok(json!({})), &[Point::RemoveAbsent]);
    check_user(remove("userName"), Err(ScimType::Mutability), &[]);
    check_user(remove("id"), Err(ScimType::Mutability), &[]);
    check_user(remove("nothing"), Err(ScimType::InvalidPath), &[]);
    check_user(json!({"op": "remove"}), Err(ScimType::NoTarget), &[]);
}

#[test]
fn complex_values() {
    for verb in ["add", "replace"] {
        let merged = json!({"name": {"givenName": "A.", "familyName": "Lovelace", "middleName": "K"}});
        check_user(
            op(verb, "name", json!({"GIVENNAME": "A.", "middleName": "K", "nick": 1})),
            Ok(merged),
            &[Point::UndeclaredKey],
        );
        let renamed = json!({"name": {"givenName": "Ada", "familyName": "King"}});
        check_user(op(verb, "name.familyName", json!("King")), Ok(renamed), &[]);
        check_user(op(verb, "name", json!("Ada")), Err(ScimType::InvalidValue), &[]);
        check_user(op(verb, "name", json!({"givenName": 1})), Err(ScimType::InvalidValue), &[]);
    }
    let without = json!({"name": {"familyName": "Lovelace"}});
    check_user(op("replace", "name", json!({"givenName": null})), Ok(without.clone()), &[Point::NullValue]);
    check_user(remove("name.givenName"), Ok(without), &[]);
    check_user(json!([remove("name.givenName"), remove("name.familyName")]), Ok(json!({"name": null})), &[]);
    check_user(remove("name.middleName"), Ok(json!({})), &[Point::RemoveAbsent]);
    check_user(remove("name"), Ok(json!({"name": null})), &[]);
    check_user(op("replace", "name", json!({"givenName": "Ada"})), Ok(json!({})), &[Point::NoOpReplace]);
    check_user(op("replace", "name", json!({})), Ok(json!({})), &[Point::NoOpReplace]);
    check_user(op("replace", "name[givenName pr]", json!({})), Err(ScimType::InvalidPath), &[]);
}

#[test]
fn multi_valued_attributes() {
    let work = json!({"value": "ada@work", "type": "work", "primary": true});
    let home = json!({"value": "ada@home", "type": "home"});
    let other = json!({"value": "ada@other"});
    let all = Ok(json!({"emails": [work, home, other]}));
    check_user(op("add", "emails", json!([other])), all.clone(), &[]);
    check_user(op("add", "emails", other.clone()), all.clone(), &[Point::SingleObject]);
    check_user(op("add", "emails", json!([other, other, {"x": 1}])), all.clone(), &[Point::UndeclaredKey]);
    check_user(op("add", "emails", json!([work, other])), all, &[Point::AddExisting]);
    check_user(op("add", "emails", json!([{"value": "ADA@HOME"}])), Ok(json!({})), &[Point::AddExisting]);
    check_user(op("add", "emails", json!([])), Ok(json!({})), &[]);
    check_user(op("add", "emails", json!(["ada@x"])), Err(ScimType::InvalidValue), &[]);
    check_user(op("add", "emails", json!([{"x": 1}])), Err(ScimType::InvalidValue), &[Point::UndeclaredKey]);
    check_user(op("add", "emails", json!("ada@x")), Err(ScimType::InvalidValue), &[Point::SingleObject]);
    check_user(op("replace", "emails", json!([other])), Ok(json!({"emails": [other]})), &[]);
    check_user(op("replace", "emails", json!([])), Ok(json!({"emails": null})), &[]);
    check_user(op("replace", "emails", json!(null)), Ok(json!({"emails": null})), &[Point::NullValue]);
    check_user(op("replace", "roles", json!([{"value": "r"}])), Ok(json!({"roles": [{"value": "r"}]})), &[]);
    check_user(op("replace", "emails", json!([work, home])), Ok(json!({})), &[Point::NoOpReplace]);
    let turned = Ok(json!({"emails": [home, work]}));
    check_user(op("replace", "emails", json!([home, work])), turned, &[Point::NoOpReplace]);
    check_user(
        op("replace", "emails.type", json!("x")),
        Ok(json!({"emails": [
        {"value": "ada@work", "type": "x", "primary": true}, {"value": "ada@home", "type": "x"}]})),
        &[],
    );
    check_user(op("replace", "roles.type", json!("x")), Err(ScimType::NoTarget), &[]);
    check_user(remove("emails"), Ok(json!({"emails": null})), &[]);
    let two = json!([{"value": "x", "primary": true}, {"value": "y", "primary": true}]);
    check_user(op("replace", "emails", two), Err(ScimType::InvalidValue), &[]);
}

#[test]
fn primary_moves() {
    let work = json!({"value": "ada@work", "type": "work", "primary": false});
    let home = json!({"value": "ada@home", "type": "home"});
    let new = json!({"value": "n", "primary": true});
    check_user(op("add", "emails", json!([new])), Ok(json!({"emails": [work, home, new]})), &[]);
    let home = json!({"value": "ada@home", "type": "home", "primary": true});
    let moved = Ok(json!({"emails": [work, home]}));
    check_user(op("replace", r#"emails[type eq "home"].primary"#, json!(true)), moved.clone(), &[]);
    check_user(op("add", r#"emails[type eq "home"]"#, json!({"primary": true})), moved, &[Point::AddWithFilter]);
    check_user(
        op("replace", "emails[value pr].primary", json!(false)),
        Ok(json!({"emails": [
        {"value": "ada@work", "type": "work", "primary": false},
        {"value": "ada@home", "type": "home", "primary": false}]})),
        &[],
    );
}

#[test]
fn filters_select_values() {
    let work = json!({"value": "ada@work", "type": "work", "primary": true});
    let home = json!({"value": "ada@home", "type": "home"});
    let work_path = r#"emails[type eq "work"]"#;
    let fax_path = r#"emails[type eq "fax"]"#;
    check_user(
        op("replace", r#"emails[type eq "WORK" and value ew "work"].value"#, json!("new")),
        Ok(json!({"emails": [{"value": "new", "type": "work", "primary": true}, home]})),
        &[],
    );
    check_user(
        op("add", r#"emails[type eq "home"].display"#, json!("Home")),
        Ok(json!({"emails": [work, {"value": "ada@home", "type": "home", "display": "Home"}]})),
        &[Point::AddWithFilter],
    );
    let replaced = Ok(json!({"emails": [{"value": "n", "type": "work", "primary": true}, home]}));
    check_user(op("replace", work_path, json!({"value": "n", "type": "work", "primary": true})), replaced, &[]);
    let fewer = Ok(json!({"emails": [{"value": "n"}, home]}));
    check_user(op("replace", work_path, json!({"value": "n"})), fewer, &[Point::ReplaceElement]);
    let everything = Ok(json!({"emails": [{"value": "n"}]}));
    check_user(op("replace", "emails[value pr]", json!({"value": "n"})), everything, &[Point::ReplaceElement]);
    check_user(op("replace", work_path, json!("n")), Err(ScimType::InvalidValue), &[]);
    check_user(op("replace", work_path, json!(null)), Ok(json!({"emails": [home]})), &[Point::NullValue]);
    check_user(remove(work_path), Ok(json!({"emails": [home]})), &[]);
    check_user(remove("emails[value pr]"), Ok(json!({"emails": null})), &[]);
    check_user(remove(fax_path), Ok(json!({})), &[Point::RemoveAbsent]);
    check_user(remove(r#"roles[value eq "x"]"#), Ok(json!({})), &[Point::RemoveAbsent]);
    check_user(
        remove(r#"emails[type eq "work"].primary"#),
        Ok(json!({"emails": [{"value": "ada@work", "type": "work"}, home]})),
        &[],
    );
    check_user(remove(r#"emails[type eq "home"].primary"#), Ok(json!({})), &[Point::RemoveAbsent]);
    check_user(op("replace", fax_path, json!({"value": "n"})), Err(ScimType::NoTarget), &[Point::ReplaceNoMatch]);
    let created = Ok(json!({"emails": [work, home, {"type": "fax", "value": "n"}]}));
    let add = op("add", r#"emails[type eq "fax"].value"#, json!("n"));
    check_user(add.clone(), created.clone(), &[Point::AddWithFilter]);
    check_user(
        op("add", "emails[type ne \"x\" and type eq \"y\"]", json!({})),
        Err(ScimType::NoTarget),
        &[Point::AddWithFilter],
    );
    let entra = PatchChoices { replace_no_match: NoMatch::Create, add_no_match: NoMatch::Ignore, ..Default::default() };
    let replace = op("replace", r#"emails[type eq "fax"].value"#, json!("n"));
    check_with(user(), entra, replace, created, &[Point::ReplaceNoMatch]);
    check_with(user(), entra, add, Ok(json!({})), &[Point::AddWithFilter]);
    check_user(op("replace", "title[value pr]", json!("x")), Err(ScimType::InvalidPath), &[]);
    check_user(op("replace", "emails[primary gt true].value", json!("x")), Err(ScimType::InvalidFilter), &[]);
    check_user(op("replace", "emails[value pr].nothing", json!("x")), Err(ScimType::InvalidPath), &[]);
    check_user(op("replace", "emails.type[value pr]", json!("x")), Err(ScimType::InvalidPath), &[]);
}

#[test]
fn members() {
    let (a, b) = (group()["members"][0].clone(), group()["members"][1].clone());
    let listed = |value: Value| op("Remove", "members", value);
    let with = &[Point::RemoveWithValue];
    check_group(op("add", "members", json!([{"value": "a"}])), Ok(json!({})), &[Point::AddExisting]);
    let added = Ok(json!({"members": [a, b, {"value": "c"}]}));
    check_group(op("Add", "members", json!([{"$ref": null, "value": "c"}])), added, &[]);
    check_group(remove(r#"members[value eq "a"]"#), Ok(json!({"members": [b]})), &[]);
    check_group(remove(r#"members[value eq "A"]"#), Ok(json!({})), &[Point::RemoveAbsent]);
    check_group(listed(json!([{"$ref": null, "value": "a"}])), Ok(json!({"members": [b]})), with);
    check_group(listed(json!({"value": "a"})), Ok(json!({"members": [b]})), with);
    check_group(listed(json!(["b"])), Ok(json!({"members": [a]})), with);
    check_group(listed(json!([{"type": "user"}])), Ok(json!({"members": [b]})), with);
    check_group(listed(json!([{"value": "a"}, {"value": "b"}])), Ok(json!({"members": null})), with);
    check_group(listed(json!(null)), Ok(json!({"members": null})), &[]);
    check_group(listed(json!([7])), Err(ScimType::InvalidValue), with);
    let both = &[Point::RemoveAbsent, Point::RemoveWithValue];
    check_group(listed(json!([{"value": "z"}])), Ok(json!({})), both);
    check_group(listed(json!([{"value": "a"}, {"value": "z"}])), Ok(json!({"members": [b]})), both);
    let choose = |remove_with_value| PatchChoices { remove_with_value, ..Default::default() };
    let one = json!([{"value": "a"}]);
    check_with(group(), choose(RemoveWithValue::All), listed(one.clone()), Ok(json!({"members": null})), with);
    check_with(group(), choose(RemoveWithValue::Refuse), listed(one), Err(ScimType::InvalidValue), with);
    check_group(op("replace", r#"members[value eq "a"].value"#, json!("z")), Err(ScimType::Mutability), &[]);
    check_group(op("replace", r#"members[value eq "a"]"#, json!({"value": "z"})), Err(ScimType::Mutability), &[]);
    check_group(
        op("replace", r#"members[value eq "b"].type"#, json!("User")),
        Ok(json!({"members": [
        a, {"value": "b", "type": "User"}]})),
        &[],
    );
    check_group(op("replace", r#"members[value eq "a"]"#, json!({"value": "a"})), Ok(json!({})), &[Point::NoOpReplace]);
}

#[test]
fn other_choices() {
    let strict = PatchChoices {
        remove_absent: RemoveAbsent::NoTarget,
        add_existing: AddExisting::Refuse,
        add_no_match: NoMatch::NoTarget,
        ..Default::default()
    };
    let check = |operations, why, points: &[Point]| check_with(user(), strict, operations, Err(why), points);
    check(remove("title"), ScimType::NoTarget, &[Point::RemoveAbsent]);
    check(remove("name.middleName"), ScimType::NoTarget, &[Point::RemoveAbsent]);
    check(remove(r#"emails[type eq "x"]"#), ScimType::NoTarget, &[Point::RemoveAbsent]);
    check(remove(ENTERPRISE_URN), ScimType::NoTarget, &[Point::RemoveAbsent, Point::WholeExtension]);
    check(op("add", "emails", json!([{"value": "ada@work"}])), ScimType::Uniqueness, &[Point::AddExisting]);
    check(op("add", r#"emails[type eq "x"].value"#, json!("y")), ScimType::NoTarget, &[Point::AddWithFilter]);
    let (end, _) = run(&user(), op("add", "active", json!(true)), &user_shape(), strict).expect("single values stay");
    assert_eq!(end, user());
}

#[test]
fn path_less_values() {
    let number = format!("{ENTERPRISE_URN}:employeeNumber");
    let changed = json!({
        "title": "C", "name": {"givenName": "A.", "familyName": "Lovelace"},
        "schemas": [USER_URN, ENTERPRISE_URN], (ENTERPRISE_URN): {"employeeNumber": "7"},
    });
    for verb in ["add", "replace"] {
        let keyed = |value: Value| json!({"op": verb, "value": value});
        check_user(
            keyed(json!({"TITLE": "C", "name.givenName": "A.", (number.as_str()): "7", "id": "1", "schemas": []})),
            Ok(changed.clone()),
            &[Point::CompoundKey],
        );
        check_user(
            keyed(json!({"title": "C", "name": {"givenName": "A."}, (ENTERPRISE_URN): {"employeeNumber": "7"}})),
            Ok(changed.clone()),
            &[],
        );
        let other = keyed(json!({"id": "2", "nothing": 1, "title": "C"}));
        check_user(other, Ok(json!({"title": "C"})), &[Point::ReadOnlyIgnored, Point::UndeclaredKey]);
        check_user(keyed(json!({"id": "2"})), Err(ScimType::Mutability), &[Point::ReadOnlyIgnored]);
        check_user(keyed(json!({"id": "1"})), Ok(json!({})), &[]);
        check_user(keyed(json!({})), Ok(json!({})), &[]);
        check_user(keyed(json!("x")), Err(ScimType::InvalidValue), &[]);
        check_user(json!({"op": verb}), Err(ScimType::InvalidValue), &[]);
        check_user(keyed(json!({"title": "C", "active": "x"})), Err(ScimType::InvalidValue), &[]);
        check_user(keyed(json!({"active": false})), Ok(json!({"active": false})), &[]);
    }
    let pushed = json!({"op": "replace", "value": {"members": [], "id": "9", "displayName": "Platform"}});
    check_group(pushed, Ok(json!({"displayName": "Platform", "members": null})), &[]);
    let renamed = json!({"op": "replace", "value": {"id": "9", "displayName": "Platform"}});
    check_group(renamed, Ok(json!({"displayName": "Platform"})), &[]);
    let added = json!({"op": "add", "value": {"members": [{"value": "a"}]}});
    check_group(added, Ok(json!({})), &[Point::AddExisting]);
}

#[test]
fn extensions_come_and_go() {
    let path = |name: &str| format!("{ENTERPRISE_URN}:{name}");
    let holding = |container: Value| Ok(json!({"schemas": [USER_URN, ENTERPRISE_URN], (ENTERPRISE_URN): container}));
    check_user(op("add", &path("employeeNumber"), json!("7")), holding(json!({"employeeNumber": "7"})), &[]);
    check_user(op("replace", &path("manager.value"), json!("m")), holding(json!({"manager": {"value": "m"}})), &[]);
    check_user(
        op("add", &path("manager"), json!({"value": "m", "displayName": "M"})),
        holding(json!({"manager": {"value": "m"}})),
        &[Point::ReadOnlyIgnored],
    );
    check_user(op("add", &path("manager.displayName"), json!("M")), Err(ScimType::Mutability), &[]);
    check_user(op("add", &path("manager"), json!("m")), Err(ScimType::InvalidValue), &[]);
    check_user(op("add", &path("nothing"), json!("m")), Err(ScimType::InvalidPath), &[]);
    check_user(op("add", "urn:other:2.0:User:title", json!("m")), Err(ScimType::InvalidPath), &[]);
    let whole = &[Point::WholeExtension];
    let seven = json!({"employeeNumber": "7"});
    check_user(op("replace", &ENTERPRISE_URN.to_uppercase(), seven.clone()), holding(seven.clone()), whole);
    let dotted = json!({"employeeNumber": "7", "manager.value": "m", "x": 1});
    check_user(
        op("add", ENTERPRISE_URN, dotted),
        holding(json!({"employeeNumber": "7", "manager": {"value": "m"}})),
        &[Point::WholeExtension, Point::CompoundKey, Point::UndeclaredKey],
    );
    check_user(op("add", ENTERPRISE_URN, json!("x")), Err(ScimType::InvalidValue), whole);
    check_user(remove(ENTERPRISE_URN), Ok(json!({})), &[Point::RemoveAbsent, Point::WholeExtension]);
    check_user(remove(USER_URN), Err(ScimType::InvalidPath), &[]);
    check_user(op("replace", USER_URN, json!({"title": "C"})), Ok(json!({"title": "C"})), &[]);
    let add = op("add", &path("employeeNumber"), json!("7"));
    check_user(json!([add, remove(&path("employeeNumber"))]), Ok(json!({})), &[]);
    check_user(json!([add, remove(ENTERPRISE_URN)]), Ok(json!({})), whole);
    let nothing = op("replace", ENTERPRISE_URN, json!(null));
    check_user(json!([add, nothing]), Ok(json!({})), &[Point::NullValue, Point::WholeExtension]);
    let touched = run(&user(), add, &user_shape(), PatchChoices::default()).expect("applies").1.touched;
    assert_eq!(touched.into_iter().collect::<Vec<_>>(), ["schemas", ENTERPRISE_URN]);
}

#[test]
fn schemas_stay_true() {
    let listed = Ok(json!({"schemas": [USER_URN, ENTERPRISE_URN]}));
    check_user(op("add", "schemas", json!([ENTERPRISE_URN.to_lowercase()])), listed.clone(), &[]);
    check_user(op("replace", "schemas", json!([USER_URN, ENTERPRISE_URN])), listed, &[]);
    check_user(op("replace", "schemas", json!([ENTERPRISE_URN])), Err(ScimType::InvalidValue), &[]);
    check_user(op("add", "schemas", json!(["urn:other"])), Err(ScimType::InvalidValue), &[]);
    check_user(remove("schemas"), Err(ScimType::Mutability), &[]);
    let add = op("add", &format!("{ENTERPRISE_URN}:division"), json!("D"));
    let (end, _) =
        run(&user(), json!([add, op("replace", "schemas", json!([USER_URN]))]), &user_shape(), PatchChoices::default())
            .expect("applies");
    assert_eq!(end["schemas"], json!([USER_URN, ENTERPRISE_URN]));
}

#[test]
fn immutable_and_required_parts() {
    let mut shape = user_shape();
    let part = |name: &str| Attribute { required: true, ..Attribute::new(name, Type::String) };
    shape.core.attributes.extend([
        Attribute { mutability: Mutability::Immutable, ..Attribute::new("badge", Type::String) },
        Attribute {
            sub_attributes: vec![part("a"), Attribute::new("b", Type::String)],
            ..Attribute::new("pair", Type::Complex)
        },
    ]);
    let check = |operations: Value, expected: Result<(&str, Value), ScimType>| {
        let outcome = run(&user(), operations.clone(), &shape, PatchChoices::default());
        match expected {
            Ok((name, value)) => assert_eq!(outcome.expect("applies").0[name], value, "{operations}"),
            Err(why) => assert_eq!(outcome.expect_err("refused").error.scim_type, Some(why), "{operations}"),
        }
    };
    let badge = |verb: &str, value: &str| op(verb, "badge", json!(value));
    check(badge("replace", "x"), Ok(("badge", json!("x"))));
    check(json!([badge("add", "x"), badge("replace", "x")]), Ok(("badge", json!("x"))));
    check(json!([badge("add", "x"), badge("replace", "y")]), Err(ScimType::Mutability));
    check(json!([badge("add", "x"), remove("badge")]), Err(ScimType::Mutability));
    check(op("add", "pair", json!({"b": "1"})), Err(ScimType::InvalidValue));
    check(op("add", "pair.b", json!("1")), Err(ScimType::InvalidValue));
    check(op("add", "pair", json!({"a": "1"})), Ok(("pair", json!({"a": "1"}))));
    check(json!([op("add", "pair", json!({"a": "1"})), remove("pair.a")]), Err(ScimType::Mutability));
    check(json!([op("add", "pair", json!({"a": "1"})), remove("pair")]), Ok(("pair", Value::Null)));
}

#[test]
fn a_request_is_carried_out_in_order_and_wholly() {
    check_user(
        json!([
            op("add", "phoneNumbers", json!([{"value": "1", "type": "work"}])),
            op("replace", r#"phoneNumbers[type eq "work"].value"#, json!("2"))
        ]),
        Ok(json!({"phoneNumbers": [{"value": "2", "type": "work"}]})),
        &[],
    );
    check_user(json!([op("replace", "title", json!("C")), remove("userName")]), Err(ScimType::Mutability), &[]);
    check_user(json!([op("add", "title", json!("C")), remove("title")]), Ok(json!({})), &[]);
}

/// Small JSON of any kind, with names that mean something now and then.
fn value() -> impl Strategy<Value = Value> {
    let word = || {
        prop::sample::select(vec![
            "value",
            "type",
            "primary",
            "name",
            "emails",
            "members",
            "",
            "$ref",
            "True",
            "a",
            ENTERPRISE_URN,
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..4).prop_map(|m| m
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics_and_refusals_change_nothing(
        start in value(),
        verb in prop::sample::select(vec!["add", "remove", "replace"]),
        path in prop::option::of(prop::sample::select(vec![
            "emails", "emails.value", r#"emails[type eq "a"]"#, "emails[primary eq false].value", "name", "name.givenName",
            "active", "schemas", "members", ENTERPRISE_URN, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        ])),
        value in prop::option::of(value()),
    ) {
        let shape = user_shape();
        let mut resource = start.as_object().cloned().unwrap_or_default();
        let mut operation = json!({"op": verb});
        if let Some(path) = path { operation["path"] = json!(path); }
        if let Some(value) = value { operation["value"] = value; }
        let operations = parse_patch(&patch_op(vec![operation]), &shape).expect("well-formed");
        for operation in &operations {
            let before = resource.clone();
            match super::apply(&mut resource, operation, &shape, &PatchChoices::default()) {
                Ok(applied) => prop_assert_eq!(applied.changed, !super::value::same_members(&before, &resource)),
                Err(_) => prop_assert_eq!(&before, &resource),
            }
        }
        let _ = super::validate_new(&Value::Object(resource), &shape);
    }
}
