//! One attribute under one operation: the value before, the value after (RFC 7644 sections 3.5.2.1 to 3.5.2.3).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::attribute::{Attribute, Type};
use super::error::ScimError;
use super::filter::Filter;
use super::patch::{Op, PatchChoices, Point, RemoveAbsent, RemoveWithValue};
use super::resource::put;
use super::validate::{misfit, missing_sub, normalise, normalise_element};
use super::value::{assigned, elements, equal_values, is_immutable, is_present, is_unassigned, same_data};

/// What an operation is about: an attribute, some of its values, a part of these.
#[derive(Clone, Copy)]
pub(super) struct Selection<'a> {
    pub(super) attribute: &'a Attribute,
    pub(super) filter: Option<&'a Filter>,
    pub(super) sub: Option<&'a Attribute>,
}

/// Carries operations out on values, and notes where the RFC leaves room.
pub(super) struct Editor<'a> {
    pub(super) choices: &'a PatchChoices,
    pub(super) points: BTreeSet<Point>,
}

pub(super) type Edited = Result<Option<Value>, ScimError>;

impl Editor<'_> {
    /// The value after the operation; nothing if the attribute is unassigned then.
    pub(super) fn run(&mut self, op: Op, at: Selection<'_>, current: Option<&Value>, value: Option<&Value>) -> Edited {
        let current = current.filter(|v| !is_unassigned(v));
        let next = self.edit(op, at, current, value)?;
        let same = match (current, &next) {
            (Some(a), Some(b)) => same_data(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        match op {
            // The order of values says nothing in SCIM, and yet an array has one: both readings are lawful.
            Op::Replace if same || reordered(current, next.as_ref()) => drop(self.points.insert(Point::NoOpReplace)),
            Op::Add if same && at.filter.is_none() && current.is_some() && !value.is_none_or(is_unassigned) => {
                self.points.insert(Point::AddExisting);
            }
            _ => {}
        }
        Ok(next)
    }

    fn edit(&mut self, op: Op, at: Selection<'_>, current: Option<&Value>, value: Option<&Value>) -> Edited {
        let attribute = at.attribute;
        if let Some(fixed) = [Some(attribute), at.sub].into_iter().flatten().find(|a| a.is_read_only()) {
            return Err(ScimError::mutability(format!("`{}` is readOnly", fixed.name)));
        }
        let value = match op {
            Op::Remove => self.carried(value)?,
            Op::Add | Op::Replace => Some(value.ok_or_else(|| {
                ScimError::invalid_value(format!("`{}` of `{}` carries a value", op.as_str(), attribute.name))
            })?),
        };
        let next = match (at.filter, at.sub) {
            (Some(filter), sub) => self.select(op, attribute, filter, sub, current, value)?,
            (None, Some(sub)) if attribute.multi_valued => self.everywhere(op, attribute, sub, current, value)?,
            (None, Some(sub)) => self.inside(op, sub, current, value)?,
            (None, None) => self.whole(op, attribute, current, value)?,
        };
        permit(attribute, current, next.as_ref())?;
        Ok(next)
    }

    /// An operation on an attribute or sub-attribute as a whole.
    pub(super) fn whole(
        &mut self,
        op: Op,
        attribute: &Attribute,
        current: Option<&Value>,
        value: Option<&Value>,
    ) -> Edited {
        match (op, value) {
            (Op::Remove, Some(listed)) if attribute.multi_valued && self.removes_listed() => {
                self.remove_listed(attribute, current, listed)
            }
            (Op::Remove, _) | (_, None) => match current {
                _ if attribute.required => Err(required(attribute)),
                Some(_) => Ok(None),
                None => self.absent(&attribute.name).map(|()| None),
            },
            (op, Some(value)) if attribute.multi_valued => self.assign_list(op, attribute, current, value),
            (_, Some(value)) if is_unassigned(value) => {
                self.points.insert(Point::NullValue);
                Ok(None)
            }
            (op, Some(value)) if attribute.kind == Type::Complex => {
                let old = current.and_then(Value::as_object).cloned().unwrap_or_default();
                let merged = self.merge(op, attribute, old, value)?;
                Ok((!merged.is_empty()).then_some(Value::Object(merged)))
            }
            (_, Some(value)) => self.fit(attribute, value).map(Some),
        }
    }

    /// A complex value with the given sub-attributes put in, the others kept (RFC 7644 section 3.5.2.3).
    pub(super) fn merge(
        &mut self,
        op: Op,
        attribute: &Attribute,
        mut old: Map<String, Value>,
        value: &Value,
    ) -> Result<Map<String, Value>, ScimError> {
        // Checked as a whole first: the wrong type is an error even where the part is dropped.
        self.fit_element(attribute, value)?;
        let given = value.as_object().ok_or_else(|| misfit(attribute, "an object"))?;
        for (key, value) in given {
            let Some(sub) = attribute.sub(key) else { continue };
            let before = assigned(&old, &sub.name).cloned();
            if sub.is_read_only() {
                if !is_unassigned(value) && before.as_ref().is_none_or(|b| !equal_values(sub, b, value)) {
                    self.points.insert(Point::ReadOnlyIgnored);
                }
                continue;
            }
            let after = self.whole(op, sub, before.as_ref(), Some(value))?;
            permit(sub, before.as_ref(), after.as_ref())?;
            put(&mut old, &sub.name, after);
        }
        Ok(old)
    }

    /// An operation on a sub-attribute of a single complex value.
    pub(super) fn inside(&mut self, op: Op, sub: &Attribute, current: Option<&Value>, value: Option<&Value>) -> Edited {
        let mut members = current.and_then(Value::as_object).cloned().unwrap_or_default();
        let before = assigned(&members, &sub.name).cloned();
        let after = self.whole(op, sub, before.as_ref(), value)?;
        permit(sub, before.as_ref(), after.as_ref())?;
        put(&mut members, &sub.name, after);
        Ok((!members.is_empty()).then_some(Value::Object(members)))
    }

    /// What a removal carries, null aside (register A55).
    pub(super) fn carried<'v>(&mut self, value: Option<&'v Value>) -> Result<Option<&'v Value>, ScimError> {
        let value = value.filter(|v| !v.is_null());
        if value.is_some() {
            self.points.insert(Point::RemoveWithValue);
            if self.choices.remove_with_value == RemoveWithValue::Refuse {
                return Err(ScimError::invalid_value("a removal carries no value"));
            }
        }
        Ok(value)
    }

    pub(super) fn removes_listed(&self) -> bool {
        self.choices.remove_with_value == RemoveWithValue::Listed
    }

    /// What should be removed is not there (register A54).
    pub(super) fn absent(&mut self, name: &str) -> Result<(), ScimError> {
        self.points.insert(Point::RemoveAbsent);
        match self.choices.remove_absent {
            RemoveAbsent::Succeed => Ok(()),
            RemoveAbsent::NoTarget => Err(ScimError::no_target(format!("`{name}` has nothing to remove"))),
        }
    }

    pub(super) fn fit(&mut self, attribute: &Attribute, value: &Value) -> Result<Value, ScimError> {
        self.note_undeclared(attribute, value);
        self.fitting(|coerced| normalise(attribute, value, coerced))
    }

    pub(super) fn fit_element(&mut self, attribute: &Attribute, value: &Value) -> Result<Value, ScimError> {
        self.note_undeclared(attribute, value);
        self.fitting(|coerced| normalise_element(attribute, value, coerced))
    }

    fn note_undeclared(&mut self, attribute: &Attribute, value: &Value) {
        let mut keys = elements(value).iter().filter_map(Value::as_object).flat_map(Map::keys);
        if attribute.kind == Type::Complex && keys.any(|key| attribute.sub(key).is_none()) {
            self.points.insert(Point::UndeclaredKey);
        }
    }

    fn fitting(&mut self, read: impl FnOnce(&mut bool) -> Result<Value, ScimError>) -> Result<Value, ScimError> {
        let mut coerced = false;
        let value = read(&mut coerced)?;
        if coerced {
            self.points.insert(Point::Coerced);
        }
        Ok(value)
    }
}

