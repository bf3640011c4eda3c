//! Under which user PostgreSQL runs, and whether that user can reach the folders it needs.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    path::Path,
    process::Command,
};

use crate::PrivatePostgresError;

const NOBODY: u32 = 65534;
const USER: &str = "millwright";
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Another user to run as; `None` inside means as whoever runs this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account(Option<Ids>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ids {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The owner of data that is already there; for new data the user `millwright`, else nobody.
    pub(crate) fn choose(cluster: &Path) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self(None);
        }
        let owner = fs::metadata(cluster).ok().map(|found| Ids { uid: found.uid(), gid: found.gid() });
        let passwd = || fs::read_to_string("/etc/passwd").ok().and_then(|passwd| find_user(&passwd));
        Self(Some(owner.filter(|ids| ids.uid != 0).or_else(passwd).unwrap_or(Ids { uid: NOBODY, gid: NOBODY })))
    }

    /// Makes a folder that only this account may read, if it is not there.
    pub(crate) fn make_private_folder(self, folder: &Path) -> Result<(), PrivatePostgresError> {
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(PrivatePostgresError::io("create the folder", folder)(error));
            }
            _ => {}
        }
        self.hand_over(folder)
    }

    /// Makes this account the owner of a file or folder.
    pub(crate) fn hand_over(self, path: &Path) -> Result<(), PrivatePostgresError> {
        let Some(ids) = self.0 else { return Ok(()) };
        chown(path, Some(ids.uid), Some(ids.gid)).map_err(PrivatePostgresError::io("change the owner of", path))
    }

    /// Whether `path` belongs to this account, and is a real folder and no link to one.
    pub(crate) fn owns(self, path: &Path) -> bool {
        let uid = self.0.map_or_else(|| rustix::process::geteuid().as_raw(), |ids| ids.uid);
        fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == uid)
    }

    /// Fails with the first folder on the way to `path` that this account may not pass.
    pub(crate) fn check_can_reach(self, path: &Path) -> Result<(), PrivatePostgresError> {
        let Some(ids) = self.0 else { return Ok(()) };
        for folder in path.ancestors() {
            let Ok(found) = fs::metadata(folder) else { continue };
            let class = match () {
                () if found.uid() == ids.uid => 0o100,
                () if found.gid() == ids.gid => 0o010,
                () => 0o001,
            };
            if found.permissions().mode() & class == 0 {
                return Err(PrivatePostgresError::Unreachable { folder: folder.to_path_buf(), uid: ids.uid });
            }
        }
        Ok(())
    }

    /// A command that runs `program` as this account, and that the kernel interrupts when the
    /// calling thread ends. `setpriv` becomes the program, so the child's pid is the program's.
    pub(crate) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.env_clear().env("PATH", SEARCH_PATH).env("LC_ALL", "C").current_dir(folder);
        command.args(["--pdeathsig", "INT"]);
        if let Some(ids) = self.0 {
            command.arg(format!("--reuid={}", ids.uid)).arg(format!("--regid={}", ids.gid)).arg("--clear-groups");
        }
        command.arg("--").arg(program);
        command
    }
}

fn find_user(passwd: &str) -> Option<Ids> {
    let fields: Vec<&str> = passwd.lines().map(|line| line.split(':').collect()).find(|f: &Vec<&str>| f[0] == USER)?;
    let ids = Ids { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? };
    (ids.uid != 0).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_by_its_whole_name_and_root_is_never_taken() {
        let passwd = "root:x:0:0::/root:/bin/sh\nmillwright2:x:7:7::/:/bin/sh\nmillwright:x:991:990::/srv:/bin/sh\n";
        assert_eq!(find_user(passwd), Some(Ids { uid: 991, gid: 990 }));
        assert_eq!(find_user("millwright:x:0:0::/:/bin/sh\n"), None);
        assert_eq!(find_user("\nnobody:x:65534:65534::/:/bin/sh\n"), None);
    }

    #[test]
    fn a_folder_closed_to_the_account_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account(Some(Ids { uid: 4_000_001, gid: 4_000_001 }));
        match stranger.check_can_reach(&inner) {
            Err(PrivatePostgresError::Unreachable { folder: named, uid }) => {
                assert_eq!((named.as_path(), uid), (folder.path(), 4_000_001));
            }
            other => panic!("{other:?}"),
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        assert!(stranger.check_can_reach(&inner).is_ok());
        assert!(Account(None).check_can_reach(&inner).is_ok());
    }
}
