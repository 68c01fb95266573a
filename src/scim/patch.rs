//! PATCH requests (RFC 7644 section 3.5.2): reading them, and what may be chosen when they are carried out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::ScimError;
use super::message::{PATCH_OP_URN, names_schema};
use super::path::{PatchPath, PathError};
use super::resource::lookup;
use super::schema::Shape;

/// What an operation does (RFC 7644 section 3.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// Add values, keep what is there.
    Add,
    /// Unassign.
    Remove,
    /// Put values in the place of others.
    Replace,
}

impl Op {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Op::Add => "add",
            Op::Remove => "remove",
            Op::Replace => "replace",
        }
    }

    /// Reads the word without regard to case: Entra ID capitalises it (register A52).
    pub fn parse(text: &str) -> Option<Op> {
        [Op::Add, Op::Remove, Op::Replace].into_iter().find(|op| op.as_str().eq_ignore_ascii_case(text))
    }
}

/// One operation of a PATCH request.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What to do.
    pub op: Op,
    /// Where to do it; without a path the value names the attributes.
    pub path: Option<PatchPath>,
    /// With what. `Some(Null)` was sent as null, `None` was not sent.
    pub value: Option<Value>,
}

impl Operation {
    /// The operation as it is sent.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("op".to_owned(), Value::from(self.op.as_str()));
        if let Some(path) = &self.path {
            out.insert("path".to_owned(), Value::from(path.to_string()));
        }
        if let Some(value) = &self.value {
            out.insert("value".to_owned(), value.clone());
        }
        Value::Object(out)
    }
}

/// Reads a PATCH body. Whether paths name something is found when they are carried out, since an earlier operation
/// decides first.
pub fn parse_patch(body: &Value, shape: &Shape) -> Result<Vec<Operation>, ScimError> {
    let message = body.as_object().ok_or_else(|| ScimError::invalid_syntax("a PATCH request is a JSON object"))?;
    if !names_schema(body, PATCH_OP_URN) {
        return Err(ScimError::invalid_syntax(format!("`schemas` lacks `{PATCH_OP_URN}`")));
    }
    match lookup(message, "Operations") {
        Some((_, Value::Array(operations))) if !operations.is_empty() => {
            let urns = shape.urns();
            operations.iter().map(|operation| parse_operation(operation, &urns)).collect()
        }
        _ => Err(ScimError::invalid_syntax("`Operations` is an array of one operation or more")),
    }
}

fn parse_operation(operation: &Value, urns: &[&str]) -> Result<Operation, ScimError> {
    let operation = operation.as_object().ok_or_else(|| ScimError::invalid_syntax("an operation is an object"))?;
    let member = |name: &str| lookup(operation, name).map(|(_, v)| v);
    let op = member("op").and_then(Value::as_str).and_then(Op::parse);
    let op = op.ok_or_else(|| ScimError::invalid_syntax("`op` is `add`, `remove` or `replace`"))?;
    let path = match member("path") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(PatchPath::parse(text, urns)?),
        Some(_) => return Err(ScimError::invalid_path("`path` is a string")),
    };
    Ok(Operation { op, path, value: member("value").cloned() })
}

impl From<PathError> for ScimError {
    fn from(error: PathError) -> Self {
        match error {
            PathError::Path(e) => ScimError::invalid_path(format!("in the path: {e}")),
            PathError::Filter(e) => ScimError::invalid_filter(format!("in the path: {e}")),
        }
    }
}

/// A place where the RFC leaves room, or where tolerance is common, and which an operation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// A string was taken for a boolean (A04).
    Coerced,
    /// What should be removed is not there (A54).
    RemoveAbsent,
    /// A removal carries a value (A55).
    RemoveWithValue,
    /// A replacement with a filter that selects nothing (A56).
    ReplaceNoMatch,
    /// An addition with a filter (A57).
    AddWithFilter,
    /// A value that is added is there already (A58).
    AddExisting,
    /// A replacement that changes nothing, or nothing but the order of values (A60).
    NoOpReplace,
    /// A readOnly attribute inside a value was passed over (A61).
    ReadOnlyIgnored,
    /// Null or an empty array stands for no value (A64).
    NullValue,
    /// The path is the URN of an extension (A65).
    WholeExtension,
    /// A key of a path-less value is a path itself (A66).
    CompoundKey,
    /// A key of a value, path-less or complex, names nothing that is declared and was passed over (A67, A03).
    UndeclaredKey,
    /// An element is replaced as a whole by a value that names fewer of its parts: merging gives another result (A69
    /// where these are immutable).
    ReplaceElement,
    /// One object for a multi-valued attribute, without the array (A70).
    SingleObject,
}

impl Point {
    /// The entry of the ambiguity register.
    pub fn register(self) -> &'static str {
        match self {
            Point::Coerced => "A04",
            Point::RemoveAbsent => "A54",
            Point::RemoveWithValue => "A55",
            Point::ReplaceNoMatch => "A56",
            Point::AddWithFilter => "A57",
            Point::AddExisting => "A58",
            Point::NoOpReplace => "A60",
            Point::ReadOnlyIgnored => "A61",
            Point::NullValue => "A64",
            Point::WholeExtension => "A65",
            Point::CompoundKey => "A66",
            Point::UndeclaredKey => "A67",
            Point::ReplaceElement => "A69",
            Point::SingleObject => "A70",
        }
    }
}

