//! The protocol's nouns (RFC 7643, RFC 7644): lossless, no I/O, no panic on what a peer sends.

pub mod error;
pub mod attribute;
pub mod schema;
pub mod builtin;
pub mod path;
pub mod filter;
mod grammar;
pub mod value;
pub mod validate;
pub mod evaluate;
pub mod resource;
pub mod project;
pub mod message;
pub mod patch;
pub mod apply;
pub mod strict;
mod edit;
mod edit_list;

pub use apply::{apply, apply_all};
pub use attribute::{Attribute, Mutability, Returned, Type, Uniqueness};
pub use error::{ScimError, ScimType};
pub use filter::{Comparison, Filter, Literal, quote};
pub use message::ListResponse;
pub use patch::{Applied, Op, Operation, PatchChoices, Point, Refused, parse_patch};
pub use path::{AttrPath, PatchPath, PathError, SyntaxError};
pub use project::Projection;
pub use resource::validate_new;
pub use schema::{Schema, Shape, Target};
pub use validate::validate_value;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod evaluate_tests;
