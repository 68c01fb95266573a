//! Generated lives: the recipe fed by a fuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scimproof::fuzzing::life(data));
