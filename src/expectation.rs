//! What is permitted: the alternatives of one exchange, what is left open, and what was lawfully refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::scim::error::ScimError;
use crate::scim::filter::Filter;

/// The two resource types that lives touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `/Users`, RFC 7643 section 4.1.
    User,
    /// `/Groups`, RFC 7643 section 4.2.
    Group,
}

impl Kind {
    /// The path of the collection, without the leading slash.
    pub fn endpoint(self) -> &'static str {
        match self {
            Kind::User => "Users",
            Kind::Group => "Groups",
        }
    }

    /// The name of the resource type.
    pub fn name(self) -> &'static str {
        match self {
            Kind::User => "User",
            Kind::Group => "Group",
        }
    }

    /// The attribute by which people know the resource.
    pub fn naming(self) -> &'static str {
        match self {
            Kind::User => "userName",
            Kind::Group => "displayName",
        }
    }

    /// The kind behind a path segment.
    pub fn of(endpoint: &str) -> Option<Kind> {
        match endpoint {
            "Users" => Some(Kind::User),
            "Groups" => Some(Kind::Group),
            _ => None,
        }
    }
}

/// A named alternative of the ambiguity register: `("A46", "kept")`.
pub type Choice = (&'static str, &'static str);

/// What may stand in an attribute that an answer did not settle.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The register entry that leaves the room, if one does.
    pub register: Option<&'static str>,
    /// The named candidates; `None` is "no value".
    pub candidates: Vec<(&'static str, Option<Value>)>,
    /// The name of "anything else", where anything else is permitted too.
    pub otherwise: Option<&'static str>,
}

impl Open {
    /// Anything at all: what is left after an answer that fits nothing.
    pub fn any() -> Self {
        Open { register: None, candidates: Vec::new(), otherwise: Some("") }
    }
}

/// The member list of a group as far as it is known: ids of resources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// These are in.
    pub must: BTreeSet<String>,
    /// These may be in or not, each with the register entry that says so.
    pub may: BTreeMap<String, &'static str>,
    /// Nothing is known.
    pub any: bool,
}

/// How `meta.lastModified` may stand against the value seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Nothing was written since it was seen.
    Settled,
    /// It has not changed (RFC 7644 section 3.5.2.1: adding what is there moves no timestamp).
    Same,
    /// It should not have changed: what was written was there already (A60).
    Idle,
    /// Something was written since: it is not earlier.
    NotBefore,
}

/// What is known of one resource at the endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// Its type.
    pub kind: Kind,
    /// Its id; empty before the endpoint has chosen one.
    pub id: String,
    /// The attributes, without `schemas`, `id`, `meta`, `members` and `groups`.
    pub attributes: Map<String, Value>,
    /// What is open, by attribute.
    pub open: BTreeMap<String, Open>,
    /// The members, for a group.
    pub members: Members,
    /// `meta.created` as first seen.
    pub created: Option<String>,
    /// `meta.lastModified` as last seen.
    pub modified: Option<String>,
    /// How often it changed, its making included: what a service counts for `meta.version`.
    pub revision: u64,
    /// How `lastModified` may have moved since.
    pub moved: Moved,
    /// The requirement that a deviation breaks, by attribute: it follows from the last write, until a read confirms it.
    pub cause: BTreeMap<String, &'static str>,
    /// The same for single members, in and out.
    pub member_cause: BTreeMap<String, &'static str>,
    /// Attributes that a client ever stated; the others are the provider's own.
    pub stated: BTreeSet<String>,
    /// Attributes that the endpoint ever showed.
    pub shown: BTreeSet<String>,
    /// What the last write stated: attributes and ids of members. Its answer confirms everything else.
    pub fresh: BTreeSet<String>,
    /// Members that the last write could have harmed, and what is then broken.
    pub suspects: BTreeMap<String, &'static str>,
    /// The requirement that is broken if it is not there.
    pub exists_cause: &'static str,
    /// Nothing is known but that it exists, or not even that.
    pub uncertain: bool,
    /// For a group: members who became inactive, and of whom the endpoint itself said that they stay in it (L01).
    pub kept: BTreeSet<String>,
}

impl Belief {
    /// A resource with these attributes and no id yet.
    pub fn new(kind: Kind, attributes: Map<String, Value>) -> Self {
        Belief {
            kind,
            id: String::new(),
            attributes,
            open: BTreeMap::new(),
            members: Members::default(),
            created: None,
            modified: None,
            revision: 0,
            moved: Moved::NotBefore,
            cause: BTreeMap::new(),
            member_cause: BTreeMap::new(),
            stated: BTreeSet::new(),
            shown: BTreeSet::new(),
            fresh: BTreeSet::new(),
            suspects: BTreeMap::new(),
            exists_cause: "7644-3.4.1-01",
            uncertain: false,
            kept: BTreeSet::new(),
        }
    }

    /// Whether a read is needed to know the state.
    pub fn is_open(&self) -> bool {
        self.uncertain || !self.open.is_empty() || self.members.any || !self.members.may.is_empty()
    }

    /// Whether the endpoint may hold another name than the one that was sent, because it has not shown it since: blanks
    /// may be gone (L06), and of what was made without a body in the answer (A14) nothing has been seen yet.
    pub fn is_unseen(&self) -> bool {
        let blank = self.name().is_some_and(|name| name.trim() != name);
        blank && (self.shown.is_empty() || self.cause.contains_key(self.kind.naming()))
    }