/// What the characteristics forbid, whatever the operation was.
fn permit(attribute: &Attribute, before: Option<&Value>, after: Option<&Value>) -> Result<(), ScimError> {
    match (before, after) {
        (_, None) if attribute.required => return Err(required(attribute)),
        (_, Some(after)) if attribute.required && !is_present(after) => {
            return Err(ScimError::invalid_value(format!("`{}` is required", attribute.name)));
        }
        (Some(before), after)
            if is_immutable(attribute) && !after.is_some_and(|a| equal_values(attribute, before, a)) =>
        {
            return Err(ScimError::mutability(format!("`{}` is immutable and has a value", attribute.name)));
        }
        _ => {}
    }
    let missing = after.and_then(|after| missing_sub(attribute, after));
    match missing {
        // What was missing before is not this operation's fault.
        Some(sub) if before.and_then(|before| missing_sub(attribute, before)) != missing => {
            Err(ScimError::invalid_value(format!("`{}.{}` is required", attribute.name, sub.name)))
        }
        _ => Ok(()),
    }
}

pub(super) fn required(attribute: &Attribute) -> ScimError {
    ScimError::mutability(format!("`{}` is required", attribute.name))
}

pub(super) fn nothing_selected(attribute: &Attribute) -> ScimError {
    ScimError::no_target(format!("no value of `{}` is selected", attribute.name))
}

/// Whether two arrays hold the same values in another order.
fn reordered(before: Option<&Value>, after: Option<&Value>) -> bool {
    let sorted = |list: &[Value]| {
        let text = |element: &Value| match element {
            Value::Object(members) => format!("{:?}", members.iter().collect::<BTreeMap<_, _>>()),
            other => other.to_string(),
        };
        let mut texts: Vec<String> = list.iter().map(text).collect();
        texts.sort_unstable();
        texts
    };
    match (before, after) {
        (Some(Value::Array(a)), Some(Value::Array(b))) => a.len() == b.len() && sorted(a) == sorted(b),
        _ => false,
    }
}
