//! PATCH operations on resources (RFC 7644 section 3.5.2): finding what a path means, and keeping `schemas` true.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::attribute::Attribute;
use super::edit::{Editor, Selection};
use super::error::ScimError;
use super::patch::{Applied, Op, Operation, PatchChoices, Point, ReadOnlyInside, Refused};
use super::path::{AttrPath, PatchPath};
use super::resource::put;
use super::schema::{Schema, Shape, Target, value_of};
use super::value::{assigned, elements, equal_values, is_present, is_unassigned, same_data, same_members};

/// Carries out one operation. A refused operation leaves the resource as it was.
pub fn apply(
    resource: &mut Map<String, Value>,
    operation: &Operation,
    shape: &Shape,
    choices: &PatchChoices,
) -> Result<Applied, Refused> {
    let editor = Editor { choices, points: BTreeSet::new() };
    let mut run = Run { shape, editor, touched: BTreeSet::new(), changed: false };
    let outcome = run.operation(resource, operation);
    let Run { editor: Editor { points, .. }, touched, changed, .. } = run;
    match outcome {
        Ok(()) => Ok(Applied { changed, touched, points }),
        Err(error) => Err(Refused { error, points }),
    }
}

/// Carries out a whole request, or nothing of it (RFC 7644 section 3.5.2). `changed` compares the end with the beginning.
pub fn apply_all(
    resource: &Map<String, Value>,
    operations: &[Operation],
    shape: &Shape,
    choices: &PatchChoices,
) -> Result<(Map<String, Value>, Applied), Refused> {
    let mut draft = resource.clone();
    let mut all = Applied::default();
    for operation in operations {
        match apply(&mut draft, operation, shape, choices) {
            Ok(one) => {
                all.touched.extend(one.touched);
                all.points.extend(one.points);
            }
            Err(mut refused) => {
                refused.points.extend(all.points);
                return Err(refused);
            }
        }
    }
    all.changed = !same_members(resource, &draft);
    Ok((draft, all))
}

/// An operation under way.
struct Run<'a> {
    shape: &'a Shape,
    editor: Editor<'a>,
    touched: BTreeSet<String>,
    changed: bool,
}

/// What became of the keys of a value.
#[derive(Default)]
struct Keys {
    /// One of them was carried out.
    written: bool,
    /// One of them is readOnly and asks for another value than there is.
    blocked: bool,
}

