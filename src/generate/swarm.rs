//! What one life is fond of: some kinds of events never happen in it, the others have wild weights.
//!
//! A life that does everything a little does nothing often enough; many lopsided lives together do.

use crate::directory::KINDS;

use super::choices::Choices;
use super::life::Settings;
use super::stories::Story;

/// The tastes of one life.
#[derive(Debug)]
pub(super) struct Swarm {
    /// The weight of each kind of `KINDS`; 0 is off.
    pub(super) kinds: Vec<u32>,
    /// The weight of each story of `Story::ALL`; 0 is off.
    pub(super) stories: Vec<u32>,
    /// How many steps of a hundred begin a story.
    pub(super) telling: u32,
    /// How many names of a hundred are nasty.
    pub(super) nasty: u32,
    /// How many events of a hundred are done without looking whether they can have an effect.
    pub(super) careless: u32,
}

const WILD: &[u32] = &[1, 2, 3, 6, 12];

/// Kinds that bring the life back when nothing or little is sent; they are never off, and drawn by need.
const RECOVERIES: &[&str] = &["activate", "management.on"];

/// Kinds after which less is sent: they stay rarer than the others.
const SILENCERS: &[&str] = &["deactivate", "management.off"];

/// Kinds and stories that are spice, not the meal: their greatest weight.
const SPICES: &[(&str, u32)] = &[("application.delete", 1), ("import", 2), ("drift.user.", 4), ("drift.", 8)];

impl Swarm {
    /// Draws the tastes of a life.
    pub(super) fn draw(choices: &mut dyn Choices, settings: &Settings) -> Swarm {
        let mut stories: Vec<u32> = Story::ALL.iter().map(|_| wild(choices, 50)).collect();
        let mut kinds: Vec<u32> = KINDS.iter().map(|_| wild(choices, 30)).collect();
        for (index, story) in Story::ALL.iter().enumerate() {
            if !settings.groups && story.kinds().contains(&"management.off") {
                stories[index] = 0;
            }
            if story.kinds().iter().any(|kind| *kind == "application.delete" || *kind == "import") {
                stories[index] = stories[index].min(1);
            }
            for kind in story.kinds().iter().filter(|_| stories[index] > 0) {
                let weight = &mut kinds[place(kind)];
                *weight = (*weight).max(1); // what a story needs is not off
            }
        }
        for kind in RECOVERIES {
            kinds[place(kind)] = 1;
        }
        for (weight, kind) in kinds.iter_mut().zip(KINDS) {
            let most = SPICES.iter().find(|(spice, _)| kind.starts_with(spice)).map_or(u32::MAX, |(_, most)| *most);
            *weight = (*weight).min(most);
        }
        for kind in SILENCERS {
            kinds[place(kind)] = kinds[place(kind)].min(2);
        }
        if !settings.groups {
            for kind in KINDS.iter().filter(|kind| of_groups_there(kind)) {
                kinds[place(kind)] = 0;
            }
        }
        let nasty = if settings.nasty { [0, 12, 50][choices.weighted(&[5, 3, 2])] } else { 0 };
        Swarm { kinds, stories, telling: [45, 20, 75][choices.weighted(&[2, 1, 1])], nasty, careless: 10 }
    }
}

/// Whether a kind is about groups at the application, which some do not have.
fn of_groups_there(kind: &str) -> bool {
    kind.starts_with("management.") || kind.starts_with("drift.group.") || kind.starts_with("drift.member.")
}

/// The index of a kind in `KINDS`.
pub(super) fn place(kind: &str) -> usize {
    KINDS.iter().position(|k| *k == kind).unwrap_or(0)
}

fn wild(choices: &mut dyn Choices, off: u32) -> u32 {
    if choices.chance(off) { 0 } else { choices.pick(WILD).copied().unwrap_or(1) }
}
