//! Where a life's decisions come from: a seed, or the bytes of a fuzzer. One recipe reads both.

use arbitrary::Unstructured;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// A source of decisions. Zero is the simplest answer to every question, so that an exhausted source ends a life early.
pub trait Choices {
    /// A number from 0 to `n - 1`; 0 if `n` is 0.
    fn below(&mut self, n: u32) -> u32;

    /// Whether the source is used up and answers 0 from now on.
    fn done(&self) -> bool;

    /// True in about so many of a hundred cases. An exhausted source says false, unless it is certain.
    fn chance(&mut self, percent: u32) -> bool {
        match percent {
            0 => false,
            1..=99 => self.below(256) >= 256 - (percent * 256).div_ceil(100),
            _ => true,
        }
    }

    /// The index of one of the weights, drawn in proportion; 0 if all are 0.
    fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (index, &weight) in weights.iter().enumerate() {
            if rest < weight {
                return index;
            }
            rest -= weight;
        }
        0
    }
}

impl dyn Choices + '_ {
    /// One of the items; none if there are none.
    pub fn pick<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        items.get(self.below(items.len() as u32) as usize)
    }
}

/// Decisions from a run's seed and a life's number, the same on every platform.
#[derive(Debug, Clone)]
pub struct Seeded {
    rng: TestRng,
}

impl Seeded {
    /// The source of one life of a run.
    pub fn new(seed: u64, life: u64) -> Self {
        let mut key = *b"................scimproof life 1";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&life.to_le_bytes());
        Seeded { rng: TestRng::from_seed(RngAlgorithm::ChaCha, &key) }
    }
}

impl Choices for Seeded {
    fn below(&mut self, n: u32) -> u32 {
        // A multiplication, not a remainder: no bias that could matter, and no loop.
        if n < 2 { 0 } else { ((u64::from(self.rng.next_u32()) * u64::from(n)) >> 32) as u32 }
    }

    fn done(&self) -> bool {
        false
    }
}

/// Decisions from the input of a fuzzer; each takes as few bytes as it can.
#[derive(Debug)]
pub struct Bytes<'a> {
    input: Unstructured<'a>,
}

impl<'a> Bytes<'a> {
    /// A source that reads these bytes from the front.
    pub fn new(input: &'a [u8]) -> Self {
        Bytes { input: Unstructured::new(input) }
    }
}

impl Choices for Bytes<'_> {
    fn below(&mut self, n: u32) -> u32 {
        if n < 2 { 0 } else { self.input.int_in_range(0..=n - 1).unwrap_or(0) }
    }

    fn done(&self) -> bool {
        self.input.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut source = Seeded::new(1, 17);
        let drawn: Vec<u32> = (0..6).map(|_| source.below(1000)).collect();
        assert_eq!(drawn, [741, 43, 515, 421, 551, 731], "lives of older versions are lost if this changes");
        let mut other = Seeded::new(17, 1);
        assert_ne!(drawn, (0..6).map(|_| other.below(1000)).collect::<Vec<_>>());
    }

    #[test]
    fn an_exhausted_source_gives_the_simplest_answers() {
        let mut source = Bytes::new(&[7]);
        assert!(!source.done());
        assert_eq!(source.below(1), 0);
        assert!(!source.done(), "a question with one answer takes no input");
        assert_eq!(source.below(200), 7);
        assert!(source.done());
        assert_eq!(source.below(200), 0);
        assert!(!source.chance(99));
        assert!(source.chance(100));
        assert_eq!(source.weighted(&[0, 3, 1]), 1);
        let source: &mut dyn Choices = &mut source;
        assert_eq!(source.pick(&['a', 'b']), Some(&'a'));
        assert_eq!(source.pick::<char>(&[]), None);
    }

    #[test]
    fn weights_and_chances_are_kept() {
        let bytes: Vec<u8> = (0..16_000).scan(Seeded::new(9, 9), |s, _| Some(s.below(256) as u8)).collect();
        let sources: [&mut dyn Choices; 2] = [&mut Seeded::new(3, 4), &mut Bytes::new(&bytes)];
        for source in sources {
            let mut counts = [0; 3];
            let mut yes = 0;
            for _ in 0..8000 {
                counts[source.weighted(&[1, 0, 3])] += 1;
                yes += u32::from(source.chance(25));
            }
            assert!((1800..2200).contains(&counts[0]) && counts[1] == 0, "{counts:?}");
            assert!((1800..2200).contains(&yes), "{yes}");
        }
    }
}
