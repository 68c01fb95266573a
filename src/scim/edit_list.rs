//! Multi-valued attributes under an operation: all values, listed values, selected values (RFC 7644 section 3.5.2).

use serde_json::{Map, Value};

use super::attribute::{Attribute, Type};
use super::edit::{Edited, Editor, nothing_selected, required};
use super::error::ScimError;
use super::filter::{Comparison, Filter, Literal};
use super::patch::{AddExisting, NoMatch, Op, Point};
use super::resource::put;
use super::validate::{misfit, normalise_element};
use super::value::{
    Index, assigned, elements, equal_values, is_immutable, is_primary, is_unassigned, same_data, same_element,
};

impl Editor<'_> {
    /// `add` and `replace` of a multi-valued attribute.
    pub(super) fn assign_list(
        &mut self,
        op: Op,
        attribute: &Attribute,
        current: Option<&Value>,
        value: &Value,
    ) -> Edited {
        let given = match value {
            Value::Null => &[],
            Value::Array(items) => items.as_slice(),
            single => {
                self.points.insert(Point::SingleObject);
                std::slice::from_ref(single)
            }
        };
        let fitting = self.fit(attribute, &Value::Array(given.to_vec()))?;
        let written = |key: &String, v: &Value| attribute.sub(key).is_some_and(Attribute::is_read_only) && !v.is_null();
        if given.iter().filter_map(Value::as_object).flatten().any(|(key, v)| written(key, v)) {
            self.points.insert(Point::ReadOnlyIgnored);
        }
        let new = fitting.as_array().map(Vec::as_slice).unwrap_or_default();
        if new.is_empty() && given.iter().any(|v| !v.is_null()) {
            return Err(ScimError::invalid_value(format!(
                "no value of `{}` has a part that is declared",
                attribute.name
            )));
        }
        if value.is_null() {
            self.points.insert(Point::NullValue);
        }
        if op == Op::Replace {
            return Ok((!new.is_empty()).then(|| Value::Array(new.to_vec())));
        }
        let mut list = current.map(elements).unwrap_or_default().to_vec();
        let (mut index, mut added) = (Index::default(), Vec::new());
        list.iter().enumerate().for_each(|(at, element)| index.add(attribute, at, element));
        for element in new {
            if !index.holds(attribute, element, &list) {
                added.push(list.len());
                list.push(element.clone());
                continue;
            }
            self.points.insert(Point::AddExisting);
            if self.choices.add_existing == AddExisting::Refuse {
                return Err(ScimError::uniqueness(format!("`{}` has the value already", attribute.name)));
            }
        }
        settle_primary(attribute, &mut list, &added)?;
        Ok((!list.is_empty()).then_some(Value::Array(list)))
    }

    /// `remove` with a list of what should go (register A55).
    pub(super) fn remove_listed(&mut self, attribute: &Attribute, current: Option<&Value>, listed: &Value) -> Edited {
        let items = elements(listed).iter().filter(|item| !item.is_null());
        let items: Vec<Value> = items.map(|item| listed_value(attribute, item)).collect::<Result<_, _>>()?;
        let (mut index, mut found) = (Index::default(), vec![false; items.len()]);
        items.iter().enumerate().for_each(|(at, item)| index.add(attribute, at, item));
        let list = current.map(elements).unwrap_or_default();
        let mut goes = |element: &Value| {
            let mut goes = false;
            for at in index.alike(attribute, element).iter().chain(index.keyless()) {
                if let (Some(item), Some(found)) = (items.get(*at), found.get_mut(*at))
                    && names(attribute, item, element)
                {
                    (*found, goes) = (true, true);
                }
            }
            goes
        };
        let kept: Vec<Value> = list.iter().filter(|element| !goes(element)).cloned().collect();
        if found.contains(&false) {
            self.points.insert(Point::RemoveAbsent);
        }
        if kept.len() == list.len() {
            return self.absent(&attribute.name).map(|()| current.cloned());
        }
        Ok((!kept.is_empty()).then_some(Value::Array(kept)))
    }

    /// An operation on the values that a filter selects.
    pub(super) fn select(
        &mut self,
        op: Op,
        attribute: &Attribute,
        filter: &Filter,
        sub: Option<&Attribute>,
        current: Option<&Value>,
        value: Option<&Value>,
    ) -> Edited {
        if !attribute.multi_valued {
            return Err(ScimError::invalid_path(format!("`{}` has one value and no filter", attribute.name)));
        }
        let mut list = current.map(elements).unwrap_or_default().to_vec();
        filter.check_element(attribute)?;
        let mut matched = Vec::new();
        for (at, element) in list.iter().enumerate() {
            if filter.matches_element(element, attribute)? {
                matched.push(at);
            }
        }
        if op == Op::Add {
            self.points.insert(Point::AddWithFilter);
        }
        if matched.is_empty() {
            return match value.filter(|_| op != Op::Remove) {
                Some(value) => self.no_match(op, attribute, filter, sub, current, value),
                None => self.absent(&attribute.name).map(|()| current.cloned()),
            };
        }
        if let Some(sub) = sub {
            return self.change_parts(op, attribute, sub, list, &matched, value);
        }
        match (op, value) {
            (Op::Add | Op::Replace, Some(value)) if !is_unassigned(value) => {
                self.change_elements(op, attribute, list, &matched, value)
            }
            (Op::Add, _) => {
                self.points.insert(Point::NullValue);
                Ok(current.cloned())
            }
            (op, _) => {
                if op == Op::Replace {
                    self.points.insert(Point::NullValue);
                }
                let mut at = 0..;
                list.retain(|_| at.next().is_some_and(|at| matched.binary_search(&at).is_err()));
                Ok((!list.is_empty()).then_some(Value::Array(list)))
            }
        }
    }

    /// An operation on a sub-attribute of the selected values.
    fn change_parts(
        &mut self,
        op: Op,
        attribute: &Attribute,
        sub: &Attribute,
        mut list: Vec<Value>,
        matched: &[usize],
        value: Option<&Value>,
    ) -> Edited {
        let has = |element: &Value| element.as_object().is_some_and(|e| assigned(e, &sub.name).is_some());
        if op == Op::Remove && sub.required {
            return Err(required(sub));
        }
        if op == Op::Remove && !matched.iter().filter_map(|at| list.get(*at)).any(has) {
            return self.absent(&sub.name).map(|()| Some(Value::Array(list)));
        }
        let mut preferred = Vec::new();
        for at in matched {
            let Some(element) = list.get_mut(*at) else { continue };
            if op == Op::Remove && !has(element) {
                continue;
            }
            let was = is_primary(element);
            *element = self.inside(op, sub, Some(element), value)?.unwrap_or(Value::Null);
            if is_primary(element) && !was {
                preferred.push(*at);
            }
        }
        settle_primary(attribute, &mut list, &preferred)?;
        list.retain(|element| !element.is_null());
        Ok((!list.is_empty()).then_some(Value::Array(list)))
    }

    /// `add` to and `replace` of the selected values themselves.
    fn change_elements(
        &mut self,
        op: Op,
        attribute: &Attribute,
        mut list: Vec<Value>,
        matched: &[usize],
        value: &Value,
    ) -> Edited {
        let mut preferred = Vec::new();
        for at in matched {
            let Some(element) = list.get_mut(*at) else { continue };
            let was = is_primary(element);
            *element = match element.as_object() {
                Some(old) if attribute.kind == Type::Complex => {
                    let merged = self.merge(op, attribute, old.clone(), value)?;
                    if op == Op::Add { Value::Object(merged) } else { self.replacement(attribute, old, merged, value)? }
                }
                _ => self.fit_element(attribute, value)?,
            };
            if is_primary(element) && !was {
                preferred.push(*at);
            }
        }
        settle_primary(attribute, &mut list, &preferred)?;
        // Several values replaced by one are one value.
        let (mut kept, mut at): (Vec<Value>, _) = (Vec::new(), 0..);
        for element in list {
            let twin = at.next().is_some_and(|at| matched.binary_search(&at).is_ok());
            if !(twin && kept.iter().any(|k| same_data(k, &element))) {
                kept.push(element);
            }
        }
        Ok((!kept.is_empty()).then_some(Value::Array(kept)))
    }

    /// The value in the place of an element: only what is given, and what the client cannot change.
    fn replacement(
        &mut self,
        attribute: &Attribute,
        old: &Map<String, Value>,
        merged: Map<String, Value>,
        value: &Value,
    ) -> Result<Value, ScimError> {
        let mut new = match self.fit(attribute, &Value::Array(vec![value.clone()]))? {
            Value::Array(mut list) => list.pop(),
            _ => None,
        };
        let Some(Value::Object(members)) = &mut new else {
            return Err(ScimError::invalid_value(format!("a value of `{}` says nothing", attribute.name)));
        };
        for sub in attribute.sub_attributes.iter().filter(|sub| sub.is_read_only() || is_immutable(sub)) {
            if let Some(kept) = assigned(old, &sub.name).filter(|_| assigned(members, &sub.name).is_none()) {
                members.insert(sub.name.clone(), kept.clone());
            }
        }
        let new = new.unwrap_or_default();
        if !same_data(&new, &Value::Object(merged)) {
            self.points.insert(Point::ReplaceElement);
        }
        Ok(new)
    }

    /// `add` or `replace` where the filter selects nothing (registers A56 and A57).
    fn no_match(
        &mut self,
        op: Op,
        attribute: &Attribute,
        filter: &Filter,
        sub: Option<&Attribute>,
        current: Option<&Value>,
        value: &Value,
    ) -> Edited {
        let choice = if op == Op::Replace {
            self.points.insert(Point::ReplaceNoMatch);
            self.choices.replace_no_match
        } else {
            self.choices.add_no_match
        };
        match choice {
            NoMatch::NoTarget => Err(nothing_selected(attribute)),
            NoMatch::Ignore => Ok(current.cloned()),
            NoMatch::Create => {
                let mut element = Map::new();
                if is_unassigned(value) || attribute.kind != Type::Complex || !prefill(attribute, filter, &mut element)
                {
                    return Err(nothing_selected(attribute));
                }
                match sub {
                    Some(sub) => put(&mut element, &sub.name, Some(value.clone())),
                    None => {
                        let given = value.as_object().ok_or_else(|| misfit(attribute, "an object"))?;
                        given.iter().for_each(|(key, value)| put(&mut element, key, Some(value.clone())));
                    }
                }
                self.assign_list(Op::Add, attribute, current, &Value::Array(vec![Value::Object(element)]))
            }
        }
    }

    /// An operation on a sub-attribute of a multi-valued attribute without a filter: on each of its values.
    pub(super) fn everywhere(
        &mut self,
        op: Op,
        attribute: &Attribute,
        sub: &Attribute,
        current: Option<&Value>,
        value: Option<&Value>,
    ) -> Edited {
        let list = current.map(elements).unwrap_or_default().to_vec();
        if list.is_empty() {
            return match op {
                Op::Remove => self.absent(&attribute.name).map(|()| current.cloned()),
                Op::Add | Op::Replace => Err(nothing_selected(attribute)),
            };
        }
        let matched: Vec<usize> = (0..list.len()).collect();
        self.change_parts(op, attribute, sub, list, &matched, value)
    }
}

