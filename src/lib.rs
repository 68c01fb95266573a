//! scimproof plays an identity provider over generated lives of a directory, sends what it would send to any SCIM 2.0
//! endpoint, and holds every answer and every end state against an embedded reference model.
pub mod scim;
pub mod exchange;
pub mod endpoint;