    /// Whether it is a group without members, which a provider may have deleted when the last one left (L04).
    pub fn is_empty_group(&self) -> bool {
        self.kind == Kind::Group && self.members.must.is_empty() && !self.members.any
    }

    /// The name by which people know it, if it is known.
    pub fn name(&self) -> Option<&str> {
        self.attributes.get(self.kind.naming()).and_then(Value::as_str)
    }

    /// Whether `active` is known to be false.
    pub fn inactive(&self) -> bool {
        self.attributes.get("active") == Some(&Value::Bool(false))
    }
}

/// What an alternative does to the state, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A resource is made or changed to this.
    Store(Box<Belief>),
    /// A resource is gone.
    Remove(String),
    /// A user became inactive: the provider may have taken it out of its groups (register L01).
    Deactivated(String),
    /// A user is gone: groups may name it still (register A71).
    Orphaned(String),
    /// A group is gone, its members are not (RFC 7644 section 3.6).
    Spared(String),
}

/// What the body of an answer must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// No body.
    Empty,
    /// Whatever it is.
    Any,
    /// An Error message (RFC 7644 section 3.12); the scimType is one of these, or absent. An empty list: any.
    Error(&'static [&'static str]),
    /// An Error message with scimType uniqueness, which must stand there.
    Uniqueness,
    /// This resource.
    Resource(Box<Belief>),
    /// A ListResponse.
    List(Box<ListBody>),
}

/// What a list must and must not hold, said of our resources only.
#[derive(Debug, Clone, PartialEq)]
pub struct ListBody {
    /// The type that is listed.
    pub kind: Kind,
    /// The filter, if one was sent.
    pub filter: Option<Filter>,
    /// Resources that match for sure.
    pub must: Vec<Belief>,
    /// Resources that may match: what they hold is open, or an entry of the register lets them be hidden.
    pub may: Vec<(Belief, Option<Choice>)>,
    /// The first index asked for, counted from 1.
    pub start_index: u64,
    /// The most that was asked for.
    pub count: Option<u64>,
    /// Resources that earlier pages of the same walk held.
    pub walked: BTreeSet<String>,
    /// The total that the pages before this one gave, if they all gave the same; none on the first page.
    pub total: Option<u64>,
    /// Whether totals can be judged: the filter names our namespace.
    pub exact: bool,
    /// Of an unfiltered list: how many other resources may stand in it, where that is known (`--exclusive`).
    pub others: Option<u64>,
}

/// One permitted outcome of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The alternatives of the register that it takes.
    pub choices: Vec<Choice>,
    /// The permitted status codes.
    pub statuses: Vec<u16>,
    /// The permitted body.
    pub body: Body,
    /// What it does to the state.
    pub effects: Vec<Effect>,
    /// The request was lawfully refused: what it wanted is not expected afterwards.
    pub refused: bool,
    /// What a service says that refuses it so; an oracle does not ask for these very words.
    pub said: Option<ScimError>,
}

impl Alternative {
    /// An alternative without choices and effects.
    pub fn new(statuses: &[u16], body: Body) -> Self {
        Alternative {
            choices: Vec::new(),
            statuses: statuses.to_vec(),
            body,
            effects: Vec::new(),
            refused: false,
            said: None,
        }
    }

    /// The same, taking an alternative of the register.
    #[must_use]
    pub fn taking(mut self, register: &'static str, alternative: &'static str) -> Self {
        self.choices.push((register, alternative));
        self
    }

    /// The same, with an effect.
    #[must_use]
    pub fn doing(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// The same, as a lawful refusal.
    #[must_use]
    pub fn refusing(mut self) -> Self {
        self.refused = true;
        self
    }
}

/// Everything that is permitted for one request in one state, the friendliest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// The permitted outcomes.
    pub alternatives: Vec<Alternative>,
    /// The requirement that is broken when no status fits.
    pub requirement: &'static str,
    /// The target is known to be there; if it is not found, this requirement is broken.
    pub there: Option<&'static str>,
    /// The resources because of which the request must be refused.
    pub rivals: Vec<String>,
}

/// A part of an object whose write was lawfully refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facet {
    /// That it exists.
    Exists,
    /// Its `active`.
    Active,
    /// A group's members.
    Members,
    /// One attribute.
    Attribute(String),
}

/// What was lawfully refused: not expected afterwards. Keyed by subject (`user:ada`) and facet; the value is the
/// register entry that made the refusal lawful.
#[derive(Debug, Clone, Default)]
pub struct Excused {
    facets: BTreeMap<(String, Facet), String>,
}

impl Excused {
    /// Notes a lawful refusal.
    pub fn refuse(&mut self, subject: &str, facet: Facet, register: &str) {
        self.facets.insert((subject.to_owned(), facet), register.to_owned());
    }

    /// Clears the facet: a later write of it was accepted.
    pub fn accept(&mut self, subject: &str, facet: &Facet) {
        self.facets.remove(&(subject.to_owned(), facet.clone()));
    }

    /// The register entry that excuses the facet; an object that does not exist excuses everything of it.
    pub fn register(&self, subject: &str, facet: &Facet) -> Option<&str> {
        let of = |facet: &Facet| self.facets.get(&(subject.to_owned(), facet.clone()));
        of(facet).or_else(|| of(&Facet::Exists)).map(String::as_str)
    }
}
