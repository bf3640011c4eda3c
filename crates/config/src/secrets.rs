use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use millwright_core::Sources;

use crate::{ConfigError, Secret, Setting, reader::Reader};

pub(crate) const SECRET_KEY: Setting = Setting {
    name: "SECRET_KEY",
    default: "",
    accepts: "at least 32 bytes, for instance from `openssl rand -hex 32`",
    secret: true,
    meaning: "Signs access tokens and audit entries. Changing it signs everybody out and makes earlier audit entries \
              unverifiable: keep it with the backups. Absent, with the private PostgreSQL: one is made and kept as \
              `secret_key` in the data folder.",
};

pub(crate) const SETTINGS: &[Setting] = &[SECRET_KEY];

/// The shortest key that is accepted, bytes.
const MIN_BYTES: usize = 32;
/// Names of the keys kept in the data folder.
pub(crate) const KEPT_SECRET: &str = "secret_key";
pub(crate) const KEPT_PLATFORM: &str = "platform_key";

/// Keys.
#[derive(Debug, Clone)]
pub struct SecretsConfig {
    /// The key given, at least 32 bytes. Ask [`Config::secret_key`](crate::Config::secret_key), which knows the kept
    /// one too.
    pub secret_key: Option<Secret>,
}

impl SecretsConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let long_enough = |text: &str| (text.len() >= MIN_BYTES).then(|| Secret::new(text));
        Self { secret_key: reader.parsed(&SECRET_KEY, long_enough) }
    }
}

/// The key of this name kept in the data folder, made and stored for its owner only if there is none.
pub(crate) fn kept_in(data_dir: &Path, name: &str, sources: &Sources) -> Result<Secret, ConfigError> {
    let path = data_dir.join(name);
    let failed = |source| ConfigError::SecretKeyFile { path: path.clone(), source };
    if !path.try_exists().map_err(failed)? {
        make(data_dir, name, &path, sources).map_err(failed)?;
    }
    let unfit = |reason| Err(ConfigError::SecretKeyUnfit { path: path.clone(), reason });
    if fs::metadata(&path).map_err(failed)?.mode() & 0o077 != 0 {
        return unfit("can be read by others: run `chmod 600` on it, or replace it if they may have");
    }
    let text = fs::read_to_string(&path).map_err(failed)?;
    let text = text.trim_end();
    if text.len() < MIN_BYTES {
        return unfit("is shorter than 32 bytes: restore it from a backup");
    }
    Ok(Secret::new(text))
}

/// Written aside and linked into place, so that a crash leaves no half key and of two processes that
/// start at once both end up with the key of the first.
fn make(data_dir: &Path, name: &str, path: &Path, sources: &Sources) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let aside = data_dir.join(format!("{name}.{}", sources.new_uuid().as_simple()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let written = writeln!(file, "{}", hex::encode(sources.random_bytes::<32>())).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&aside, path));
    fs::remove_file(&aside)?;
    match linked {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.and_then(|()| File::open(data_dir)?.sync_all()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("not/there/yet");
        let sources = Sources::system();
        let made = kept_in(&data_dir, KEPT_SECRET, &sources).unwrap();
        assert_eq!(made.expose().len(), 64);
        assert_eq!(kept_in(&data_dir, KEPT_SECRET, &sources).unwrap(), made);
        let names: Vec<_> = fs::read_dir(&data_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [KEPT_SECRET]);
        assert_eq!(fs::metadata(data_dir.join(KEPT_SECRET)).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn processes_that_start_at_once_share_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<Secret> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| kept_in(folder.path(), KEPT_SECRET, &Sources::system()).unwrap()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_key_that_others_can_read_or_that_was_cut_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEPT_SECRET);
        fs::write(&path, "short").unwrap();
        for (mode, reason) in [(0o644, "others"), (0o600, "shorter")] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = kept_in(folder.path(), KEPT_SECRET, &Sources::system()).unwrap_err();
            assert!(refused.to_string().contains(reason), "{refused}");
        }
    }
}
