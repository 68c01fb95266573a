//! Names: small pools that collide, large ones that do not, ordinary ones and nasty ones.

use super::choices::Choices;

/// The people of the small pool: label, first and last name.
pub(super) const PEOPLE: &[(&str, &str, &str)] = &[
    ("ada", "Ada", "Lovelace"),
    ("bob", "Bob", "Kahn"),
    ("cyd", "Cyd", "Moreau"),
    ("dan", "Dan", "Okafor"),
    ("eve", "Eve", "Lindqvist"),
    ("fay", "Fay", "Ito"),
    ("gus", "Gus", "Pereira"),
    ("hal", "Hal", "Novak"),
    ("ida", "Ida", "Rhodes"),
    ("jon", "Jon", "Postel"),
    ("kim", "Kim", "Park"),
    ("leo", "Leo", "Rossi"),
    ("mia", "Mia", "Haddad"),
    ("ned", "Ned", "Clark"),
];

/// The groups of the small pool: label and name.
pub(super) const GROUPS: &[(&str, &str)] = &[
    ("engineering", "Engineering"),
    ("sales", "Sales"),
    ("support", "Support"),
    ("finance", "Finance"),
    ("legal", "Legal"),
    ("design", "Design"),
    ("operations", "Operations"),
    ("field", "Field Sales"),
    ("security", "Security"),
    ("research", "Research"),
];

/// Names that groups are renamed to; few, so that they come back.
const NEW_NAMES: &[&str] =
    &["Platform", "Growth", "Core", "Platform Engineering", "Customer Success", "EMEA", "sales", "Team 1"];

/// A name long enough for a column of 64 characters to cut it.
const LONG: &str =
    "The Very Long Department Of Everything That Nobody Else Wanted To Own (Interim Structure, 2nd Floor)";

const NASTY_GROUPS: &[&str] = &[
    "Sales \"West\"",
    "R&D",
    "Back\\Slash",
    "a+b",
    "x eq y",
    "50% Club",
    "C# Guild",
    "IT/Ops",
    "Rocket \u{1f680} Crew",
    "\u{5e6}\u{5d5}\u{5d5}\u{5ea} \u{5e4}\u{5d9}\u{5ea}\u{5d5}\u{5d7}",
    "\u{641}\u{631}\u{64a}\u{642} \u{627}\u{644}\u{645}\u{628}\u{64a}\u{639}\u{627}\u{62a}",
    "E\u{301}quipe Zoe\u{308}",
    LONG,
    "x\"] or displayName pr or members[value eq \"",
    "O'Brien (contractors)",
    "%41%2f%00",
    "null",
    "<b>Bold</b>",
    "\u{65e5}\u{672c}\u{8a9e}\u{30c1}\u{30fc}\u{30e0}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} Parents",
    "Blank Behind ",
    "Blank Behind",
    " Blank Before",
];

const NASTY_USERNAMES: &[&str] = &[
    "o'neil",
    "ada+test",
    "ann lee",
    "q\"uote",
    "back\\slash",
    "r&d.bot",
    "100%",
    "x eq y",
    "a/b#c",
    "zo\u{eb}",
    "jose\u{301}",
    "\u{5d0}\u{5d3}\u{5d4}",
    "\u{592a}\u{90ce}",
    "svc.the-very-long-account-name-of-an-integration-that-nobody-remembers-making",
    "x\" or userName pr",
    "0",
    "blank ",
    "blank",
];

const NASTY_PERSON_NAMES: &[&str] = &[
    "O'Neil",
    "\"Skip\"",
    "van der Berg-de la Cruz",
    "Nguy\u{1ec5}n",
    "\u{5e9}\u{5e8}\u{5d4}",
    "Zoe\u{308}",
    "Smiley \u{1f642}",
    "Back\\Slash",
    "X & Sons",
    "null",
    " Blank ",
    "Wolfeschlegelsteinhausenbergerdorff-Cholmondeley-Featherstonehaugh III",
    "\u{674e}",
];

/// Names given up in this life; taking one of them again is where old state shows.
#[derive(Debug, Default)]
pub(super) struct Former {
    /// User names that were changed or whose user was deleted.
    pub(super) usernames: Vec<String>,
    /// Group names that were changed or whose group was deleted.
    pub(super) groups: Vec<String>,
    /// User names of accounts that the application may hold although no user of the directory has them any more.
    pub(super) accounts: Vec<String>,
    /// Names of groups that only the application has: they wait to be taken over.
    pub(super) application: Vec<String>,
}

/// Where a drawn name comes from.
const ORDINARY: usize = 0;
const SMALL: usize = 1;
const FORMER: usize = 2;
const LARGE: usize = 3;

