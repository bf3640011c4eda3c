//! Where a watched folder lies, and the way down to its files: below the tenant's own folder, and never along a link.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use millwright_core::id::TenantId;
use millwright_store::tenant::FileCheck;
use rustix::fs::{Dir, Mode, OFlags, openat};

use super::access::Gate;

/// Components of a path; deeper folders are not looked into.
pub(crate) const MOST_DEEP: usize = 100;

/// Why a folder cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A path that leads elsewhere, or that is none.
    #[error("expected a path below the organisation's folder, such as `manuals/pumps`, without `..`")]
    Path,
    /// Nothing there: a share that is not mounted.
    #[error("the folder is not there; it may be a share that is not mounted")]
    Missing,
    /// A link leads out of the tenant's folder.
    #[error("the folder leads out of the organisation's folder")]
    Outside,
    /// Something else than a folder.
    #[error("there is something else than a folder")]
    NotAFolder,
    /// It cannot be opened.
    #[error("the folder cannot be opened")]
    Unreadable(#[source] io::Error),
}

impl PlaceError {
    /// The stable word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Path | Self::Outside => "folder_outside",
            Self::Missing => "folder_missing",
            Self::NotAFolder => "not_a_folder",
            Self::Unreadable(_) => "folder_unreadable",
        }
    }
}

/// A path below a tenant's folder in its one form; `.` for the folder itself.
pub fn relative(path: &str) -> Result<String, PlaceError> {
    let path = path.trim();
    if path.starts_with('/') || path.len() > 1000 || path.contains(['\\', '\0']) || path.chars().any(char::is_control) {
        return Err(PlaceError::Path);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") || parts.len() > MOST_DEEP {
        return Err(PlaceError::Path);
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// An open watched folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    root: Arc<OwnedFd>,
    identity: (u64, u64),
    /// Of the tenant's own folder, of each folder on the way to this one, and its own.
    gates: Vec<Gate>,
}

/// What a file is at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Stat {
    pub(crate) check: FileCheck,
    /// The file system of the folder in which it lies.
    pub(crate) device: i64,
    /// Of the folders above, outermost first, and its own.
    pub(crate) gates: Vec<Gate>,
}

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// It is not there.
    Gone,
    /// It is no file, or a link leads to it.
    NotAFile,
    /// It is larger than accepted.
    TooLarge(Stat),
    /// It cannot be opened or read.
    Failed,
}

impl From<io::Error> for NotRead {
    fn from(error: io::Error) -> Self {
        // A folder above that became a link or a file is no way to it any more.
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Gone,
            _ => Self::Failed,
        }
    }
}

fn check_of(about: &Metadata) -> FileCheck {
    FileCheck {
        size_bytes: i64::try_from(about.size()).unwrap_or(i64::MAX),
        modified_ns: about.mtime().saturating_mul(1_000_000_000).saturating_add(about.mtime_nsec()),
        inode: about.ino().cast_signed(),
    }
}

fn gate_of_folder(about: &Metadata) -> Gate {
    Gate::of_folder(about.mode(), about.gid())
}

fn device_of(about: &Metadata) -> i64 {
    about.dev().cast_signed()
}

