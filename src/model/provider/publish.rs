//! The schemas that the reference publishes: those of the RFC, less of them, or more (register A88, A89, L10).

use serde_json::{Value, json};

use super::{Choices, Provider, ProviderOptions};
use crate::contract::{Capability, Contract};
use crate::expectation::{Belief, Kind};
use crate::scim::attribute::{Attribute, Mutability, Type};
use crate::scim::schema::{Schema, Shape};

/// An extension that nobody asked for and that the provider fills in by itself.
const USAGE_URN: &str = "urn:example:scimproof:schemas:2.0:Usage";
/// An extension without which a user is not accepted.
const SEAT_URN: &str = "urn:example:scimproof:schemas:2.0:Seat";

/// Attributes of the User schema that a provider with a subset leaves out.
const LEFT_OUT: &[&str] = &[
    "displayName",
    "nickName",
    "profileUrl",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
];

/// What the reference publishes and goes by.
pub(super) fn contract(options: &ProviderOptions) -> Contract {
    let stated = Contract::of(options.profile.clone());
    let group = stated.group.is_some().then(super::discovery::group_shape);
    let mut contract = Contract { group, published: true, ..stated };
    if let Some(limit) = contract.limit("user_delete") {
        contract.users.delete = Capability::Refused(limit.status.first().copied().unwrap_or(501));
    }
    if options.sample {
        contract.user.extensions.push((super::sample::extension(), false));
    }
    let choices = &options.choices;
    if choices.publishes("A88", "subset") {
        shorten(&mut contract.user.core);
    }
    if choices.publishes("A88", "stricter") {
        extend(&mut contract.user);
    }
    if choices.publishes("L10", "immutable-published") {
        // A client that renames a group to try the connection gets no further: drawn are user names only.
        let group = contract.group.iter_mut().filter(|_| !choices.crowded());
        for shape in std::iter::once(&mut contract.user).chain(group) {
            for attribute in named(&mut shape.core, &["userName", "displayName"]) {
                let naming = attribute.name == "userName" || shape.name == "Group";
                attribute.mutability = if naming { Mutability::Immutable } else { attribute.mutability };
            }
        }
    }
    if choices.publishes("A89", "published-inexact") {
        let members = contract.group.iter_mut().flat_map(|g| named(&mut g.core, &["members"]));
        members.flat_map(|m| &mut m.sub_attributes).filter(|s| s.name == "value").for_each(|s| s.case_exact = false);
    }
    contract
}

fn named<'a>(schema: &'a mut Schema, names: &'a [&str]) -> impl Iterator<Item = &'a mut Attribute> {
    schema.attributes.iter_mut().filter(|a| names.contains(&a.name.as_str()))
}

/// Leaves out what no client needs, and parts of what it sends.
fn shorten(user: &mut Schema) {
    user.attributes.retain(|a| !LEFT_OUT.contains(&a.name.as_str()));
    for attribute in named(user, &["name", "emails"]) {
        attribute.sub_attributes.retain(|sub| !["formatted", "type", "primary"].contains(&sub.name.as_str()));
    }
}

/// Makes an attribute required, and adds an extension that is required and one that is not.
fn extend(user: &mut Shape) {
    let of = |name: &str, kind: Type, required: bool| Attribute { required, ..Attribute::new(name, kind) };
    for attribute in named(&mut user.core, &["userType"]) {
        attribute.required = true;
        attribute.canonical_values = vec!["Employee".to_owned(), "Contractor".to_owned()];
    }
    let plan = Attribute {
        sub_attributes: vec![of("name", Type::String, true), of("price", Type::Decimal, false)],
        ..of("plan", Type::Complex, true)
    };
    let seat = Schema {
        id: SEAT_URN.to_owned(),
        name: "Seat".to_owned(),
        description: "What a user pays for.".to_owned(),
        attributes: vec![
            of("kind", Type::String, true),
            of("number", Type::Integer, true),
            of("since", Type::DateTime, true),
            of("billed", Type::Boolean, true),
            of("note", Type::String, false),
            plan,
        ],
    };
    let read_only = |a: Attribute| Attribute { mutability: Mutability::ReadOnly, ..a };
    let usage = Schema {
        id: USAGE_URN.to_owned(),
        name: "Usage".to_owned(),
        description: "What the provider knows of a user.".to_owned(),
        attributes: vec![
            read_only(of("logins", Type::Integer, false)),
            of("theme", Type::String, false),
            Attribute { multi_valued: true, ..of("tags", Type::String, false) },
        ],
    };
    user.extensions.extend([(seat, true), (usage, false)]);
}

impl Provider {
    /// Fills in the extension that nobody asked for, and counts what the schemas say.
    pub(super) fn fill_in(&mut self, belief: &mut Belief) {
        let is = |choices: &Choices, register, name| choices.publishes(register, name);
        let choices = self.options.choices.clone();
        if belief.kind == Kind::Group {
            let inexact = is(&choices, "A89", "published-inexact");
            return self.note("A89", if inexact { "published-inexact" } else { "published-exact" });
        }
        let (stricter, subset) = (is(&choices, "A88", "stricter"), is(&choices, "A88", "subset"));
        for (name, taken) in [("as-registered", !stricter && !subset), ("stricter", stricter), ("subset", subset)] {
            if taken {
                self.note("A88", name);
            }
        }
        if stricter {
            let own: Value = json!({ "logins": 1, "theme": "plain", "tags": ["new", "unseen"] });
            belief.attributes.entry(USAGE_URN).or_insert(own);
        }
    }
}
