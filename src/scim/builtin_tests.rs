//! What the built-in schemas hold.

use super::*;

/// `attribute: sub sub sub`, in the order of the RFC.
fn check(schema: &Schema, expected: &str) {
    let line = |a: &Attribute| {
        let subs: Vec<_> = a.sub_attributes.iter().map(|s| s.name.as_str()).collect();
        if subs.is_empty() { a.name.clone() } else { format!("{}({})", a.name, subs.join(" ")) }
    };
    let lines: Vec<_> = schema.attributes.iter().map(line).collect();
    assert_eq!(lines.join(" "), expected);
}

#[test]
fn every_attribute_of_the_rfc_is_there() {
    check(
        &user_schema(),
        "userName name(formatted familyName givenName middleName honorificPrefix honorificSuffix) displayName \
         nickName profileUrl title userType preferredLanguage locale timezone active password \
         emails(value display type primary) phoneNumbers(value display type primary) \
         ims(value display type primary) photos(value display type primary) \
         addresses(formatted streetAddress locality region postalCode country type primary) \
         groups(value $ref display type) entitlements(value display type primary) \
         roles(value display type primary) x509Certificates(value display type primary)",
    );
    check(&group_schema(), "displayName members(value $ref type display)");
    check(
        &enterprise_schema(),
        "employeeNumber costCenter organization division department manager(value $ref displayName)",
    );
}

#[test]
fn characteristics_that_matter() {
    let user = user_schema();
    let of = |name: &str| user.attribute(name).expect("declared");
    assert!(of("userName").required && !of("userName").case_exact);
    assert_eq!(of("userName").uniqueness, Uniqueness::Server);
    assert_eq!((of("password").mutability, of("password").returned), (Mutability::WriteOnly, Returned::Never));
    assert!(of("groups").is_read_only() && of("groups").sub_attributes.iter().all(Attribute::is_read_only));
    assert!(common("ID").is_some_and(|id| id.case_exact && id.returned == Returned::Always));
    assert!(common("meta").and_then(|m| m.sub("created")).is_some_and(|c| c.kind == Type::DateTime));
}
