//! The protocol's nouns (RFC 7643, RFC 7644): lossless, no I/O, no panic on what a peer sends.
