//! scimproof plays an identity provider over generated lives of a directory, sends what it would send to any SCIM 2.0
//! endpoint, and holds every answer and every end state against an embedded reference model.
pub mod scim;
pub mod exchange;
pub mod requirement;
pub mod expectation;
pub mod contract;
pub mod directory;
pub mod verdict;
pub mod scenario;
pub mod case;
pub mod idp;
pub mod model;
pub mod oracle;
pub mod endpoint;
pub mod suite;
pub mod generate;
pub mod run;
pub mod fuzzing;
pub mod report;
pub mod harness;
#[cfg(feature = "cli")]
pub mod cli;
