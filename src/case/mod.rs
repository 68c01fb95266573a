//! A written case: one behaviour, what it needs, what is asked, and what may come back. Data only; `suites/README.md` is its page.
//!
//! A case states all that it expects: the model does not feed it, so that cases check the model and the model checks lives.

mod bindings;
mod lint;
mod locate;

pub use bindings::{Bindings, Bound, Unbound};
pub use lint::{Mistake, lint};
pub use locate::{Located, alias, locate};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// One written case (a file below `suites/`).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The behaviour in a sentence.
    #[serde(rename = "case")]
    pub title: String,
    /// What it needs of the endpoint; without one of these it is unsupported there.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Played once for each of these.
    #[serde(default)]
    pub each: Option<Each>,
    /// What is there before: resources by label, made in this order.
    #[serde(default)]
    pub given: Map<String, Value>,
    /// What is asked, in order.
    pub steps: Vec<Step>,
    /// It may bring an endpoint down: played last, with a sign of life after it.
    #[serde(default)]
    pub destructive: bool,
    /// Where the shape of the requests was seen (`idp-wire.md`).
    #[serde(default)]
    pub source: Option<Value>,
    /// A remark for those who read the file.
    #[serde(default)]
    pub note: Option<String>,
}

/// What a template expands over.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Each {
    /// `schema`, `resourceType` or `endpoint`: the published ones.
    Published(String),
    /// One of the kinds below.
    Of(Box<Over>),
}

/// A template over attributes, definitions or a list.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Over {
    /// Published attributes to be written.
    #[serde(default)]
    pub attribute: Option<Selection>,
    /// Published definitions to be looked at.
    #[serde(default)]
    pub definition: Option<Selection>,
    /// These values, `{it}`.
    #[serde(default)]
    pub of: Option<Vec<Value>>,
}

/// Which attributes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The resource type: `User` or `Group`.
    #[serde(default)]
    pub of: Option<String>,
    /// Definitions: of these resource types, or `all` schemas.
    #[serde(default, rename = "in")]
    pub within: Option<Value>,
    /// Their types.
    #[serde(default, rename = "type")]
    pub types: Vec<String>,
    /// Multi-valued or not.
    #[serde(default)]
    pub multi: Option<bool>,
    /// Sub-attributes: `no` (default), `only`, `any`.
    #[serde(default)]
    pub sub: Option<String>,
    /// Whether they are required.
    #[serde(default)]
    pub required: Option<bool>,
    /// Their mutability.
    #[serde(default)]
    pub mutability: Vec<String>,
    /// When they are returned.
    #[serde(default)]
    pub returned: Vec<String>,
    /// Not these, by path.
    #[serde(default)]
    pub except: Vec<String>,
    /// Characteristics that the published JSON has.
    #[serde(default, rename = "where")]
    pub having: Map<String, Value>,
}

/// One request and what is expected of its answer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `METHOD /path`.
    #[serde(default)]
    pub send: Option<String>,
    /// GET of a resource of `given`, by label.
    #[serde(default)]
    pub read: Option<String>,
    /// GET of a URI that an answer gave.
    #[serde(default)]
    pub follow: Option<String>,
    /// All pages of a list.
    #[serde(default)]
    pub walk: Option<Walk>,
    /// No request: a discovery document, or the thing of the template.
    #[serde(default)]
    pub look: Option<String>,
    /// Query parameters in order.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// Headers; null leaves one out.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// A JSON body as it is.
    #[serde(default, deserialize_with = "present")]
    pub body: Option<Value>,
    /// A minimal valid resource with these paths set.
    #[serde(default)]
    pub resource: Option<Map<String, Value>>,
    /// The resource that `resource` starts from, by label.
    #[serde(default)]
    pub from: Option<String>,
    /// The operations of a PatchOp message.
    #[serde(default)]
    pub patch: Option<Vec<Value>>,
    /// A body as text, however malformed.
    #[serde(default)]
    pub bytes: Option<String>,
    /// The request target below the base URL, byte for byte.
    #[serde(default)]
    pub target: Option<String>,
    /// Another credential.
    #[serde(default)]
    pub credential: Option<String>,
    /// The name under which later steps speak of it.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
    /// Sent so many times at once.
    #[serde(default)]
    pub race: Option<u8>,
    /// Milliseconds before it, on real endpoints.
    #[serde(default)]
    pub pause: Option<u64>,
    /// Whatever comes back will do: later steps ask what it was.
    #[serde(default)]
    pub probe: bool,
    /// Only if this holds of earlier steps.
    #[serde(default)]
    pub when: Option<OneOrMany<Check>>,
    /// What is expected.
    #[serde(default)]
    pub expect: Vec<Check>,
}

