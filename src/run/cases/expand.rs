//! A template becomes one instance for each attribute, definition, schema or value that it is about.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Facts;
use super::play::Instance;
use crate::case::{Bindings, Case, Each, Over, Selection, alias};
use crate::contract::{Contract, Samples};
use crate::expectation::Kind;
use crate::run::Stage;
use crate::scim::attribute::Attribute;
use crate::scim::path::AttrPath;
use crate::scim::schema::Shape;

/// What an instance is about: what stands behind `#`, and its bindings.
type About = (String, Vec<(String, Value)>);

/// The instances of a case. Each has a number of its own among the executions, whether it is played or not.
pub(super) fn expand(id: &str, case: &Arc<Case>, stage: &Stage, facts: &Facts) -> Vec<Instance> {
    let about = match &case.each {
        None => vec![(String::new(), Vec::new())],
        Some(Each::Published(what)) => published(what, facts),
        Some(Each::Of(over)) => of(over, stage, facts),
    };
    let number = about.len();
    let instance = |(name, bound): About| {
        let execution = stage.next_execution();
        let names = stage.namespace(execution);
        let mut bindings = Bindings::default();
        bindings.set("ns", names.prefix.as_str());
        bindings.set("NS", names.prefix.to_uppercase());
        bindings.set("domain", names.email_domain.as_str());
        bindings.set("unknown", format!("00000000-0000-4000-8000-{execution:012x}"));
        bindings.set("base", stage.base.as_str());
        bindings.set("enterprise", crate::scim::message::ENTERPRISE_URN);
        for (name, value) in bound {
            // Samples bear the namespace of their instance.
            bindings.set(&name, with_names(value, &names.prefix));
        }
        let id = if name.is_empty() { id.to_owned() } else { format!("{id}#{name}") };
        Instance { id, case: Arc::clone(case), bindings, names, nothing: false }
    };
    if number == 0 {
        // A template that nothing here fits is told as such.
        return vec![Instance { nothing: true, ..instance((String::new(), Vec::new())) }];
    }
    about.into_iter().map(instance).collect()
}

/// The same instance with names of its own.
pub(super) fn again(instance: &Instance, stage: &Stage, facts: &Facts) -> Option<Instance> {
    let id = instance.id.split('#').next().unwrap_or_default();
    expand(id, &instance.case, stage, facts).into_iter().find(|other| other.id == instance.id)
}

/// Stands for the namespace in samples until the instance has one.
const LATER: &str = "<ns>";

fn with_names(value: Value, prefix: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(LATER, prefix)),
        Value::Array(items) => items.into_iter().map(|item| with_names(item, prefix)).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, with_names(value, prefix))).collect(),
        other => other,
    }
}

fn published(what: &str, facts: &Facts) -> Vec<About> {
    let (document, name) = match what {
        "schema" => ("schemas", "id"),
        _ => ("types", "name"),
    };
    let named = |value: Value| {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let called = text(name).or_else(|| text("id")).unwrap_or_else(|| "unnamed".to_owned());
        (called, vec![("each".to_owned(), value)])
    };
    facts.listed(document).into_iter().map(named).collect()
}

fn of(over: &Over, stage: &Stage, facts: &Facts) -> Vec<About> {
    if let Some(values) = &over.of {
        let name = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Object(members) => {
                members.get("name").and_then(Value::as_str).map_or_else(|| value.to_string(), str::to_owned)
            }
            other => other.to_string(),
        };
        return values.iter().map(|value| (name(value), vec![("it".to_owned(), value.clone())])).collect();
    }
    if let Some(selection) = &over.attribute {
        return attributes(selection, stage);
    }
    over.definition.as_ref().map(|selection| definitions(selection, stage, facts)).unwrap_or_default()
}

