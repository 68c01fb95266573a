//! What the reference service provider holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::expectation::{Belief, Kind};
use crate::scim::schema::Shape;

/// Resources by id, and the ids that are gone.
#[derive(Debug, Clone, Default)]
pub struct Store {
    resources: BTreeMap<String, Belief>,
    gone: BTreeMap<String, Belief>,
    /// Our user names in lower case with their ids, and our group names: the index behind lookups.
    names: BTreeMap<(Kind, String), Vec<String>>,
    /// The same for what is gone.
    gone_names: BTreeMap<(Kind, String), Vec<String>>,
}

impl Store {
    /// The resource of that type and id.
    pub fn find(&self, kind: Kind, id: &str) -> Option<&Belief> {
        self.resources.get(id).filter(|b| b.kind == kind)
    }

    /// The resource of that id.
    pub fn any(&self, id: &str) -> Option<&Belief> {
        self.resources.get(id)
    }

    /// The resource of that id, to be changed; its name must stay.
    pub(super) fn any_mut(&mut self, id: &str) -> Option<&mut Belief> {
        self.resources.get_mut(id)
    }

    /// All resources of a type in the order of their ids.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Belief> {
        self.resources.values().filter(move |b| b.kind == kind)
    }

    /// Forgets one that is gone: most services have no need to remember it.
    pub(super) fn forget(&mut self, id: &str) {
        if let Some(belief) = self.gone.remove(id) {
            Self::unlist(&mut self.gone_names, &belief);
        }
    }

    /// Whether a resource of that id was here and is gone.
    pub fn is_gone(&self, id: &str) -> bool {
        self.gone.contains_key(id)
    }

    /// The resource of that id as it was before it was gone.
    pub fn departed(&self, id: &str) -> Option<&Belief> {
        self.gone.get(id)
    }

    /// Resources that are gone.
    pub(super) fn gone(&self) -> impl Iterator<Item = &Belief> {
        self.gone.values()
    }

    /// Resources of that name, compared without regard to case.
    pub(super) fn named(&self, kind: Kind, name: &str) -> impl Iterator<Item = &Belief> {
        let ids = self.names.get(&(kind, name.to_lowercase()));
        ids.into_iter().flatten().filter_map(|id| self.resources.get(id))
    }

    /// Whether a resource of that name, compared without regard to case, was here and is gone.
    pub(super) fn was_named(&self, kind: Kind, name: &str) -> bool {
        self.gone_names.contains_key(&(kind, name.to_lowercase()))
    }

    /// Makes or changes a resource.
    pub(super) fn put(&mut self, belief: Belief) {
        if let Some(old) = self.resources.get(&belief.id) {
            Self::unlist(&mut self.names, old);
        }
        self.forget(&belief.id);
        Self::enlist(&mut self.names, &belief);
        self.resources.insert(belief.id.clone(), belief);
    }

    /// Removes a resource and remembers that it was here.
    pub(super) fn remove(&mut self, id: &str) {
        if let Some(belief) = self.resources.remove(id) {
            Self::unlist(&mut self.names, &belief);
            Self::enlist(&mut self.gone_names, &belief);
            self.gone.insert(id.to_owned(), belief);
        }
    }

    fn enlist(index: &mut BTreeMap<(Kind, String), Vec<String>>, belief: &Belief) {
        if let Some(name) = belief.name() {
            index.entry((belief.kind, name.to_lowercase())).or_default().push(belief.id.clone());
        }
    }

    fn unlist(index: &mut BTreeMap<(Kind, String), Vec<String>>, belief: &Belief) {
        let Some(name) = belief.name() else { return };
        let key = (belief.kind, name.to_lowercase());
        if let Some(ids) = index.get_mut(&key) {
            ids.retain(|i| *i != belief.id);
            if ids.is_empty() {
                index.remove(&key);
            }
        }
    }

    /// Groups that have members for sure.
    pub(super) fn peopled(&self) -> impl Iterator<Item = &Belief> {
        self.of(Kind::Group).filter(|g| !g.members.must.is_empty())
    }

    /// The groups that hold this user, for sure or perhaps.
    pub fn groups_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Belief> {
        self.of(Kind::Group).filter(move |g| g.members.must.contains(user) || g.members.may.contains_key(user))
    }
}

impl Store {
    /// The groups that hold this user, `direct`, and those that hold such a group, `indirect`.
    pub(super) fn groups_around<'a>(&'a self, user: &'a str) -> Vec<(&'a Belief, &'static str)> {
        let mut around: Vec<(&Belief, &'static str)> = self.groups_of(user).map(|group| (group, "direct")).collect();
        let mut next = 0;
        while let Some((group, _)) = around.get(next).copied() {
            let outer: Vec<&Belief> = self.groups_of(&group.id).collect();
            for group in outer {
                if around.iter().all(|(known, _)| known.id != group.id) {
                    around.push((group, "indirect"));
                }
            }
            next += 1;
        }
        around
    }
}

/// The attributes of a belief as a resource, members included: what filters and PATCH operations work on.
pub(super) fn document(belief: &Belief, shape: &Shape, members: &dyn Fn(&Belief) -> Vec<String>) -> Map<String, Value> {
    let mut document = Map::new();
    let mut schemas = vec![Value::from(shape.core.id.as_str())];
    schemas.extend(belief.attributes.keys().filter(|k| shape.extension(k).is_some()).map(|k| k.as_str().into()));
    document.insert("schemas".into(), Value::Array(schemas));
    if !belief.id.is_empty() {
        document.insert("id".into(), belief.id.as_str().into());
    }
    for (name, value) in &belief.attributes {
        match value {
            Value::Null => {}
            Value::Object(members) => {
                let known = members.iter().filter(|(_, value)| !value.is_null());
                document.insert(name.clone(), known.map(|(name, value)| (name.clone(), value.clone())).collect());
            }
            value => drop(document.insert(name.clone(), value.clone())),
        }
    }
    let members: Vec<Value> = members(belief).into_iter().map(|id| json!({ "value": id })).collect();
    if !members.is_empty() {
        document.insert("members".into(), members.into());
    }
    document
}

/// The members that are in for sure.
pub(super) fn certain(belief: &Belief) -> Vec<String> {
    belief.members.must.iter().cloned().collect()
}

/// The members that are in or may be.
pub(super) fn possible(belief: &Belief) -> Vec<String> {
    belief.members.must.iter().chain(belief.members.may.keys()).cloned().collect()
}
