//! How far the run is: a bar on a terminal, plain lines otherwise. Both go to standard error.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::out;
use crate::report::{headline, plain};
use crate::run::Progress;
use crate::verdict::Reported;

/// Plain lines are written at every tenth of the way.
const TENTHS: usize = 10;

/// The progress of one run.
pub(super) struct Watched {
    bar: Option<ProgressBar>,
    tenth: AtomicUsize,
}

impl Watched {
    /// No progress yet.
    pub(super) fn new() -> Watched {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} lives {msg}");
            let bar = ProgressBar::new(0);
            style.map(|style| bar.set_style(style)).ok();
            bar
        });
        Watched { bar, tenth: AtomicUsize::new(0) }
    }

    /// Takes the bar away.
    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Watched {
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => out::complain(line),
        }
    }

    fn cases(&self, done: usize, all: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
    }

    fn lives(&self, done: usize, all: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(all as u64);
                bar.set_position(done as u64);
            }
            None => {
                let tenth = done * TENTHS / all.max(1);
                if self.tenth.swap(tenth, Ordering::Relaxed) != tenth {
                    out::complain(&format!("{done}/{all} lives"));
                }
            }
        }
    }

    fn found(&self, report: &Reported) {
        let what = plain(&headline(report));
        let events = report.scenario.as_ref().map_or(0, |s| s.events_after_start());
        self.say(&format!("found in {} ({events} events, now made short): {what}", report.selector));
    }
}