/// All pages of a list, one after the other.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// The collection.
    pub path: String,
    /// `index` or `cursor`.
    #[serde(default)]
    pub by: Option<String>,
    /// What every page is asked with.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// Resources a page.
    pub count: u64,
}

/// An assertion with its requirement, an alternative of one, or a condition. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The requirement that it proves.
    #[serde(default, rename = "for")]
    pub requirement: Option<String>,
    /// What went wrong if it fails, in a few words.
    #[serde(default)]
    pub title: Option<String>,
    /// Only if this holds.
    #[serde(default)]
    pub when: Option<OneOrMany<Check>>,
    /// What is permitted, in the order in which it is tried.
    #[serde(default, rename = "one of")]
    pub one_of: Vec<Check>,
    /// The alternative of the ambiguity register: `A56=other-type`.
    #[serde(default)]
    pub register: Option<String>,
    /// Of another step's answer.
    #[serde(default)]
    pub of: Option<String>,
    /// The status: a number, `2xx`, or a list.
    #[serde(default)]
    pub status: Option<OneOrMany<Value>>,
    /// The scimType: a keyword, a list, null for none.
    #[serde(default, rename = "scimType", deserialize_with = "present")]
    pub scim_type: Option<Value>,
    /// A SCIM Error message (RFC 7644 section 3.12).
    #[serde(default)]
    pub error: Option<bool>,
    /// Headers by name in lower case.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// Whether there is no body.
    #[serde(default)]
    pub empty: Option<bool>,
    /// The body by path.
    #[serde(default)]
    pub body: Map<String, Value>,
    /// A list of resources, by id.
    #[serde(default)]
    pub list: Option<Listed>,
    /// How often each status came back in a race.
    #[serde(default)]
    pub statuses: Map<String, Value>,
}

/// What a list holds, by id.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// These stand in it.
    #[serde(default)]
    pub holds: Vec<Value>,
    /// These do not.
    #[serde(default)]
    pub lacks: Vec<Value>,
    /// These and no others.
    #[serde(default)]
    pub only: Option<Vec<Value>>,
    /// These stand in this order.
    #[serde(default)]
    pub order: Vec<Value>,
    /// totalResults.
    #[serde(default)]
    pub total: Option<Value>,
    /// The number of resources.
    #[serde(default)]
    pub length: Option<Value>,
    /// The most resources.
    #[serde(default)]
    pub most: Option<Value>,
    /// No id twice.
    #[serde(default)]
    pub unique: Option<bool>,
}

/// One of something, or a list.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// A list.
    Many(Vec<T>),
    /// One.
    One(Box<T>),
}

impl<T> OneOrMany<T> {
    /// All of them.
    pub fn all(&self) -> &[T] {
        match self {
            OneOrMany::Many(many) => many,
            OneOrMany::One(one) => std::slice::from_ref(&**one),
        }
    }
}

/// A value that may be null and is there all the same.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Case {
    /// The ids of the requirements on which an assertion can fail, in the order of the file, each once.
    pub fn covers(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        for check in self.steps.iter().flat_map(|step| &step.expect) {
            if let Some(id) = check.requirement.as_deref().filter(|id| !ids.contains(id)) {
                ids.push(id);
            }
        }
        ids
    }
}

impl Check {
    /// What is permitted: the alternatives, or the check itself.
    pub fn alternatives(&self) -> &[Check] {
        if self.one_of.is_empty() { std::slice::from_ref(self) } else { &self.one_of }
    }

    /// Whether its alternatives are statuses alone, and every class of them is there.
    fn cannot_fail(&self) -> bool {
        let bare = |check: &Check| Check { status: None, ..check.clone() } == Check::default();
        let classes = |class: &str| {
            let written = self.one_of.iter().flat_map(|one| one.status.iter().flat_map(|status| status.all()));
            written.into_iter().any(|status| status == class)
        };
        !self.one_of.is_empty() && self.one_of.iter().all(bare) && ["2xx", "4xx", "5xx"].into_iter().all(classes)
    }

    /// Whether it speaks of the status, so that after it nothing of the answer can be taken for granted.
    pub fn decides(&self) -> bool {
        self.alternatives().iter().any(|check| check.status.is_some() || !check.statuses.is_empty())
    }
}