/// One of the listed values; a bare string stands for the `value` of a complex one.
fn listed_value(attribute: &Attribute, item: &Value) -> Result<Value, ScimError> {
    if item.is_string() && attribute.kind == Type::Complex && attribute.sub("value").is_some() {
        return Ok(Value::Object(Map::from_iter([("value".to_owned(), item.clone())])));
    }
    let item = normalise_element(attribute, item, &mut false)?;
    if item.as_object().is_some_and(Map::is_empty) {
        return Err(ScimError::invalid_value(format!("a listed value of `{}` says nothing", attribute.name)));
    }
    Ok(item)
}

/// Whether a listed value means this one: the same element, or for an item without `value` every part it names.
fn names(attribute: &Attribute, item: &Value, element: &Value) -> bool {
    match (item, element) {
        (Value::Object(item_members), Value::Object(members)) if assigned(item_members, "value").is_none() => {
            item_members.iter().all(|(key, value)| match (attribute.sub(key), assigned(members, key)) {
                (Some(sub), Some(held)) => equal_values(sub, value, held),
                _ => false,
            })
        }
        _ => same_element(attribute, item, element),
    }
}

/// Puts into a new value what a filter asks for; false if that cannot be said in one way.
fn prefill(attribute: &Attribute, filter: &Filter, element: &mut Map<String, Value>) -> bool {
    match filter {
        Filter::And(terms) => terms.iter().all(|term| prefill(attribute, term, element)),
        Filter::Compare(path, Comparison::Eq, literal) if *literal != Literal::Null => {
            let sub = attribute.sub(&path.name).filter(|_| path.urn.is_none() && path.sub.is_none());
            if let Some(sub) = sub {
                put(element, &sub.name, Some(literal.to_json()));
            }
            sub.is_some()
        }
        _ => false,
    }
}

/// A value that became primary takes that from the others (RFC 7644 section 3.5.2).
fn settle_primary(attribute: &Attribute, list: &mut [Value], became: &[usize]) -> Result<(), ScimError> {
    let mut primary = became.iter().filter(|at| list.get(**at).is_some_and(is_primary));
    let Some(&chosen) = primary.next() else { return Ok(()) };
    if primary.next().is_some() {
        return Err(ScimError::invalid_value(format!("only one value of `{}` may be primary", attribute.name)));
    }
    let others = list.iter_mut().enumerate().filter(|(at, element)| *at != chosen && is_primary(element));
    for members in others.filter_map(|(_, element)| element.as_object_mut()) {
        put(members, "primary", Some(Value::Bool(false)));
    }
    Ok(())
}