impl Run<'_> {
    fn operation(&mut self, resource: &mut Map<String, Value>, operation: &Operation) -> Result<(), ScimError> {
        let (op, value, shape) = (operation.op, operation.value.as_ref(), self.shape);
        let Some(path) = &operation.path else {
            return match op {
                Op::Remove => Err(ScimError::no_target("a removal needs a path")),
                Op::Add | Op::Replace => self.keyed(resource, op, None, value),
            };
        };
        let undeclared = || ScimError::invalid_path(format!("`{path}` is not declared"));
        match shape.resolve(&path.attr) {
            Some(Target::Schema(_)) if path.filter.is_some() => Err(undeclared()),
            Some(Target::Schema(schema)) if schema.id != shape.core.id => {
                self.editor.points.insert(Point::WholeExtension);
                self.keyed(resource, op, Some(schema), value)
            }
            Some(Target::Schema(_)) if op != Op::Remove => self.keyed(resource, op, None, value),
            _ => {
                let (extension, selection) = select(shape, path).ok_or_else(undeclared)?;
                self.attribute(resource, op, extension, selection, value)
            }
        }
    }

    /// An operation whose value names the attributes, on the resource or on a whole extension; all of it or nothing.
    fn keyed(
        &mut self,
        resource: &mut Map<String, Value>,
        op: Op,
        extension: Option<&Schema>,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let mut draft = resource.clone();
        let keys = match extension {
            Some(schema) => self.extension(&mut draft, op, schema, value)?,
            None => match value {
                Some(Value::Object(members)) => self.keys(&mut draft, op, None, members)?,
                _ => return Err(ScimError::invalid_value("without a path the value is an object of attributes")),
            },
        };
        let refuse = self.editor.choices.read_only_inside == ReadOnlyInside::Refuse;
        if keys.blocked && (refuse || !keys.written) {
            return Err(ScimError::mutability("what the value says of a readOnly attribute cannot be done"));
        }
        *resource = draft;
        Ok(())
    }

    fn keys(
        &mut self,
        resource: &mut Map<String, Value>,
        op: Op,
        extension: Option<&Schema>,
        members: &Map<String, Value>,
    ) -> Result<Keys, ScimError> {
        let shape = self.shape;
        let mut keys = Keys::default();
        for (key, value) in members {
            if extension.is_none()
                && let Some(schema) = shape.extension(key)
            {
                let inner = self.extension(resource, op, schema, Some(value))?;
                keys.written |= inner.written;
                keys.blocked |= inner.blocked;
                continue;
            }
            let path = PatchPath::parse(key, &[]).ok().map(|path| {
                let compound = path.attr.urn.is_some() || path.attr.sub.is_some() || path.filter.is_some();
                let urn = path.attr.urn.or_else(|| extension.map(|schema| schema.id.clone()));
                (compound, PatchPath { attr: AttrPath { urn, ..path.attr }, ..path })
            });
            let found = path.as_ref().and_then(|(compound, path)| Some((*compound, select(shape, path)?)));
            let Some((compound, (extension, at))) = found else {
                self.editor.points.insert(Point::UndeclaredKey);
                continue;
            };
            if compound {
                self.editor.points.insert(Point::CompoundKey);
            }
            if extension.is_none() && at.attribute.name == "schemas" {
                // Whole resources are sent so; `schemas` follows the content.
            } else if at.attribute.is_read_only() || at.sub.is_some_and(Attribute::is_read_only) {
                // Okta and authentik send the id inside.
                if !holds(resource, extension, at, value) {
                    self.editor.points.insert(Point::ReadOnlyIgnored);
                    keys.blocked = true;
                }
            } else {
                self.attribute(resource, op, extension, at, Some(value))?;
                keys.written = true;
            }
        }
        Ok(keys)
    }

    /// An operation on everything that an extension defines (register A65).
    fn extension(
        &mut self,
        resource: &mut Map<String, Value>,
        op: Op,
        schema: &Schema,
        value: Option<&Value>,
    ) -> Result<Keys, ScimError> {
        self.touched.insert(schema.id.clone());
        let written = Keys { written: true, blocked: false };
        match (op, value) {
            (Op::Remove, value) => {
                self.editor.carried(value)?;
                if assigned(resource, &schema.id).is_none_or(|v| !is_present(v)) {
                    self.editor.absent(&schema.id)?;
                }
                self.drop_extension(resource, schema).map(|()| written)
            }
            (_, Some(Value::Object(members))) => self.keys(resource, op, Some(schema), members),
            (op, Some(value)) if is_unassigned(value) => {
                self.editor.points.insert(Point::NullValue);
                if op == Op::Replace {
                    self.drop_extension(resource, schema)?;
                }
                Ok(written)
            }
            _ => Err(ScimError::invalid_value(format!("`{}` takes an object", schema.id))),
        }
    }

    fn drop_extension(&mut self, resource: &mut Map<String, Value>, schema: &Schema) -> Result<(), ScimError> {
        let held = schema.attributes.iter().filter(|a| value_of(resource, Some(schema), a).is_some());
        let held: Vec<&Attribute> = held.filter(|a| !a.is_read_only()).collect();
        for attribute in held {
            let at = Selection { attribute, filter: None, sub: None };
            self.attribute(resource, Op::Remove, Some(schema), at, None)?;
        }
        Ok(())
    }

    /// An operation on one attribute.
    fn attribute(
        &mut self,
        resource: &mut Map<String, Value>,
        op: Op,
        extension: Option<&Schema>,
        at: Selection<'_>,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let name = &at.attribute.name;
        let current = value_of(resource, extension, at.attribute);
        let mut next = self.editor.run(op, at, current, value)?;
        if extension.is_none() && name == "schemas" {
            next = Some(self.true_schemas(resource, next.as_ref())?);
        }
        self.touched.insert(extension.map_or(name, |schema| &schema.id).clone());
        let same = match (current, &next) {
            (Some(a), Some(b)) => same_data(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        if same {
            return Ok(());
        }
        self.changed = true;
        let Some(schema) = extension else {
            put(resource, name, next);
            return Ok(());
        };
        let mut container = assigned(resource, &schema.id).and_then(Value::as_object).cloned().unwrap_or_default();
        put(&mut container, name, next);
        let present = container.values().any(|v| !is_unassigned(v));
        if !present && self.shape.extensions.iter().any(|(s, required)| *required && s.id == schema.id) {
            return Err(ScimError::mutability(format!("`{}` is required", schema.id)));
        }
        put(resource, &schema.id, present.then_some(Value::Object(container)));
        self.follow(resource, schema, present);
        Ok(())
    }

    /// Lists an extension in `schemas` that has data, and no longer one that has none (RFC 7643 section 3.3).
    fn follow(&mut self, resource: &mut Map<String, Value>, schema: &Schema, present: bool) {
        let mut urns = match assigned(resource, "schemas") {
            Some(urns) => elements(urns).to_vec(),
            None => vec![Value::from(self.shape.core.id.as_str())],
        };
        let before = urns.len();
        let names = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(&schema.id));
        if !present {
            urns.retain(|urn| !names(urn));
        } else if !urns.iter().any(names) {
            urns.push(Value::from(schema.id.as_str()));
        }
        if urns.len() != before {
            self.touched.insert("schemas".to_owned());
            put(resource, "schemas", Some(Value::Array(urns)));
        }
    }

    /// What `schemas` may become: declared URNs only, the core schema and every extension that has data among them.
    fn true_schemas(&self, resource: &Map<String, Value>, next: Option<&Value>) -> Result<Value, ScimError> {
        let mut urns: Vec<&str> = Vec::new();
        for urn in next.map(elements).unwrap_or_default() {
            let schema = urn.as_str().and_then(|urn| self.shape.schema(urn));
            let schema = schema.ok_or_else(|| ScimError::invalid_value("`schemas` takes URNs of the resource type"))?;
            if !urns.contains(&schema.id.as_str()) {
                urns.push(&schema.id);
            }
        }
        if !urns.contains(&self.shape.core.id.as_str()) {
            return Err(ScimError::invalid_value(format!("`schemas` lacks `{}`", self.shape.core.id)));
        }
        for (schema, _) in &self.shape.extensions {
            if assigned(resource, &schema.id).is_some_and(is_present) && !urns.contains(&schema.id.as_str()) {
                urns.push(&schema.id);
            }
        }
        Ok(Value::from(urns))
    }
}

/// What a path selects; nothing if a part of it is not declared.
fn select<'a>(shape: &'a Shape, path: &'a PatchPath) -> Option<(Option<&'a Schema>, Selection<'a>)> {
    let Some(Target::Attribute { extension, attribute, sub }) = shape.resolve(&path.attr) else { return None };
    let sub = match (&path.filter, sub, &path.sub) {
        // A filter selects values of an attribute; sub-attributes have no values to select from.
        (Some(_), Some(_), _) | (_, Some(_), Some(_)) => return None,
        (_, None, Some(name)) => Some(attribute.sub(name)?),
        (_, sub, None) => sub,
    };
    Some((extension, Selection { attribute, filter: path.filter.as_ref(), sub }))
}

/// Whether a resource holds just this at a place that clients may not write.
fn holds(resource: &Map<String, Value>, extension: Option<&Schema>, at: Selection<'_>, value: &Value) -> bool {
    let held = value_of(resource, extension, at.attribute);
    let held = match at.sub {
        Some(sub) => held.and_then(Value::as_object).and_then(|held| assigned(held, &sub.name)),
        None => held,
    };
    match held {
        Some(held) => equal_values(at.sub.unwrap_or(at.attribute), held, value),
        None => is_unassigned(value),
    }
}
