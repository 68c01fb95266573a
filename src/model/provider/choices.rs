//! Which of the permitted alternatives the reference takes: given, or drawn for each life.

use std::collections::{BTreeMap, BTreeSet};

/// The register entries that the reference varies from life to life, each with the alternatives that it can serve, the
/// friendliest first.
pub fn choosable() -> &'static [(&'static str, &'static [&'static str])] {
    &[
        ("A06", &["conflict-409", "update-400", "bad-request-400"]),
        ("A07", &["as-sent", "lower-cased"]),
        ("A08", &["new-id", "refused-409"]),
        ("A09", &["absent", "defaulted"]),
        ("A10", &["accepted", "refused-409"]),
        ("A11", &["accepted", "refused-409"]),
        ("A12", &["stored", "dropped", "refused"]),
        ("A14", &["with-body", "location-only"]),
        ("A20", &["full", "omitted-in-lists"]),
        ("A21", &["right", "absent"]),
        ("A22", &["absolute", "relative-to-base", "relative-to-resource", "other-host"]),
        ("A23", &["visible", "hidden"]),
        ("A36", &["empty", "absent"]),
        ("A46", &["cleared", "kept", "defaulted"]),
        ("A49", &["ok-200", "no-content-204"]),
        ("A50", &["kept", "moved"]),
        ("A51", &["ok-200", "no-content-204"]),
        ("A54", &["unchanged", "no-target"]),
        ("A55", &["listed", "refused", "all-removed"]),
        ("A58", &["unchanged", "refused"]),
        ("A60", &["kept", "moved"]),
        ("A71", &["member-gone", "stale-member", "refused-409"]),
        ("A72", &["current", "absent"]),
        ("A74", &["right", "absent"]),
        ("A75", &["scim-json", "json-always"]),
        ("A80", &["known-keyword", "absent", "private-keyword", "unknown-keyword"]),
        ("A90", &["as-sent", "canonical"]),
        ("L01", &["kept", "dropped"]),
        ("L02", &["stored", "refused-400"]),
        ("L03", &["accepted", "refused-409"]),
        ("L04", &["kept", "removed"]),
        ("L05", &["stored", "refused-400"]),
        ("L06", &["as-sent", "trimmed"]),
        ("L09", &["stored", "dropped"]),
        ("L10", &["changeable", "refused-400"]),
    ]
}

/// What the reference varies as a whole, because it publishes it or because a list is everybody's: none of it, or one or
/// more of these alternatives.
pub fn published() -> &'static [(&'static str, &'static [&'static str])] {
    &[
        ("A34", &["complete", "truncated"]),
        ("A88", &["as-registered", "stricter", "subset"]),
        ("A89", &["published-exact", "published-inexact"]),
        ("L10", &["changeable", "immutable-published"]),
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
            let entries = || choosable().iter().chain(published());
            let names: Vec<&str> = entries().filter(|(e, _)| *e == id).flat_map(|(_, names)| names.to_vec()).collect();
            if names.is_empty() {
                let known: BTreeSet<&str> = entries().map(|(e, _)| *e).collect();
                let known: Vec<&str> = known.into_iter().collect();
                return Err(format!(
                    "--choices: {id:?} is not varied by the reference; it varies {}",
                    known.join(", ")
                ));
            }
            if !names.contains(&name) {
                return Err(format!("--choices: {id} has no alternative {name:?}; it has {}", names.join(", ")));
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
            // A refusal ends what a client was about, so it is drawn less often than another alternative.
            Choices::Random(seed) => {
                let weight = |name: &str| if name.starts_with("refused") { 1 } else { 4 };
                let sum: u64 = names.iter().map(|name| weight(name)).sum();
                let mut number = draw(*seed, register, namespace) % sum.max(1);
                let fits = |name: &&&str| match number.checked_sub(weight(name)) {
                    None => true,
                    Some(rest) => {
                        number = rest;
                        false
                    }
                };
                names.iter().find(fits).copied().unwrap_or(first)
            }
        }
    }

    /// Whether the provider as a whole takes an alternative that is not the friendliest. Drawn are a schema with more
    /// requirements always, names that cannot be changed once in four, the others every second time.
    pub(super) fn publishes(&self, register: &str, name: &str) -> bool {
        match self {
            Choices::Fixed(fixed) => fixed.get(register).is_some_and(|taken| taken == name),
            Choices::Random(seed) => {
                let rarity = match name {
                    "stricter" => 1,
                    "immutable-published" => 4,
                    _ => 2,
                };
                draw(*seed, register, name).is_multiple_of(rarity)
            }
        }
    }

    /// Whether strangers come and go.
    pub(super) fn crowded(&self) -> bool {
        matches!(self, Choices::Random(_))
    }
}

/// A number that follows from the seed, the entry and the namespace.
fn draw(seed: u64, register: &str, namespace: &str) -> u64 {
    let text = crate::verdict::fingerprint(&[&seed.to_string(), register, namespace]);
    u64::from_str_radix(text.trim_start_matches("fp1:"), 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::{Tolerance, Tone, catalogue};

    #[test]
    fn every_alternative_that_the_reference_takes_is_accepted_or_warned_of() {
        for (id, names) in choosable().iter().chain(published()) {
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
