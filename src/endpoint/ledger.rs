//! What this run has made and not yet removed, on disk before the request leaves.
//!
//! One file of JSON lines for each run: `<dir>/<host>-<namespace>.jsonl`. Every line is handed to the operating system before the
//! request leaves, so it survives `kill -9`; for an endpoint that is not on this machine it is forced to the disk as well.
//! The file is locked while the run lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::nameless::Nameless;
use super::resource::{Collection, folded};

/// Something of ours that may still be at the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The collection's path: `/Users`, `/Groups`.
    pub endpoint: String,
    /// The id, if the answer to the create arrived.
    pub id: Option<String>,
    /// Every name under which it may be found, the newest last.
    pub names: Vec<String>,
    /// What is known of it, if it may be without a name of ours.
    pub nameless: Option<Nameless>,
}

impl Leftover {
    /// Whether both stand for the same resource: by the id, or where none is known by the name.
    pub fn is_same(&self, other: &Leftover) -> bool {
        self.endpoint == other.endpoint && self.id == other.id && (self.id.is_some() || self.names == other.names)
    }
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    /// The first line.
    Ledger { format: u32, base: String, namespace: String },
    /// A create is about to be sent.
    Create {
        #[serde(rename = "type")]
        kind: String,
        endpoint: String,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nameless: Option<Nameless>,
    },
    /// A create was answered with an id.
    Created {
        endpoint: String,
        id: String,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nameless: Option<Nameless>,
    },
    /// A create was refused: nothing was made.
    Refused { endpoint: String, name: String },
    /// A rename is about to be sent.
    Renamed { endpoint: String, id: String, name: String },
    /// A write is about to be sent that may take the name away.
    Stripped { endpoint: String, id: String, nameless: Nameless },
    /// The resource is gone.
    Deleted { endpoint: String, id: Option<String>, name: Option<String> },
}

/// The open ledger of a run. Shared by all of its tasks.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    durable: bool,
    state: Mutex<(File, Vec<Leftover>)>,
}

impl Ledger {
    /// Makes the ledger of a run and locks it. `host` is the endpoint's host, with its port if there is one.
    ///
    /// # Errors
    /// When the folder or the file cannot be made, or a file of that name is there already.
    pub fn open(dir: &Path, host: &str, namespace: &str, base_url: &str) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(format!("{}-{}.jsonl", file_name(host), file_name(namespace)));
        let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        file.try_lock().map_err(io::Error::from)?;
        let ledger = Ledger { path, durable: !is_loopback(host), state: Mutex::new((file, Vec::new())) };
        ledger.append(Line::Ledger { format: 1, base: base_url.to_owned(), namespace: namespace.to_owned() }, true)?;
        Ok(ledger)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes a create that is about to be sent, by the path at which something is to be made.
    ///
    /// # Errors
    /// When the line cannot be written; the create must not be sent then.
    pub fn create(&self, endpoint: &str, name: &str, nameless: Option<&Nameless>) -> io::Result<()> {
        let kind = Collection::of_endpoint(endpoint).map_or("", Collection::resource_type).to_owned();
        let (endpoint, name, nameless) = (endpoint.to_owned(), name.to_owned(), nameless.cloned());
        self.append(Line::Create { kind, endpoint, name, nameless }, true)
    }

    /// Notes the id of something created.
    ///
    /// # Errors
    /// When the line cannot be written; the create is on disk already, so nothing is lost but the id.
    pub fn created(&self, collection: Collection, id: &str, name: &str, nameless: Option<&Nameless>) -> io::Result<()> {
        let (endpoint, id) = (collection.path().to_owned(), id.to_owned());
        self.append(Line::Created { endpoint, id, name: name.to_owned(), nameless: nameless.cloned() }, false)
    }

