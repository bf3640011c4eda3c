//! What the operating system says about this process. Linux only; elsewhere the gauges stay away.

use std::fs;

/// Resident memory in bytes.
pub(crate) fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// Open files, sockets and pipes.
pub(crate) fn open_files() -> Option<f64> {
    fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_open_files() {
        assert!(resident_bytes().unwrap() > 100_000.0);
        assert!(open_files().unwrap() >= 3.0);
    }
}
