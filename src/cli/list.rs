//! `scimproof list`: names, one a line. The output is stable.

use super::args::{ListArgs, Listed};
use super::out;
use crate::contract::provider_profiles;
use crate::endpoint::faulty;
use crate::idp::profiles;
use crate::requirement::catalogue;
use crate::suite::{case_schema, cases, lifecycles};

/// Prints it.
pub(super) fn list(args: ListArgs) -> u8 {
    let names: Vec<String> = match args.what {
        Listed::Faults => faulty::names().into_iter().map(str::to_owned).collect(),
        Listed::Rules => catalogue().rules().iter().map(|rule| rule.id.clone()).collect(),
        Listed::Lifecycles => lifecycles().into_iter().map(|(selector, _)| selector).collect(),
        Listed::Requirements => catalogue().requirements().iter().map(|r| r.id.clone()).collect(),
        Listed::Cases => cases().unwrap_or_default().iter().map(|(id, _)| id.clone()).collect(),
        Listed::CaseSchema => case_schema().lines().map(str::to_owned).collect(),
        Listed::Profiles => {
            let idps = profiles().unwrap_or_default().iter().map(|p| p.profile.clone());
            idps.chain(provider_profiles().unwrap_or_default().into_iter().map(|p| p.provider)).collect()
        }
    };
    names.iter().for_each(|name| out::line(name));
    0
}