/// Attributes that can be written, with two values each.
fn attributes(selection: &Selection, stage: &Stage) -> Vec<About> {
    let contract: &Contract = &stage.contract;
    let kind = if selection.of.as_deref() == Some("Group") { Kind::Group } else { Kind::User };
    if kind == Kind::Group && contract.group.is_none() {
        return Vec::new();
    }
    let shape = contract.shape(kind);
    let mut found = Vec::new();
    for (path, attribute, parent) in paths(shape) {
        let below = parent.is_some();
        let wanted = match selection.sub.as_deref() {
            Some("only") => below,
            Some("any") => true,
            _ => !below,
        };
        let fits = wanted && selection.fits(&path, &attribute);
        let own = ["id", "meta", "schemas", "externalId"].contains(&path.as_str());
        let parent_name = parent.as_ref().map_or("", |parent| parent.name.as_str());
        let samples = Samples::of(&attribute, parent_name, LATER, &stage.email_domain).filter(|_| fits && !own);
        // Parts of a value of many cannot be set by a path.
        let settable = parent.as_ref().is_none_or(|parent| !parent.multi_valued);
        let Some(samples) = samples.filter(|_| settable) else { continue };
        let bound = [
            ("attr", json!(path)),
            ("attr.a", samples.a),
            ("attr.b", samples.b),
            ("attr.wrong", samples.wrong),
            ("attr.name", json!(attribute.name)),
            ("attr.parent", json!(path.strip_suffix(&attribute.name).unwrap_or_default().trim_end_matches('.'))),
        ];
        found.push((path.clone(), bound.map(|(name, value)| (name.to_owned(), value)).to_vec()));
    }
    found
}

/// All attributes of a type with their paths, and the attribute above them.
fn paths(shape: &Shape) -> Vec<(String, Attribute, Option<Attribute>)> {
    let mut all = Vec::new();
    let extensions = shape.extensions.iter().map(|(schema, _)| (format!("{}:", schema.id), schema));
    for (before, schema) in std::iter::once((String::new(), &shape.core)).chain(extensions) {
        for attribute in &schema.attributes {
            let path = format!("{before}{}", attribute.name);
            let subs = attribute.sub_attributes.iter();
            let below: Vec<_> =
                subs.map(|sub| (format!("{path}.{}", sub.name), sub.clone(), Some(attribute.clone()))).collect();
            all.push((path, attribute.clone(), None));
            all.extend(below);
        }
    }
    all
}

impl Selection {
    fn fits(&self, path: &str, attribute: &Attribute) -> bool {
        let among =
            |words: &[String], word: &str| words.is_empty() || words.iter().any(|w| w.eq_ignore_ascii_case(word));
        let same = |other: &String| alias(other).eq_ignore_ascii_case(path);
        among(&self.types, attribute.kind.as_str())
            && among(&self.mutability, attribute.mutability.as_str())
            && among(&self.returned, attribute.returned.as_str())
            && self.multi.is_none_or(|multi| multi == attribute.multi_valued)
            && self.required.is_none_or(|required| required == attribute.required)
            && !self.except.iter().any(same)
    }
}

/// Definitions as they are published, sub-attributes too: `each` is their JSON.
fn definitions(selection: &Selection, stage: &Stage, facts: &Facts) -> Vec<About> {
    let wanted: Vec<String> = match &selection.within {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec!["all".to_owned()],
    };
    let all = wanted.iter().any(|word| word == "all");
    let mut urns: Vec<String> = Vec::new();
    for word in &wanted {
        match word.as_str() {
            "User" => urns.extend(stage.contract.user.urns().into_iter().map(str::to_owned)),
            "Group" => urns.extend(stage.contract.group.iter().flat_map(Shape::urns).map(str::to_owned)),
            urn => urns.push(urn.to_owned()),
        }
    }
    let mut found = Vec::new();
    for schema in facts.listed("schemas") {
        let id = schema.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if all || urns.iter().any(|urn| urn.eq_ignore_ascii_case(&id)) {
            define(&schema, "attributes", &format!("{id}:"), selection, &mut found);
        }
    }
    found
}

fn define(holder: &Value, members: &str, before: &str, selection: &Selection, found: &mut Vec<About>) {
    for definition in holder.get(members).and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| definition.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let path = format!("{before}{}", text("name"));
        let having = selection.having.iter().all(|(name, value)| definition.get(name) == Some(value));
        let among = |words: &[String], word: String| words.is_empty() || words.contains(&word);
        let below = members == "subAttributes";
        let depth = match selection.sub.as_deref() {
            Some("no") => !below,
            Some("only") => below,
            _ => true,
        };
        let excepted =
            selection.except.iter().any(|path_| AttrPath::parse(&alias(path_)).is_ok_and(|p| p.to_string() == path));
        let multi = selection.multi.is_none_or(|multi| definition.get("multiValued") == Some(&json!(multi)));
        let kinds = among(&selection.types, text("type")) && among(&selection.mutability, text("mutability"));
        if having && depth && multi && kinds && among(&selection.returned, text("returned")) && !excepted {
            found.push((path.clone(), vec![("each".to_owned(), definition.clone())]));
        }
        if !below {
            define(definition, "subAttributes", &format!("{path}."), selection, found);
        }
    }
}