    /// Notes that a create was refused.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn refused(&self, endpoint: &str, name: &str) -> io::Result<()> {
        self.append(Line::Refused { endpoint: endpoint.to_owned(), name: name.to_owned() }, false)
    }

    /// Notes a rename that is about to be sent; the resource may be found under either name afterwards.
    ///
    /// # Errors
    /// When the line cannot be written; the rename must not be sent then.
    pub fn renamed(&self, collection: Collection, id: &str, name: &str) -> io::Result<()> {
        let (endpoint, id) = (collection.path().to_owned(), id.to_owned());
        self.append(Line::Renamed { endpoint, id, name: name.to_owned() }, true)
    }

    /// Notes a write that may take the name of a resource away, with what it will be known by then.
    ///
    /// # Errors
    /// When the line cannot be written; the write must not be sent then.
    pub fn stripped(&self, collection: Collection, id: &str, nameless: &Nameless) -> io::Result<()> {
        let (endpoint, id) = (collection.path().to_owned(), id.to_owned());
        self.append(Line::Stripped { endpoint, id, nameless: nameless.clone() }, true)
    }

    /// Notes that a resource is gone, by its id, or by its name if it never had one.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn deleted(&self, endpoint: &str, id: Option<&str>, name: Option<&str>) -> io::Result<()> {
        let endpoint = endpoint.to_owned();
        self.append(Line::Deleted { endpoint, id: id.map(str::to_owned), name: name.map(str::to_owned) }, false)
    }

    /// What may still be at the endpoint.
    pub fn remaining(&self) -> Vec<Leftover> {
        self.state().1.clone()
    }

    /// Removes the file if nothing of ours is left, and says whether it did. To be called once, at the end of the run.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn finish(&self) -> io::Result<bool> {
        if !self.state().1.is_empty() {
            return Ok(false);
        }
        std::fs::remove_file(&self.path)?;
        Ok(true)
    }

    /// The ledgers in a folder, in order of their names; none if there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        Ok(files)
    }

    /// Reads a ledger whose run is no longer alive, and locks it.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] when its run, or another clean-up, is alive; otherwise when the file cannot be read or is no ledger.
    pub fn load(path: &Path) -> Result<Remaining, LedgerError> {
        let unreadable = |error: io::Error| LedgerError::Io { path: path.to_owned(), detail: error.to_string() };
        let file = OpenOptions::new().read(true).append(true).open(path).map_err(unreadable)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => LedgerError::Locked { path: path.to_owned() },
            TryLockError::Error(error) => unreadable(error),
        })?;
        let bytes = std::fs::read(path).map_err(unreadable)?;
        // A run that was killed may have torn its last line; the request behind it was never sent.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = String::from_utf8_lossy(&bytes[..whole]);
        let mut head = None;
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let garbage = |detail: String| LedgerError::Garbage { path: path.to_owned(), line: index + 1, detail };
            match serde_json::from_str(line).map_err(|error| garbage(error.to_string()))? {
                Line::Ledger { format: 1, base, namespace } if index == 0 => head = Some((base, namespace)),
                _ if index == 0 => return Err(garbage("not the first line of a ledger of format 1".to_owned())),
                line => apply(&mut entries, line),
            }
        }
        // Without its first line nothing was sent either.
        let (base, namespace) = head.unwrap_or_default();
        Ok(Remaining { base, namespace, entries, path: path.to_owned(), _lock: file })
    }

    fn state(&self) -> MutexGuard<'_, (File, Vec<Leftover>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, line: Line, before_request: bool) -> io::Result<()> {
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let (file, entries) = &mut *self.state();
        // One write, so that a line is torn only at its end.
        file.write_all(text.as_bytes())?;
        if before_request && self.durable {
            file.sync_data()?;
        }
        apply(entries, line);
        Ok(())
    }
}

/// What a ledger says is left. Its file stays locked while this lives.
#[derive(Debug)]
pub struct Remaining {
    /// The base URL of the run's endpoint; empty if the run ended before it sent anything.
    pub base: String,
    /// The run's namespace.
    pub namespace: String,
    /// What may still be there, in the order of creation.
    pub entries: Vec<Leftover>,
    path: PathBuf,
    _lock: File,
}

impl Remaining {
    /// Removes the file: everything in it has been dealt with.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn discard(self) -> io::Result<()> {
        std::fs::remove_file(self.path)
    }
}

/// A ledger that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Its run is alive.
    #[error("{}: its run is still alive", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("{}: {detail}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        detail: String,
    },
    /// A whole line is not one of ours.
    #[error("{}:{line}: {detail}", path.display())]
    Garbage {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
}

/// What a line does to the list of what is left.
fn apply(entries: &mut Vec<Leftover>, line: Line) {
    let unanswered = |entries: &[Leftover], endpoint: &str, name: &str| {
        let waits = |e: &Leftover| {
            e.endpoint == endpoint && e.id.is_none() && e.names.iter().any(|n| folded(n) == folded(name))
        };
        entries.iter().position(waits)
    };
    match line {
        Line::Ledger { .. } => {}
        Line::Create { endpoint, name, nameless, .. } => {
            entries.push(Leftover { endpoint, id: None, names: vec![name], nameless })
        }
        Line::Created { endpoint, id, name, nameless } => {
            let at = unanswered(entries, &endpoint, &name);
            match at.and_then(|index| entries.get_mut(index)) {
                Some(entry) => (entry.id, entry.nameless) = (Some(id), nameless.or(entry.nameless.take())),
                None => entries.push(Leftover { endpoint, id: Some(id), names: vec![name], nameless }),
            }
        }
        Line::Stripped { endpoint, id, nameless } => {
            for entry in entries.iter_mut().filter(|e| e.endpoint == endpoint && e.id.as_ref() == Some(&id)) {
                entry.nameless.get_or_insert_default().merge(&nameless);
            }
        }
        Line::Refused { endpoint, name } => {
            unanswered(entries, &endpoint, &name).map(|index| entries.remove(index));
        }
        Line::Renamed { endpoint, id, name } => {
            for entry in entries.iter_mut().filter(|e| e.endpoint == endpoint && e.id.as_ref() == Some(&id)) {
                entry.names.retain(|known| *known != name);
                entry.names.push(name.clone());
            }
        }
        Line::Deleted { endpoint, id: Some(id), .. } => {
            entries.retain(|e| e.endpoint != endpoint || e.id.as_ref() != Some(&id))
        }
        Line::Deleted { endpoint, id: None, name } => {
            name.and_then(|name| unanswered(entries, &endpoint, &name)).map(|index| entries.remove(index));
        }
    }
}

/// A text as a part of a file name.
fn file_name(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    text.chars().map(safe).collect()
}

fn is_loopback(host: &str) -> bool {
    host.starts_with("127.")
        || host.starts_with("[::1]")
        || host == "::1"
        || host.split(':').next() == Some("localhost")
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
