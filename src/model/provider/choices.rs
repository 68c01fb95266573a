//! Which of the permitted alternatives the reference takes: given, or drawn for each life.

use std::collections::BTreeMap;

/// The register entries that the reference can vary, each with the alternatives that it knows how to serve.
pub fn choosable() -> &'static [(&'static str, &'static [&'static str])] {
    &[
        ("A06", &["conflict-409", "update-400"]),
        ("A07", &["as-sent", "lower-cased"]),
        ("A09", &["absent", "defaulted"]),
        ("A46", &["cleared", "kept", "defaulted"]),
        ("A49", &["ok-200", "no-content-204"]),
        ("A51", &["ok-200", "no-content-204"]),
        ("A54", &["unchanged", "no-target"]),
        ("A55", &["listed", "refused", "all-removed"]),
        ("A58", &["unchanged", "refused"]),
        ("A71", &["member-gone", "stale-member"]),
        ("L01", &["kept", "dropped"]),
    ]
}

/// Which alternatives the reference takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choices {
    /// These; the friendliest for the rest.
    Fixed(BTreeMap<String, String>),
    /// Drawn anew for each namespace, that is for each life.
    Random(u64),
}

impl Choices {
    /// Reads `random`, or `A46=kept,A51=no-content-204`. The error says what is wrong and what exists.
    pub fn parse(text: &str, seed: u64) -> Result<Choices, String> {
        if text == "random" {
            return Ok(Choices::Random(seed));
        }
        let mut fixed = BTreeMap::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (id, name) =
                part.split_once('=').ok_or_else(|| format!("--choices: {part:?} is not ENTRY=ALTERNATIVE"))?;
            let entry = choosable().iter().find(|(e, _)| *e == id).ok_or_else(|| {
                let known: Vec<&str> = choosable().iter().map(|(e, _)| *e).collect();
                format!("--choices: {id:?} is not varied by the reference; it varies {}", known.join(", "))
            })?;
            if !entry.1.contains(&name) {
                return Err(format!("--choices: {id} has no alternative {name:?}; it has {}", entry.1.join(", ")));
            }
            fixed.insert(id.to_owned(), name.to_owned());
        }
        Ok(Choices::Fixed(fixed))
    }

    /// The alternative taken for an entry by resources of one namespace.
    pub(super) fn take(&self, register: &str, namespace: &str) -> &'static str {
        let Some((_, names)) = choosable().iter().find(|(e, _)| *e == register) else { return "" };
        let first = names.first().copied().unwrap_or("");
        match self {
            Choices::Fixed(fixed) => {
                fixed.get(register).and_then(|name| names.iter().find(|n| *n == name)).copied().unwrap_or(first)
            }
            Choices::Random(seed) => {
                let text = crate::verdict::fingerprint(&[&seed.to_string(), register, namespace]);
                let number = u64::from_str_radix(text.trim_start_matches("fp1:"), 16).unwrap_or(0);
                names.get((number % names.len().max(1) as u64) as usize).copied().unwrap_or(first)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::{Tolerance, Tone, catalogue};

    #[test]
    fn every_alternative_that_the_reference_takes_is_accepted_or_warned_of() {
        for (id, names) in choosable() {
            for name in *names {
                let tone = catalogue().register(id).and_then(|e| e.tone(name, Tolerance::Strict));
                assert!(matches!(tone, Some(Tone::Accept | Tone::Warn)), "{id}={name}: {tone:?}");
            }
        }
    }

    #[test]
    fn choices_are_read_and_mistakes_named() {
        let fixed = Choices::parse("A46=kept,A51=no-content-204", 1).expect("choices");
        assert_eq!(fixed.take("A46", "x"), "kept");
        assert_eq!(fixed.take("A49", "x"), "ok-200");
        for (text, needle) in [("A46", "ENTRY=ALTERNATIVE"), ("A99=x", "A99"), ("A46=gone", "cleared")] {
            let error = Choices::parse(text, 1).expect_err("a mistake");
            assert!(error.contains(needle), "{error}");
        }
        let random = Choices::Random(7);
        let drawn: std::collections::BTreeSet<&str> = (0..64).map(|n| random.take("A46", &format!("ns{n}"))).collect();
        assert_eq!(drawn.len(), 3, "all three are drawn");
    }
}
