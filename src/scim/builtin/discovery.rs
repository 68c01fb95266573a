//! The schemas of what a service provider says of itself (RFC 7643 sections 5 to 7 and 8.7.2, RFC 9865 section 4), verified
//! errata applied.

use super::{complex, of, schema, text};
use crate::scim::attribute::{Attribute, Type};
use crate::scim::message::{RESOURCE_TYPE_URN, SCHEMA_URN, SERVICE_PROVIDER_CONFIG_URN};
use crate::scim::schema::Schema;

/// The schemas of ServiceProviderConfig, ResourceType and Schema; everything in them is readOnly.
pub fn discovery_schemas() -> Vec<Schema> {
    let all = [service_provider_config(), resource_type(), schema_schema()];
    let fixed = |of: Schema| Schema { attributes: of.attributes.into_iter().map(Attribute::read_only).collect(), ..of };
    all.into_iter().map(fixed).collect()
}

fn flag(name: &str, description: &str) -> Attribute {
    of(Type::Boolean, name, description).required()
}

fn number(name: &str, description: &str) -> Attribute {
    of(Type::Integer, name, description).required()
}

fn uri(name: &str, description: &str) -> Attribute {
    of(Type::Reference, name, description).refers(&["uri"])
}

fn service_provider_config() -> Schema {
    let supported = || flag("supported", "Whether it is supported.");
    let page = |name: &str, description: &str| of(Type::Integer, name, description);
    let bulk = vec![
        supported(),
        number("maxOperations", "The most operations in one request."),
        number("maxPayloadSize", "The largest request body in bytes."),
    ];
    let filter = vec![supported(), number("maxResults", "The most resources in one answer.")];
    let pagination = vec![
        flag("cursor", "Whether lists can be read by cursor."),
        flag("index", "Whether lists can be read by index."),
        text("defaultPaginationMethod", "The method where a request names none.").suggests(&["cursor", "index"]),
        page("defaultPageSize", "The length of a page where a request names none."),
        page("maxPageSize", "The greatest length of a page."),
        page("cursorTimeout", "How many seconds a cursor is good for at least."),
    ];
    let scheme = vec![
        text("type", "The kind of authentication.").required().suggests(&[
            "oauth",
            "oauth2",
            "oauthbearertoken",
            "httpbasic",
            "httpdigest",
        ]),
        text("name", "The name for people.").required(),
        text("description", "A sentence for people.").required(),
        of(Type::Reference, "specUri", "The specification.").refers(&["external"]),
        of(Type::Reference, "documentationUri", "How to use it.").refers(&["external"]),
        of(Type::Boolean, "primary", "Whether this is the preferred scheme."),
    ];
    schema(
        SERVICE_PROVIDER_CONFIG_URN,
        "ServiceProviderConfig",
        "What the service provider can do.",
        vec![
            of(Type::Reference, "documentationUri", "Where the service is described.").refers(&["external"]),
            complex("patch", "Changes with PATCH.", vec![supported()]).required(),
            complex("bulk", "Several operations in one request.", bulk).required(),
            complex("filter", "Filters.", filter).required(),
            complex("changePassword", "Setting a new password.", vec![supported()]).required(),
            complex("sort", "Sorted lists.", vec![supported()]).required(),
            complex("etag", "Versions of resources.", vec![supported()]).required(),
            complex("authenticationSchemes", "How clients say who they are.", scheme).many().required(),
            complex("pagination", "How lists can be read in pages.", pagination),
        ],
    )
}

fn resource_type() -> Schema {
    let extension = vec![
        uri("schema", "The URI of the extension.").required(),
        flag("required", "Whether each resource of the type has it."),
    ];
    schema(
        RESOURCE_TYPE_URN,
        "ResourceType",
        "A type of resource and where it is found.",
        vec![
            text("id", "The service provider's name for it, which may be its name."),
            text("name", "The name of the type.").exact().required(),
            text("description", "A sentence for people."),
            uri("endpoint", "Where its resources are, below the base URL.").required(),
            uri("schema", "The URI of its schema.").required(),
            complex("schemaExtensions", "The extensions of its schema.", extension).many(),
        ],
    )
}

fn schema_schema() -> Schema {
    let definition = || {
        vec![
            text("name", "The attribute's name.").exact().required(),
            text("type", "The data type.").required().suggests(&[
                "string",
                "complex",
                "boolean",
                "decimal",
                "integer",
                "dateTime",
                "reference",
                "binary",
            ]),
            flag("multiValued", "Whether the value is an array."),
            text("description", "A sentence for people."),
            of(Type::Boolean, "required", "Whether a resource must have a value."),
            text("canonicalValues", "Values that are suggested.").exact().many(),
            of(Type::Boolean, "caseExact", "Whether letter case tells values apart."),
            text("mutability", "Who may change it.").exact().suggests(&[
                "readOnly",
                "readWrite",
                "immutable",
                "writeOnly",
            ]),
            text("returned", "When it is part of an answer.")
                .exact()
                .suggests(&["always", "never", "default", "request"]),
            text("uniqueness", "Among whom a value exists once.").exact().suggests(&["none", "server", "global"]),
            text("referenceTypes", "What a reference may point at.").exact().many(),
        ]
    };
    let mut attribute = definition();
    attribute.push(complex("subAttributes", "The parts of a complex attribute.", definition()).many());
    schema(
        SCHEMA_URN,
        "Schema",
        "A set of attributes with a name.",
        vec![
            uri("id", "The URI of the schema.").required(),
            text("name", "The name for people."),
            text("description", "A sentence for people."),
            complex("attributes", "What it defines.", attribute).many().required(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_of_itself_is_described() {
        let schemas = discovery_schemas();
        let names: Vec<&str> = schemas.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["ServiceProviderConfig", "ResourceType", "Schema"]);
        for schema in &schemas {
            let all = schema.attributes.iter().flat_map(|a| std::iter::once(a).chain(&a.sub_attributes));
            assert!(all.into_iter().all(|a| a.is_read_only() && !a.description.is_empty()), "{}", schema.name);
            assert_eq!(Schema::from_json(&schema.to_json("/x")).as_ref(), Some(schema));
        }
        let deep = schemas.last().and_then(|s| s.attribute("attributes")?.sub("subAttributes")?.sub("mutability"));
        assert!(deep.is_some_and(|a| a.case_exact && a.canonical_values.len() == 4));
    }
}
