//! What Linux tells about processes and the machine, read from `/proc`.

use std::{collections::HashMap, fmt, fs, time::Duration};

use anyhow::Context;
use serde::Serialize;

/// `/proc` counts processor time in this unit on every Linux (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// What the figures were measured on. It names no host.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gb: f64,
    kernel: String,
    /// Average number of runnable threads in the minute before, without the load of this measurement.
    load_before: f64,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: processor.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_gb: kilobytes(&memory, "MemTotal:").unwrap_or(f64::NAN) / 1e6,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            load_before: load.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(f64::NAN),
        }
    }

    /// Runnable threads in the minute before.
    pub(crate) fn load_before(&self) -> f64 {
        self.load_before
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_gb, kernel, load_before } = self;
        write!(
            f,
            "Machine: {processor}, {cores} cores, {memory_gb:.0} GB memory, Linux {kernel}; load before: {load_before:.2}."
        )
    }
}

/// Memory of one process, megabytes (1,000,000 bytes).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// In RAM, shared pages counted in full.
    pub(crate) resident: f64,
    /// Of these, not backed by a file.
    pub(crate) anonymous: f64,
}

pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("memory of process {pid}"))?;
    let read = |field: &str| kilobytes(&status, field).with_context(|| format!("{field} of process {pid}"));
    Ok(Memory { resident: read("VmRSS:")? / 1000.0 * 1.024, anonymous: read("RssAnon:")? / 1000.0 * 1.024 })
}

/// Proportional memory of several processes, megabytes: what they share is counted once.
pub(crate) fn proportional_memory(pids: &[u32]) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for pid in pids {
        let path = format!("/proc/{pid}/smaps_rollup");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        sum += kilobytes(&text, "Pss:").with_context(|| path)?;
    }
    Ok(sum / 1000.0 * 1.024)
}

/// The most that a process ever had in RAM, megabytes.
pub(crate) fn peak(pid: u32) -> anyhow::Result<f64> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("memory of process {pid}"))?;
    Ok(kilobytes(&status, "VmHWM:").context("VmHWM")? / 1000.0 * 1.024)
}

fn kilobytes(text: &str, field: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Name, parent and processor time of a process.
struct Stat {
    name: String,
    parent: u32,
    processor: Duration,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may itself contain some.
    let (head, rest) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    let processor = Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND);
    Some(Stat { name, parent: fields.get(1)?.parse().ok()?, processor })
}

/// All processes below `ancestor`, itself left out.
pub(crate) fn descendants(ancestor: u32) -> Vec<u32> {
    let all: HashMap<u32, u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect();
    let is_below = |pid: &u32| {
        let mut parent = all.get(pid).copied();
        // Longer chains than this do not occur; a process id used twice must not make a circle.
        for _ in 0..32 {
            match parent {
                Some(found) if found == ancestor => return true,
                Some(found) => parent = all.get(&found).copied(),
                None => return false,
            }
        }
        false
    };
    all.keys().copied().filter(is_below).collect()
}

/// Those that are PostgreSQL's.
pub(crate) fn postgres_of(ancestor: u32) -> Vec<u32> {
    descendants(ancestor).into_iter().filter(|pid| stat(*pid).is_some_and(|stat| stat.name == "postgres")).collect()
}

/// Whether a process of that id and name still runs.
pub(crate) fn name_of(pid: u32) -> Option<String> {
    stat(pid).map(|stat| stat.name)
}

/// Processor time used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Processor {
    /// By Millwright.
    pub(crate) server: Duration,
    /// By its PostgreSQL's processes that are there now.
    pub(crate) postgres: Duration,
}

pub(crate) fn processor(server: u32) -> Processor {
    let of = |pid: u32| stat(pid).map_or(Duration::ZERO, |stat| stat.processor);
    Processor { server: of(server), postgres: postgres_of(server).into_iter().map(of).sum() }
}

/// The same for any process: what its children use counts as its own, but for PostgreSQL's.
pub(crate) fn processor_with_children(process: u32) -> Processor {
    let mut used =
        Processor { server: stat(process).map_or(Duration::ZERO, |stat| stat.processor), ..Processor::default() };
    for child in descendants(process).into_iter().filter_map(stat) {
        if child.name == "postgres" {
            used.postgres += child.processor;
        } else {
            used.server += child.processor;
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_and_its_children() {
        let own = std::process::id();
        assert!(memory(own).unwrap().resident > memory(own).unwrap().anonymous);
        assert!(proportional_memory(&[own]).unwrap() > 0.0);
        assert!(peak(own).unwrap() >= memory(own).unwrap().resident * 0.9);
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        assert!(descendants(own).contains(&child.id()));
        assert!(postgres_of(own).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(name_of(child.id()), None);
    }

    #[test]
    fn fields_are_read_as_kilobytes() {
        assert_eq!(kilobytes("VmRSS:\t   12 kB\nRssAnon:\t 7 kB\n", "RssAnon:"), Some(7.0));
        assert_eq!(kilobytes("VmRSS:\t   12 kB\n", "Pss:"), None);
    }
}
