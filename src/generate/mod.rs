//! Lives as invented: the recipe, the sources of its decisions, and the shrinker that makes a life short again.

mod behind;
mod choices;
mod pools;
mod events;
mod swarm;
mod stories;
mod moves;
mod life;
mod reduce;
mod slice;
mod shrink;
#[cfg(test)]
mod stats;
#[cfg(test)]
mod shrink_tests;

pub use choices::{Bytes, Choices, Seeded};
pub use life::{Settings, life};
pub use shrink::{Budget, Execute, Found, Shrunk, Step, shrink};
