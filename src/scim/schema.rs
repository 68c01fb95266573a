//! Schemas (RFC 7643 section 7) and the resource types that are made of them (section 6).

use serde_json::{Map, Value, json};

use super::attribute::Attribute;
use super::builtin::common;
use super::message::{RESOURCE_TYPE_URN, SCHEMA_URN};
use super::path::AttrPath;
use super::resource::lookup;
use super::value::{elements, is_unassigned};

/// A named set of attributes (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The URI that identifies it.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// A sentence for people.
    pub description: String,
    /// What it defines.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// Reads a published schema leniently; only one without an id is none.
    pub fn from_json(published: &Value) -> Option<Schema> {
        let published = published.as_object()?;
        let text = |name: &str| lookup(published, name).and_then(|(_, v)| v.as_str()).unwrap_or_default().to_owned();
        let attributes = match lookup(published, "attributes") {
            Some((_, Value::Array(definitions))) => definitions.iter().filter_map(Attribute::from_json).collect(),
            _ => Vec::new(),
        };
        let schema = Schema { id: text("id"), name: text("name"), description: text("description"), attributes };
        (!schema.id.is_empty()).then_some(schema)
    }

    /// The schema as `/Schemas` publishes it, with `schemas` and `meta` (erratum 8417).
    pub fn to_json(&self, location: &str) -> Value {
        json!({
            "schemas": [SCHEMA_URN],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes.iter().map(Attribute::to_json).collect::<Vec<_>>(),
            "meta": {"resourceType": "Schema", "location": location},
        })
    }

    /// The attribute of that name, without regard to case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

/// A resource type with its schemas at hand (RFC 7643 section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The name of the resource type, as in `meta.resourceType`.
    pub name: String,
    /// Where its resources live, relative to the base URL: `/Users`.
    pub endpoint: String,
    /// The schema that every resource of the type has.
    pub core: Schema,
    /// The schema extensions, and whether a resource must have them.
    pub extensions: Vec<(Schema, bool)>,
}

/// What a path means in a resource type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target<'a> {
    /// Everything that a schema defines (register A65); nothing but an extension or the core schema.
    Schema(&'a Schema),
    /// One attribute, perhaps one sub-attribute of it.
    Attribute {
        /// The extension that defines it; none for core and common attributes.
        extension: Option<&'a Schema>,
        /// The attribute at the top of the resource or of the extension.
        attribute: &'a Attribute,
        /// The sub-attribute.
        sub: Option<&'a Attribute>,
    },
}

impl Shape {
    /// The attribute or sub-attribute that a path names. Common attributes are those of RFC 7643 section 3.1, whatever a
    /// schema lists. A name without URN is never looked up in an extension (RFC 7644 section 3.10).
    pub fn find(&self, path: &AttrPath) -> Option<&Attribute> {
        match self.resolve(path)? {
            Target::Schema(_) => None,
            Target::Attribute { attribute, sub, .. } => Some(sub.unwrap_or(attribute)),
        }
    }

    /// What a path means here; nothing if no schema of the resource type declares it.
    pub fn resolve(&self, path: &AttrPath) -> Option<Target<'_>> {
        if let Some(urn) = path.urn.as_deref() {
            // `urn:...:2.0:User` reads as attribute `User` of `urn:...:2.0` where the schemas are not known.
            let whole = if path.is_whole() { self.schema(urn) } else { self.schema(&path.to_string()) };
            if let Some(schema) = whole {
                return Some(Target::Schema(schema));
            }
        }
        let extension = match path.urn.as_deref() {
            Some(urn) if !urn.eq_ignore_ascii_case(&self.core.id) => Some(self.extension(urn)?),
            _ => None,
        };
        let attribute = match extension {
            Some(schema) => schema.attribute(&path.name)?,
            None => common(&path.name).or_else(|| self.core.attribute(&path.name))?,
        };
        let sub = match &path.sub {
            Some(sub) => Some(attribute.sub(sub)?),
            None => None,
        };
        Some(Target::Attribute { extension, attribute, sub })
    }

    /// The core schema or extension with that id, without regard to case (register A87).
    pub fn schema(&self, urn: &str) -> Option<&Schema> {
        if self.core.id.eq_ignore_ascii_case(urn) { Some(&self.core) } else { self.extension(urn) }
    }

    /// The extension with that id, without regard to case.
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().map(|(schema, _)| schema).find(|s| s.id.eq_ignore_ascii_case(urn))
    }

    /// The ids of all its schemas, core first.
    pub fn urns(&self) -> Vec<&str> {
        std::iter::once(&self.core).chain(self.extensions.iter().map(|(s, _)| s)).map(|s| s.id.as_str()).collect()
    }

    /// What a resource holds at a path: the attribute's value, for a sub-attribute of a multi-valued attribute the value
    /// in each element, for an extension its container. Unassigned values are left out (RFC 7643 section 2.5).
    pub fn values_at<'v>(&self, resource: &'v Map<String, Value>, path: &AttrPath) -> Vec<&'v Value> {
        let (value, sub) = match self.resolve(path) {
            Some(Target::Schema(schema)) => (lookup(resource, &schema.id).map(|(_, v)| v), None),
            Some(Target::Attribute { extension, attribute, sub }) => (value_of(resource, extension, attribute), sub),
            None => (None, None),
        };
        let (Some(value), Some(sub)) = (value, sub) else { return value.into_iter().collect() };
        let below = elements(value).iter().filter_map(|e| lookup(e.as_object()?, &sub.name)).map(|(_, v)| v);
        below.filter(|v| !is_unassigned(v)).collect()
    }

    /// The resource type as `/ResourceTypes` publishes it (RFC 7643 section 6).
    pub fn resource_type_json(&self, location: &str) -> Value {
        let extension = |(schema, required): &(Schema, bool)| json!({"schema": schema.id, "required": required});
        json!({
            "schemas": [RESOURCE_TYPE_URN],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.core.description,
            "schema": self.core.id,
            "schemaExtensions": self.extensions.iter().map(extension).collect::<Vec<_>>(),
            "meta": {"resourceType": "ResourceType", "location": location},
        })
    }
}

