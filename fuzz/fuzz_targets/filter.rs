//! Filters: what is read, written and read again is the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scimproof::fuzzing::filter(data));