impl Folder {
    /// Opens the folder of a tenant that this relative path names. Links are followed here, as long as they stay inside of
    /// the tenant's folder.
    pub(crate) fn open(root: &Path, tenant: TenantId, path: &str) -> Result<Self, PlaceError> {
        let missing = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => PlaceError::Missing,
            _ => PlaceError::Unreadable(error),
        };
        let own = root.join(tenant.to_string()).canonicalize().map_err(missing)?;
        let path = own.join(relative(path)?).canonicalize().map_err(missing)?;
        if !path.starts_with(&own) {
            return Err(PlaceError::Outside);
        }
        if !path.is_dir() {
            return Err(PlaceError::NotAFolder);
        }
        // What became a link since then is not followed.
        let mut folder = File::from(enter(rustix::fs::CWD, own.as_os_str()).map_err(missing)?);
        let mut about = folder.metadata().map_err(PlaceError::Unreadable)?;
        let mut gates = vec![gate_of_folder(&about)];
        for part in path.strip_prefix(&own).unwrap_or(Path::new("")) {
            folder = File::from(enter(&folder, part).map_err(missing)?);
            about = folder.metadata().map_err(PlaceError::Unreadable)?;
            gates.push(gate_of_folder(&about));
        }
        Ok(Self { path, identity: (about.dev(), about.ino()), gates, root: Arc::new(folder.into()) })
    }

    fn device(&self) -> i64 {
        self.identity.0.cast_signed()
    }

    /// What lies in it.
    pub(crate) fn list(&self) -> Result<Listing, NotRead> {
        Listing::of(enter(&*self.root, OsStr::new("."))?, String::new(), self.gates.clone(), self.device())
    }

    /// Whether the folder that was opened lies there still, with something in it. A share that was taken away leaves another
    /// folder or an empty one: nothing can be concluded from what is missing in it.
    pub(crate) fn is_still_there(&self) -> bool {
        let same = self.path.symlink_metadata().is_ok_and(|about| (about.dev(), about.ino()) == self.identity);
        same && holds_something(self.list())
    }

    /// Whether a file is gone that lay in a folder of this device. Nobody can tell where the share that it lies on may not be
    /// mounted: then the last folder on the way to it that is there is of another device, or empty.
    pub(crate) fn is_gone(&self, path: &str, device: i64) -> bool {
        // A way of its own: what another one holds open may have been taken away since.
        let mut descent = self.descent();
        matches!(descent.stat(path), Err(NotRead::Gone | NotRead::NotAFile)) && descent.has_arrived_at(device)
    }

    /// A way down to its files.
    pub(crate) fn descent(&self) -> Descent<'_> {
        Descent { folder: self, open: Vec::new() }
    }

    /// Reads a file of at most so many bytes, and says what it was then. One that changed meanwhile, or so lately that its
    /// clock may not show the next change (`settled_before`, nanoseconds since 1970), is told as never seen.
    pub(crate) fn read(&self, path: &str, most: usize, settled_before: i64) -> Result<(Vec<u8>, Stat), NotRead> {
        let mut descent = self.descent();
        let (file, gates) = descent.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let device = descent.last().1;
        let before = file.metadata()?;
        if !before.is_file() {
            return Err(NotRead::NotAFile);
        }
        let mut stat = Stat { check: check_of(&before), device, gates };
        if before.size() > most as u64 {
            return Err(NotRead::TooLarge(stat));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(before.size()).unwrap_or_default());
        (&file).take(most as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > most {
            return Err(NotRead::TooLarge(stat));
        }
        if check_of(&file.metadata()?) != stat.check || stat.check.modified_ns >= settled_before {
            stat.check.modified_ns = 0;
        }
        Ok((bytes, stat))
    }
}

/// Whether a folder can be listed and is not empty.
fn holds_something(listing: Result<Listing, NotRead>) -> bool {
    listing.is_ok_and(|mut listing| listing.next_name().is_some_and(|name| name.is_ok()))
}

/// Opens a folder in a folder, if it is one and no link.
fn enter(above: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(above, name, flags, Mode::empty())?)
}

/// A folder that is being listed. What lies in it is looked at from here, never by its path.
pub(crate) struct Listing {
    folder: OwnedFd,
    entries: Dir,
    /// Below the source's folder, with a sign in place of what is no text; empty for that folder.
    pub(crate) path: String,
    gates: Vec<Gate>,
    device: i64,
}

/// What lies in a folder.
pub(crate) enum Looked {
    /// A folder, to be listed.
    Folder(Listing),
    /// A file.
    File(Stat),
    /// A link, wherever it leads.
    Link,
    /// A pipe, a socket or a device.
    Special,
}

impl Listing {
    fn of(folder: OwnedFd, path: String, gates: Vec<Gate>, device: i64) -> Result<Self, NotRead> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let list = openat(&folder, ".", flags, Mode::empty()).map_err(io::Error::from)?;
        Ok(Self { folder, entries: Dir::new(list).map_err(io::Error::from)?, path, gates, device })
    }

    /// The next name, in no order.
    pub(crate) fn next_name(&mut self) -> Option<io::Result<OsString>> {
        loop {
            let name = match self.entries.read()? {
                Ok(entry) => OsStr::from_bytes(entry.file_name().to_bytes()).to_owned(),
                Err(error) => return Some(Err(error.into())),
            };
            if name != "." && name != ".." {
                return Some(Ok(name));
            }
        }
    }

    /// What this name is now.
    pub(crate) fn look(&self, name: &OsStr, path: &str) -> Result<Looked, NotRead> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = File::from(openat(&self.folder, name, flags, Mode::empty()).map_err(io::Error::from)?);
        let about = found.metadata()?;
        let with = |gate| self.gates.iter().copied().chain([gate]).collect();
        if about.is_dir() {
            let gates = with(gate_of_folder(&about));
            return Ok(Looked::Folder(Self::of(found.into(), path.to_owned(), gates, device_of(&about))?));
        }
        Ok(if about.is_file() {
            let gates = with(Gate::of_file(about.mode(), about.gid()));
            Looked::File(Stat { check: check_of(&about), device: self.device, gates })
        } else if about.is_symlink() {
            Looked::Link
        } else {
            Looked::Special
        })
    }
}