/// What a resource holds for an attribute at its top or at the top of an extension.
pub(super) fn value_of<'v>(
    resource: &'v Map<String, Value>,
    extension: Option<&Schema>,
    attribute: &Attribute,
) -> Option<&'v Value> {
    let container = match extension {
        Some(schema) => lookup(resource, &schema.id)?.1.as_object()?,
        None => resource,
    };
    lookup(container, &attribute.name).map(|(_, v)| v).filter(|v| !is_unassigned(v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::builtin::{group_shape, user_shape};
    use crate::scim::message::{ENTERPRISE_URN, USER_URN};

    /// `expected` is the name of what is found.
    fn check(path: &str, expected: Option<&str>) {
        let shape = user_shape();
        let path = AttrPath::parse(path).expect("a well-formed path");
        assert_eq!(shape.find(&path).map(|a| a.name.as_str()), expected, "{path}");
    }

    #[test]
    fn paths_resolve() {
        check("USERNAME", Some("userName"));
        check("name.FAMILYNAME", Some("familyName"));
        check("externalId", Some("externalId"));
        check("meta.lastModified", Some("lastModified"));
        check("schemas", Some("schemas"));
        check("groups.$ref", Some("$ref"));
        check(&format!("{USER_URN}:name.familyName"), Some("familyName"));
        check(&format!("{}:id", USER_URN.to_uppercase()), Some("id"));
        check(&format!("{ENTERPRISE_URN}:manager.value"), Some("value"));
        check(&format!("{ENTERPRISE_URN}:userName"), None);
        check(&format!("{ENTERPRISE_URN}:id"), None);
        check(ENTERPRISE_URN, None);
        check("employeeNumber", None);
        check("name.nothing", None);
        check("urn:other:2.0:User:userName", None);
    }

    #[test]
    fn a_whole_schema_is_a_target() {
        let shape = user_shape();
        for path in [AttrPath::whole(ENTERPRISE_URN), AttrPath::parse(ENTERPRISE_URN).expect("parses")] {
            assert!(matches!(shape.resolve(&path), Some(Target::Schema(s)) if s.id == ENTERPRISE_URN));
        }
        assert_eq!(shape.resolve(&AttrPath::whole("urn:other")), None);
    }

    #[test]
    fn schemas_read_back() {
        for shape in [user_shape(), group_shape()] {
            let published = shape.core.to_json("/Schemas/x");
            assert_eq!(Schema::from_json(&published), Some(shape.core));
        }
        assert_eq!(Schema::from_json(&json!({"name": "x"})), None);
        assert_eq!(Schema::from_json(&json!([])), None);
    }

    #[test]
    fn common_attributes_override_what_a_schema_lists() {
        let mut shape = group_shape();
        shape.core.attributes.push(Attribute::new("id", crate::scim::Type::Integer));
        assert!(shape.find(&AttrPath::new("id")).is_some_and(|a| a.case_exact && a.is_read_only()));
    }

    #[test]
    fn resource_types_name_their_schemas() {
        let published = user_shape().resource_type_json("/ResourceTypes/User");
        assert_eq!(published["schema"], USER_URN);
        assert_eq!(published["schemaExtensions"], json!([{"schema": ENTERPRISE_URN, "required": false}]));
    }
}
