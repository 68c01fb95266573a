//! Requirements that no case proves, each with the reason (`suites/not-covered.yaml`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Why no case proves a requirement, by id.
///
/// # Panics
/// If the embedded file is malformed, which the unit tests exclude.
pub fn uncovered() -> &'static BTreeMap<String, String> {
    static REASONS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let read = super::read("suites/not-covered.yaml", include_str!("../../suites/not-covered.yaml"));
        read.unwrap_or_else(|error| panic!("{error}"))
    });
    &REASONS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::requirement::catalogue;
    use crate::suite::cases;

    #[test]
    fn what_no_case_proves_has_its_reason_and_nothing_else_has_one() {
        let cases = cases().expect("sound cases");
        let covered: BTreeSet<&str> = cases.iter().flat_map(|(_, case)| case.covers()).collect();
        let counted = catalogue().requirements().iter().filter(|requirement| requirement.counts());
        let left: BTreeSet<&str> = counted.map(|r| r.id.as_str()).filter(|id| !covered.contains(id)).collect();
        let told: BTreeSet<&str> = uncovered().keys().map(String::as_str).collect();
        assert_eq!(left.difference(&told).collect::<Vec<_>>(), Vec::<&&str>::new(), "without a reason");
        assert_eq!(
            told.difference(&left).collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "covered after all, or no row that counts"
        );
    }
}