/// A name for a group. `own` is its ordinary name, `nasty` how many of a hundred shall be hard on the endpoint.
pub(super) fn group_name(choices: &mut dyn Choices, own: &str, former: &Former, nasty: u32) -> String {
    if choices.chance(nasty) {
        return from(choices, NASTY_GROUPS);
    }
    let old = if former.groups.is_empty() { 0 } else { 3 };
    match choices.weighted(&[6, 2, old, 1]) {
        SMALL => from(choices, NEW_NAMES),
        FORMER => choices.pick(&former.groups).cloned().unwrap_or_else(|| own.to_owned()),
        LARGE => format!("team-{}", choices.below(10_000)),
        _ => own.to_owned(),
    }
}

/// A new name for a group that has one; sometimes the same in another case.
pub(super) fn rename(choices: &mut dyn Choices, old: &str, former: &Former, nasty: u32) -> String {
    if choices.chance(12) {
        return other_case(old);
    }
    let small = from(choices, NEW_NAMES);
    group_name(choices, &small, former, nasty)
}

/// A name for the account of the person with this label.
pub(super) fn username(choices: &mut dyn Choices, label: &str, last: &str, former: &Former, nasty: u32) -> String {
    if choices.chance(nasty / 4) {
        return from(choices, NASTY_USERNAMES);
    }
    let last = last.split_whitespace().next().unwrap_or(label);
    let last = if last.is_ascii() { last } else { label };
    let old = if former.usernames.is_empty() { 0 } else { 3 };
    match choices.weighted(&[5, 4, old, 1]) {
        ORDINARY => label.to_owned(),
        FORMER => choices.pick(&former.usernames).cloned().unwrap_or_else(|| label.to_owned()),
        LARGE => format!("name-{}", choices.below(10_000)),
        _ => match choices.below(4) {
            0 => format!("{label}.{}", plain(last)),
            1 => format!("{label}@{}", plain(last)),
            2 => format!("{}{last}", label[..1].to_uppercase()),
            _ => label.to_uppercase(),
        },
    }
}

/// A first or last name.
pub(super) fn person_name(choices: &mut dyn Choices, ordinary: &str, nasty: u32) -> String {
    if choices.chance(nasty) { from(choices, NASTY_PERSON_NAMES) } else { ordinary.to_owned() }
}

/// The local part of an address that several people give.
const SHARED_EMAIL: &str = "office";

/// The local part of an e-mail address: letters, digits and `._+-` only (RFC 5321, 4.1.2). It begins with the label and
/// is nobody else's, except for the address that some people share.
pub(super) fn email(choices: &mut dyn Choices, label: &str) -> String {
    if choices.chance(12) {
        return SHARED_EMAIL.to_owned();
    }
    match choices.below(6) {
        0..=2 => label.to_owned(),
        3 => format!("{label}.{}", choices.below(100)),
        4 => format!("{label}+{}", choices.below(100)),
        _ => format!("{}_x-{}", label.to_uppercase(), choices.below(100)),
    }
}

/// An employee identifier; a few are given twice.
pub(super) fn employee(choices: &mut dyn Choices, number: usize) -> String {
    if choices.chance(25) { "E-1".to_owned() } else { format!("E-{}", 100 + 10 * number + choices.below(10) as usize) }
}

/// The name in other letters, the same to whoever ignores case.
pub(super) fn other_case(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if lower == name { name.to_ascii_uppercase() } else { lower }
}

/// What a shrunk life may keep: nothing that needs quoting, and not long.
pub(super) fn is_plain(name: &str) -> bool {
    name.len() <= 24 && name.chars().all(|c| c.is_ascii_alphanumeric() || " .-_".contains(c)) && name != "null"
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn from(choices: &mut dyn Choices, names: &[&str]) -> String {
    choices.pick(names).map_or_else(String::new, |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::choices::Seeded;

    #[test]
    fn nasty_names_are_nasty_and_still_lawful() {
        for needle in ["\"", "\\", "+", " eq ", "&", "%", "#", "/", "\u{1f680}", "\"] or"] {
            assert!(NASTY_GROUPS.iter().any(|n| n.contains(needle)), "{needle}");
        }
        assert!(NASTY_GROUPS.iter().any(|n| n.chars().count() > 64));
        for name in NASTY_GROUPS.iter().chain(NASTY_USERNAMES).chain(NASTY_PERSON_NAMES) {
            assert!(!name.trim().is_empty() && !name.chars().any(char::is_control), "{name}");
        }
        for name in NEW_NAMES.iter().chain(GROUPS.iter().map(|(_, name)| name)) {
            assert!(is_plain(name), "{name}");
        }
    }

    #[test]
    fn local_parts_are_safe() {
        let choices: &mut dyn Choices = &mut Seeded::new(1, 1);
        for _ in 0..500 {
            let local = email(choices, "ada");
            assert!(local.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c)), "{local}");
            assert!(local.len() <= 32 && (local.to_lowercase().starts_with("ada") || local == SHARED_EMAIL));
        }
    }

    #[test]
    fn the_other_case_is_another_text() {
        for (name, other) in [("Engineering", "engineering"), ("sales", "SALES"), ("EMEA", "emea")] {
            assert_eq!(other_case(name), other);
        }
    }
}
