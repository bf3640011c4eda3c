//! Goes through a folder in a thread of its own and hands on what it meets, a batch at a time. Not by paths, as libraries that
//! walk do: a folder that becomes a link meanwhile must lead nowhere.

use std::ffi::OsStr;

use tokio::sync::mpsc::Sender;

use super::{
    place::{Folder, Listing, Looked, MOST_DEEP, Stat},
    report::Skip,
};

/// Files handed on at once. Few batches wait: a slow database slows the walk, whatever the folder holds.
const BATCH: usize = 200;

/// What is met.
#[derive(Debug)]
pub(crate) enum Met {
    /// A file that could be looked at.
    File(String, Stat),
    /// What is not taken in whatever it holds. A known file is not thereby gone.
    Skipped(String, Skip),
    /// A name that is passed over.
    PassedOver,
}

/// Blocks until everything was met, or nobody listens any more.
pub(crate) fn walk(folder: &Folder, sink: &Sender<Vec<Met>>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut open: Vec<Listing> = folder.list().into_iter().collect();
    if open.is_empty() {
        batch.push(Met::Skipped(".".to_owned(), Skip::Unreadable));
    }
    while let Some(listing) = open.last_mut() {
        let (met, below) = match listing.next_name() {
            None => {
                open.pop();
                continue;
            }
            Some(Err(_)) => {
                let path = open.pop().map(|listing| listing.path).unwrap_or_default();
                (Some(Met::Skipped(path, Skip::Unreadable)), None)
            }
            Some(Ok(name)) if is_passed_over(&name) => (Some(Met::PassedOver), None),
            Some(Ok(name)) => look(listing, &name),
        };
        match below {
            Some(below) if open.len() < MOST_DEEP => open.push(below),
            Some(below) => batch.push(Met::Skipped(below.path, Skip::TooDeep)),
            None => {}
        }
        batch.extend(met);
        if batch.len() >= BATCH && sink.blocking_send(std::mem::take(&mut batch)).is_err() {
            return;
        }
    }
    let _ = sink.blocking_send(batch);
}

/// Hidden files, and those that office programs write beside the ones that are open.
fn is_passed_over(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || name.starts_with(b"~$")
}

/// What this name is; a folder is to be gone through next.
fn look(listing: &Listing, name: &OsStr) -> (Option<Met>, Option<Listing>) {
    let shown = name.to_string_lossy();
    let path = if listing.path.is_empty() { shown.into_owned() } else { format!("{}/{shown}", listing.path) };
    if name.to_str().is_none() || path.len() > 1000 || crate::ingest::has_hidden_characters(&path) {
        return (Some(Met::Skipped(path, Skip::Name)), None);
    }
    let met = match listing.look(name, &path) {
        Ok(Looked::Folder(below)) => return (None, Some(below)),
        Ok(Looked::File(stat)) => Met::File(path, stat),
        Ok(Looked::Link) => Met::Skipped(path, Skip::Link),
        Ok(Looked::Special) => Met::Skipped(path, Skip::Special),
        Err(_) => Met::Skipped(path, Skip::Unreadable),
    };
    (Some(met), None)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, os::unix::fs::symlink};

    use millwright_core::{Sources, id::TenantId};

    use super::*;

    #[test]
    fn everything_is_met_once_and_no_link_is_followed() {
        let root = tempfile::tempdir().unwrap();
        let tenant: TenantId = Sources::system().new_id();
        let own = root.path().join(tenant.to_string());
        fs::create_dir_all(own.join("a/b")).unwrap();
        for number in 0..450 {
            fs::write(own.join(format!("a/b/{number}.md")), "x").unwrap();
        }
        fs::write(own.join("a/.hidden"), "x").unwrap();
        fs::write(own.join("top\u{202e}.md"), "x").unwrap();
        symlink("..", own.join("a/up")).unwrap();
        let folder = Folder::open(root.path(), tenant, ".").unwrap();
        let (sink, mut met) = tokio::sync::mpsc::channel(100);
        walk(&folder, &sink);
        drop(sink);
        let mut found = BTreeMap::new();
        while let Some(batch) = met.blocking_recv() {
            for met in batch {
                let word = match met {
                    Met::File(path, stat) => {
                        assert!(path.starts_with("a/b/") && stat.gates.len() == 4, "{path}: {stat:?}");
                        "file"
                    }
                    Met::Skipped(_, reason) => reason.as_str(),
                    Met::PassedOver => "passed over",
                };
                *found.entry(word).or_insert(0) += 1;
            }
        }
        assert_eq!(found, BTreeMap::from([("file", 450), ("link", 1), ("name", 1), ("passed over", 1)]));
    }
}