/// What happens when nothing is there to remove (register A54).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RemoveAbsent {
    /// Success without change, as RFC 7644 section 3.5.2.2 says of members.
    #[default]
    Succeed,
    /// 400 noTarget, as table 9 says of filters.
    NoTarget,
}

/// What happens when a removal from a multi-valued attribute carries a value (register A55).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RemoveWithValue {
    /// The listed values go, as Entra ID and JumpCloud expect.
    #[default]
    Listed,
    /// All values go: the value has no meaning.
    All,
    /// 400 invalidValue.
    Refuse,
}

/// What happens when a value that is added is there already (register A58).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AddExisting {
    /// Success without change.
    #[default]
    Succeed,
    /// 409 uniqueness, for a value of a multi-valued attribute.
    Refuse,
}

/// What happens when a filter selects nothing to add to or to replace (registers A56 and A57).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoMatch {
    /// 400 noTarget.
    NoTarget,
    /// A value is created that has what the filter asks for, as Entra ID expects.
    Create,
    /// Success without change.
    Ignore,
}

/// What happens to a readOnly attribute that stands in a value among others (register A61).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReadOnlyInside {
    /// It is passed over, the others are written.
    #[default]
    Ignore,
    /// 400 mutability.
    Refuse,
}

/// How a service provider uses the room that the RFC leaves it. The default is the friendliest lawful one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PatchChoices {
    /// Nothing is there to remove (A54).
    pub remove_absent: RemoveAbsent,
    /// A removal carries a value (A55).
    pub remove_with_value: RemoveWithValue,
    /// A replacement selects nothing (A56); noTarget is the only lawful answer.
    pub replace_no_match: NoMatch,
    /// An addition selects nothing (A57).
    pub add_no_match: NoMatch,
    /// An added value is there already (A58).
    pub add_existing: AddExisting,
    /// A readOnly attribute stands in a value among others (A61).
    pub read_only_inside: ReadOnlyInside,
}

impl Default for PatchChoices {
    fn default() -> Self {
        PatchChoices {
            remove_absent: RemoveAbsent::default(),
            remove_with_value: RemoveWithValue::default(),
            replace_no_match: NoMatch::NoTarget,
            add_no_match: NoMatch::Create,
            add_existing: AddExisting::default(),
            read_only_inside: ReadOnlyInside::default(),
        }
    }
}

/// What operations did to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Whether the resource holds other data than before.
    pub changed: bool,
    /// What the operations were about, changed or not: top-level attributes in the schema's spelling, extension URNs,
    /// and `schemas` if it followed an extension.
    pub touched: BTreeSet<String>,
    /// Where the RFC leaves room.
    pub points: BTreeSet<Point>,
}

/// Why operations were not carried out, and where the RFC left room before that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// The answer.
    pub error: ScimError,
    /// The points met, including the one that led to the refusal.
    pub points: BTreeSet<Point>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::ScimType;
    use crate::scim::builtin::user_shape;
    use crate::scim::message::{ENTERPRISE_URN, patch_op};

    fn check(body: Value, expected: Result<usize, ScimType>) {
        let read = parse_patch(&body, &user_shape());
        if let Ok(operations) = &read {
            let sent = patch_op(operations.iter().map(Operation::to_json).collect());
            assert_eq!(parse_patch(&sent, &user_shape()).as_ref(), Ok(operations));
        }
        assert_eq!(read.map(|o| o.len()).map_err(|e| e.scim_type.expect("a keyword")), expected, "{body}");
    }

    #[test]
    fn requests() {
        let one = |operation: Value| patch_op(vec![operation]);
        check(one(json!({"op": "Replace", "path": "active", "value": false})), Ok(1));
        check(one(json!({"OP": "REMOVE", "Path": ENTERPRISE_URN})), Ok(1));
        check(one(json!({"op": "add", "path": null, "value": null})), Ok(1));
        check(one(json!({"op": "move"})), Err(ScimType::InvalidSyntax));
        check(one(json!({"path": "active"})), Err(ScimType::InvalidSyntax));
        check(one(json!("add")), Err(ScimType::InvalidSyntax));
        check(one(json!({"op": "add", "path": 5})), Err(ScimType::InvalidPath));
        check(one(json!({"op": "add", "path": ""})), Err(ScimType::InvalidPath));
        check(one(json!({"op": "add", "path": "emails["})), Err(ScimType::InvalidPath));
        check(one(json!({"op": "add", "path": "emails[x is 1]"})), Err(ScimType::InvalidFilter));
        check(patch_op(Vec::new()), Err(ScimType::InvalidSyntax));
        check(json!({"Operations": [{"op": "add"}]}), Err(ScimType::InvalidSyntax));
        check(json!({"schemas": [PATCH_OP_URN], "Operations": {"op": "add"}}), Err(ScimType::InvalidSyntax));
        check(json!([]), Err(ScimType::InvalidSyntax));
    }
}