/// Goes down to files component by component. The folders of the last one stay open: the next often lies in the same.
pub(crate) struct Descent<'f> {
    folder: &'f Folder,
    open: Vec<Step>,
}

/// A folder on the way down.
struct Step {
    name: OsString,
    folder: OwnedFd,
    gate: Gate,
    device: i64,
}

impl Descent<'_> {
    /// What a file is now, without opening it.
    pub(crate) fn stat(&mut self, path: &str) -> Result<Stat, NotRead> {
        let (file, gates) = self.open(path, OFlags::PATH)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(NotRead::NotAFile);
        }
        Ok(Stat { check: check_of(&about), device: self.last().1, gates })
    }

    /// The folder that was reached last, and its device.
    fn last(&self) -> (&OwnedFd, i64) {
        self.open.last().map_or((&*self.folder.root, self.folder.device()), |step| (&step.folder, step.device))
    }

    /// Whether the folder that was reached last is of this device and has something in it.
    fn has_arrived_at(&self, device: i64) -> bool {
        let (folder, found) = self.last();
        let folder = enter(folder, OsStr::new(".")).map_err(NotRead::from);
        let listing = folder.and_then(|folder| Listing::of(folder, String::new(), Vec::new(), found));
        found == device && holds_something(listing)
    }

    fn open(&mut self, path: &str, flags: OFlags) -> Result<(File, Vec<Gate>), NotRead> {
        let (folders, name) = path.rsplit_once('/').map_or(("", path), |(folders, name)| (folders, name));
        if [".", "..", ""].contains(&name) {
            return Err(NotRead::NotAFile);
        }
        self.go_to(folders)?;
        let fd = openat(self.last().0, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        // What a link is called when it is not followed.
        let fd = fd.map_err(|error| match error {
            rustix::io::Errno::LOOP => NotRead::NotAFile,
            other => io::Error::from(other).into(),
        })?;
        let file = File::from(fd);
        let about = file.metadata()?;
        let gates = self.folder.gates.iter().copied().chain(self.open.iter().map(|step| step.gate));
        Ok((file, gates.chain([Gate::of_file(about.mode(), about.gid())]).collect()))
    }

    fn go_to(&mut self, folders: &str) -> Result<(), NotRead> {
        let parts: Vec<&OsStr> = folders.split('/').filter(|part| !part.is_empty()).map(OsStr::new).collect();
        let common = self.open.iter().zip(&parts).take_while(|(step, part)| step.name == **part).count();
        self.open.truncate(common);
        for part in &parts[common..] {
            if *part == ".." {
                return Err(NotRead::NotAFile);
            }
            let folder = File::from(enter(self.last().0, part)?);
            let about = folder.metadata()?;
            let (gate, device) = (gate_of_folder(&about), device_of(&about));
            self.open.push(Step { name: (*part).to_owned(), folder: folder.into(), gate, device });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use millwright_core::Sources;

    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for wrong in ["/etc", "..", "a/../../b", "a/..", "a\\b", "a\0b", "a\nb", &"x/".repeat(600)] {
            assert!(relative(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(relative("").unwrap(), ".");
        assert_eq!(relative(" ./manuals//pumps/ ").unwrap(), "manuals/pumps");
        assert_eq!(relative("a..b/...").unwrap(), "a..b/...");
    }

    struct Share {
        root: tempfile::TempDir,
        tenant: TenantId,
    }

    impl Share {
        fn new() -> Self {
            let share = Self { root: tempfile::tempdir().unwrap(), tenant: Sources::system().new_id() };
            fs::create_dir_all(share.own().join("docs/deep")).unwrap();
            fs::write(share.own().join("docs/deep/a.md"), "# A").unwrap();
            share
        }

        fn own(&self) -> PathBuf {
            self.root.path().join(self.tenant.to_string())
        }

        fn open(&self, path: &str) -> Result<Folder, PlaceError> {
            Folder::open(self.root.path(), self.tenant, path)
        }
    }

    #[test]
    fn links_out_of_the_tenants_folder_lead_nowhere() {
        let share = Share::new();
        let other = share.root.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("secret.md"), "secret").unwrap();
        symlink(&other, share.own().join("out")).unwrap();
        symlink("../../other", share.own().join("docs/up")).unwrap();
        symlink(other.join("secret.md"), share.own().join("docs/secret.md")).unwrap();
        symlink(share.own().join("docs"), share.own().join("in")).unwrap();
        assert!(matches!(share.open("out"), Err(PlaceError::Outside)));
        assert!(matches!(share.open("docs/up"), Err(PlaceError::Outside)));
        assert!(matches!(share.open("nothing"), Err(PlaceError::Missing)));
        assert!(matches!(share.open("docs/deep/a.md"), Err(PlaceError::NotAFolder)));
        assert_eq!(share.open("in").unwrap().path, share.own().canonicalize().unwrap().join("docs"));
        let folder = share.open("docs").unwrap();
        for path in ["secret.md", "up/secret.md", "../out/secret.md", "deep/../../out/secret.md", "..", "deep"] {
            let read = folder.read(path, 100, i64::MAX);
            assert!(matches!(read, Err(NotRead::NotAFile | NotRead::Gone)), "{path}: {read:?}");
            assert!(folder.descent().stat(path).is_err(), "{path}");
        }
        assert_eq!(folder.read("deep/a.md", 100, i64::MAX).unwrap().0, b"# A");
    }

    #[test]
    fn a_file_is_told_by_what_it_was_when_it_was_read() {
        let share = Share::new();
        let folder = share.open("docs").unwrap();
        let (_, read) = folder.read("deep/a.md", 100, i64::MAX).unwrap();
        let mut descent = folder.descent();
        assert_eq!(descent.stat("deep/a.md").unwrap().check, read.check);
        assert_eq!(read.gates.len(), 4, "of the tenant's folder, of both folders and its own");
        let deep = share.open("docs/deep").unwrap();
        assert_eq!(deep.read("a.md", 100, i64::MAX).unwrap().1.gates, read.gates, "whichever folder is watched");
        // Written in this moment: another write might not show.
        assert_eq!(folder.read("deep/a.md", 100, 0).unwrap().1.check.modified_ns, 0);
        assert!(matches!(folder.read("deep/a.md", 2, i64::MAX), Err(NotRead::TooLarge(_))));
        assert!(matches!(descent.stat("deep/b.md"), Err(NotRead::Gone)));
    }

    #[test]
    fn what_a_share_that_is_not_mounted_would_hold_is_not_gone() {
        let share = Share::new();
        let docs = share.own().join("docs");
        fs::write(docs.join("deep/b.md"), "# B").unwrap();
        fs::write(docs.join("c.md"), "# C").unwrap();
        let folder = share.open(".").unwrap();
        let device = folder.descent().stat("docs/deep/a.md").unwrap().device;
        assert!(!folder.is_gone("docs/deep/a.md", device));
        fs::remove_file(docs.join("deep/a.md")).unwrap();
        assert!(folder.is_gone("docs/deep/a.md", device));
        assert!(!folder.is_gone("docs/deep/a.md", device + 1), "it lay in another file system");
        fs::remove_file(docs.join("deep/b.md")).unwrap();
        assert!(!folder.is_gone("docs/deep/b.md", device), "where a share was, there is an empty folder");
        assert!(!folder.is_gone("docs/deep/below/d.md", device));
        fs::remove_dir(docs.join("deep")).unwrap();
        assert!(folder.is_gone("docs/deep/b.md", device), "the folder went with its files");
        assert!(!folder.is_gone("docs/deep/b.md", device + 1));
    }

    #[test]
    fn a_folder_that_was_taken_away_or_emptied_is_noticed() {
        let share = Share::new();
        let folder = share.open("docs").unwrap();
        assert!(folder.is_still_there());
        fs::rename(share.own().join("docs"), share.own().join("elsewhere")).unwrap();
        assert!(!folder.is_still_there());
        fs::create_dir_all(share.own().join("docs/deep")).unwrap();
        assert!(!folder.is_still_there(), "another folder of that name is not the one");
        let folder = share.open("docs").unwrap();
        fs::remove_dir(share.own().join("docs/deep")).unwrap();
        assert!(!folder.is_still_there(), "where a share was, there is an empty folder");
    }
}
