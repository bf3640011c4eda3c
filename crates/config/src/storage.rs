use std::path::{Path, PathBuf};

use crate::{Setting, Surroundings, reader::Reader};

const MILLWRIGHT_DATA_DIR: Setting = Setting {
    name: "MILLWRIGHT_DATA_DIR",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "Everything that must be kept: the private PostgreSQL, the keyword index, the secret key, the demo \
              credentials. Absent: `/var/lib/millwright` for root, otherwise `$XDG_DATA_HOME/millwright` or \
              `~/.local/share/millwright`.",
};
const MILLWRIGHT_CACHE_DIR: Setting = Setting {
    name: "MILLWRIGHT_CACHE_DIR",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "What was fetched and can be fetched again. Absent: `$XDG_CACHE_HOME/millwright` or `~/.cache/millwright`; for \
              root `/var/cache/millwright` when that folder is closed to other users.",
};
const MODEL_DIR: Setting = Setting {
    name: "MODEL_DIR",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "Folder of the embedding model. Absent: `models/all-minilm-l6-v2` in the cache folder.",
};

const WATCH_ROOT: Setting = Setting {
    name: "WATCH_ROOT",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "Where the folders lie that may be watched: those of each tenant below a folder with the tenant's id as its name, \
              such as `ten_0190…/manuals`, in which shares are mounted. Absent: no folder is watched.",
};

pub(crate) const SETTINGS: &[Setting] = &[MILLWRIGHT_DATA_DIR, MILLWRIGHT_CACHE_DIR, MODEL_DIR, WATCH_ROOT];

/// Folders. None of them need exist yet.
#[derive(Debug, Clone)]
pub struct StorageConfig {
    /// What must be kept.
    pub data_dir: PathBuf,
    /// What can be fetched again.
    pub cache_dir: PathBuf,
    /// The embedding model.
    pub model_dir: PathBuf,
    /// Watched folders, one for each tenant; none watches nothing.
    pub watch_root: Option<PathBuf>,
}

impl StorageConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let surroundings = reader.surroundings();
        let data_dir = reader.parsed(&MILLWRIGHT_DATA_DIR, absolute).or_else(|| default_data_dir(surroundings));
        if data_dir.is_none() {
            reader.problem(MILLWRIGHT_DATA_DIR.name, "it is needed, because there is no `HOME`");
        }
        let cache_dir =
            reader.parsed(&MILLWRIGHT_CACHE_DIR, absolute).unwrap_or_else(|| default_cache_dir(surroundings));
        let model_dir =
            reader.parsed(&MODEL_DIR, absolute).unwrap_or_else(|| cache_dir.join("models").join("all-minilm-l6-v2"));
        let watch_root = reader.parsed(&WATCH_ROOT, absolute);
        Self { data_dir: data_dir.unwrap_or_default(), cache_dir, model_dir, watch_root }
    }
}

pub(crate) fn absolute(text: &str) -> Option<PathBuf> {
    let path = PathBuf::from(text);
    path.is_absolute().then_some(path)
}

fn folder_of(surroundings: &Surroundings, name: &str) -> Option<PathBuf> {
    surroundings.get(name).and_then(absolute)
}

fn default_data_dir(surroundings: &Surroundings) -> Option<PathBuf> {
    if surroundings.is_root() {
        return Some(PathBuf::from("/var/lib/millwright"));
    }
    folder_of(surroundings, "XDG_DATA_HOME")
        .or_else(|| folder_of(surroundings, "HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("millwright"))
}

/// The same choice as `scripts/cache_dir.sh`, which fills the folder.
fn default_cache_dir(surroundings: &Surroundings) -> PathBuf {
    let base = folder_of(surroundings, "XDG_CACHE_HOME")
        .unwrap_or_else(|| folder_of(surroundings, "HOME").unwrap_or_else(|| PathBuf::from("/tmp")).join(".cache"));
    let cache = base.join("millwright");
    if surroundings.is_root() && !is_open_to_others(&cache) {
        return PathBuf::from("/var/cache/millwright");
    }
    cache
}

/// Whether another user can walk down to the folder, as the private PostgreSQL must when root runs
/// Millwright. Folders that do not exist yet will be made open.
fn is_open_to_others(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let passable = |folder: &Path| folder.metadata().map_or(true, |about| about.permissions().mode() & 0o001 != 0);
    folder.ancestors().all(passable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn root_leaves_a_home_that_is_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        let surroundings = Surroundings::new([("HOME", home.path().to_str().unwrap())]);
        let set_mode = |mode| fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
        set_mode(0o700);
        assert_eq!(default_cache_dir(&surroundings.clone().as_root()), Path::new("/var/cache/millwright"));
        assert_eq!(default_cache_dir(&surroundings), home.path().join(".cache/millwright"));
        set_mode(0o755);
        assert_eq!(default_cache_dir(&surroundings.clone().as_root()), home.path().join(".cache/millwright"));
        assert_eq!(default_data_dir(&surroundings.as_root()).unwrap(), Path::new("/var/lib/millwright"));
    }
}
