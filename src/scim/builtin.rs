//! The schemas that the RFC defines (RFC 7643 sections 3.1 and 8.7.1), verified errata applied, described in our words.

use std::sync::LazyLock;

use super::attribute::{Attribute, Mutability, Returned, Type, Uniqueness};
use super::message::{ENTERPRISE_URN, GROUP_URN, USER_URN};
use super::schema::{Schema, Shape};

mod discovery;

pub use discovery::discovery_schemas;

static COMMON: LazyLock<Vec<Attribute>> = LazyLock::new(|| {
    let meta = vec![
        text("resourceType", "The name of the resource type.").exact(),
        of(Type::DateTime, "created", "When the resource was added."),
        of(Type::DateTime, "lastModified", "When the resource last changed."),
        of(Type::Reference, "location", "The URI of the resource.").refers(&["uri"]),
        text("version", "The entity tag of the resource.").exact(),
    ];
    vec![
        of(Type::Reference, "schemas", "The schemas the resource uses.")
            .refers(&["uri"])
            .many()
            .required()
            .returned(Returned::Always),
        text("id", "The service provider's name for the resource.")
            .exact()
            .required()
            .mutability(Mutability::ReadOnly)
            .returned(Returned::Always)
            .unique(),
        text("externalId", "The client's name for the resource.").exact(),
        complex("meta", "What the service provider notes about the resource.", meta).read_only(),
    ]
});

/// The attributes that every resource has, whatever its schemas say (RFC 7643 section 3.1).
pub fn common_attributes() -> &'static [Attribute] {
    &COMMON
}

/// The common attribute of that name, without regard to case.
pub fn common(name: &str) -> Option<&'static Attribute> {
    COMMON.iter().find(|a| a.name.eq_ignore_ascii_case(name))
}

/// Users with the enterprise extension (RFC 7643 sections 4.1 and 4.3).
pub fn user_shape() -> Shape {
    Shape {
        name: "User".to_owned(),
        endpoint: "/Users".to_owned(),
        core: user_schema(),
        extensions: vec![(enterprise_schema(), false)],
    }
}

/// Groups (RFC 7643 section 4.2).
pub fn group_shape() -> Shape {
    Shape { name: "Group".to_owned(), endpoint: "/Groups".to_owned(), core: group_schema(), extensions: Vec::new() }
}

/// The User schema (RFC 7643 section 4.1). `addresses` has `primary`, which section 8.7.1 forgets and RFC 7644 section
/// 3.5.2.3 uses.
pub fn user_schema() -> Schema {
    let name = vec![
        text("formatted", "The full name, ready for display."),
        text("familyName", "The family name, or last name."),
        text("givenName", "The given name, or first name."),
        text("middleName", "The middle names."),
        text("honorificPrefix", "The title in front of the name."),
        text("honorificSuffix", "The suffix behind the name."),
    ];
    let address = vec![
        text("formatted", "The full address, ready for a label; may contain newlines."),
        text("streetAddress", "Street, house number and what else finds the door; may contain newlines."),
        text("locality", "The city."),
        text("region", "The state or region."),
        text("postalCode", "The postal code."),
        text("country", "The country as an ISO 3166-1 alpha-2 code."),
        text("type", "What the address is for.").suggests(&["work", "home", "other"]),
        primary(),
    ];
    let groups = vec![
        text("value", "The id of the group.").exact(),
        of(Type::Reference, "$ref", "The URI of the group.").refers(&["Group"]),
        text("display", "The group's name."),
        text("type", "Whether the membership is its own or another group's.").suggests(&["direct", "indirect"]),
    ];
    let anything = |description| text("value", description);
    schema(
        USER_URN,
        "User",
        "A person's account.",
        vec![
            text("userName", "The name the user signs in with.").required().unique(),
            complex("name", "The parts of the user's name.", name),
            text("displayName", "The name to show for the user."),
            text("nickName", "What the user is called among friends."),
            of(Type::Reference, "profileUrl", "A page about the user.").refers(&["external"]),
            text("title", "The user's title, such as Vice President."),
            text("userType", "How the user belongs to the organization, such as Contractor."),
            text("preferredLanguage", "The languages the user prefers, as in Accept-Language."),
            text("locale", "The user's locale, for dates and currencies."),
            text("timezone", "The user's time zone in the IANA database."),
            of(Type::Boolean, "active", "Whether the user may use the service."),
            text("password", "The password in clear, to set and to compare.")
                .mutability(Mutability::WriteOnly)
                .returned(Returned::Never),
            plural("emails", "E-mail addresses.", anything("An address."), &["work", "home", "other"]),
            plural(
                "phoneNumbers",
                "Phone numbers.",
                anything("A number."),
                &["work", "home", "mobile", "fax", "pager", "other"],
            ),
            plural(
                "ims",
                "Instant messaging addresses.",
                anything("An address."),
                &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
            ),
            plural(
                "photos",
                "Pictures of the user.",
                of(Type::Reference, "value", "The URI of an image.").refers(&["external"]),
                &["photo", "thumbnail"],
            ),
            complex("addresses", "Postal addresses.", address).many(),
            complex("groups", "The groups the user belongs to; changed through them.", groups).many().read_only(),
            plural("entitlements", "What the user has a right to.", anything("An entitlement."), &[]),
            plural("roles", "What the user is.", anything("A role."), &[]),
            plural(
                "x509Certificates",
                "Certificates of the user.",
                of(Type::Binary, "value", "One DER certificate."),
                &[],
            ),
        ],
    )
}

/// The Group schema (RFC 7643 section 4.2): `displayName` is required (erratum 5368), and `members.display` is there
/// because the examples use it (register A74).
pub fn group_schema() -> Schema {
    let members = vec![
        text("value", "The id of the member.").exact(),
        of(Type::Reference, "$ref", "The URI of the member.").refers(&["User", "Group"]),
        text("type", "The resource type of the member.").suggests(&["User", "Group"]),
        text("display", "The member's name."),
    ];
    let members = members.into_iter().map(|m| m.mutability(Mutability::Immutable)).collect();
    schema(
        GROUP_URN,
        "Group",
        "A set of users and groups.",
        vec![
            text("displayName", "The name to show for the group.").required(),
            complex("members", "Who belongs to the group.", members).many(),
        ],
    )
}

/// The enterprise extension (RFC 7643 section 4.3); `manager.value` is case-exact (erratum 8472).
pub fn enterprise_schema() -> Schema {
    let manager = vec![
        text("value", "The id of the manager's user.").exact(),
        of(Type::Reference, "$ref", "The URI of the manager's user.").refers(&["User"]),
        text("displayName", "The manager's name.").mutability(Mutability::ReadOnly),
    ];
    schema(
        ENTERPRISE_URN,
        "EnterpriseUser",
        "What an enterprise knows about a user.",
        vec![
            text("employeeNumber", "The number the organization gave the user."),
            text("costCenter", "The cost center."),
            text("organization", "The organization."),
            text("division", "The division."),
            text("department", "The department."),
            complex("manager", "The user's manager.", manager),
        ],
    )
}

fn schema(id: &str, name: &str, description: &str, attributes: Vec<Attribute>) -> Schema {
    Schema { id: id.to_owned(), name: name.to_owned(), description: description.to_owned(), attributes }
}

fn of(kind: Type, name: &str, description: &str) -> Attribute {
    Attribute { description: description.to_owned(), ..Attribute::new(name, kind) }
}

fn text(name: &str, description: &str) -> Attribute {
    of(Type::String, name, description)
}

fn complex(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
    Attribute { sub_attributes, ..of(Type::Complex, name, description) }
}

fn primary() -> Attribute {
    of(Type::Boolean, "primary", "Whether this is the preferred value; true once at most.")
}

/// A multi-valued attribute with the sub-attributes of RFC 7643 section 2.4.
fn plural(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let subs = vec![
        value,
        text("display", "The value as people read it."),
        text("type", "What the value is for.").suggests(types),
        primary(),
    ];
    complex(name, description, subs).many()
}

/// Characteristics that differ from the defaults, said in passing.
impl Attribute {
    fn many(self) -> Self {
        Attribute { multi_valued: true, ..self }
    }

    fn required(self) -> Self {
        Attribute { required: true, ..self }
    }

    fn exact(self) -> Self {
        Attribute { case_exact: true, ..self }
    }

    fn unique(self) -> Self {
        Attribute { uniqueness: Uniqueness::Server, ..self }
    }

    fn mutability(self, mutability: Mutability) -> Self {
        Attribute { mutability, ..self }
    }

    /// Read only, with everything inside.
    fn read_only(self) -> Self {
        let sub_attributes = self.sub_attributes.into_iter().map(Attribute::read_only).collect();
        Attribute { mutability: Mutability::ReadOnly, sub_attributes, ..self }
    }

    fn returned(self, returned: Returned) -> Self {
        Attribute { returned, ..self }
    }

    fn suggests(self, values: &[&str]) -> Self {
        Attribute { canonical_values: values.iter().map(|v| (*v).to_owned()).collect(), ..self }
    }

    fn refers(self, types: &[&str]) -> Self {
        Attribute { reference_types: types.iter().map(|t| (*t).to_owned()).collect(), ..self }
    }
}

#[cfg(test)]
#[path = "builtin_tests.rs"]
mod tests;
