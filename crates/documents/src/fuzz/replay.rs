//! Reads seeds and small changes of them, as a test.

use std::path::Path;
use std::time::{Duration, Instant};

use super::mutate::{Numbers, mutated};

/// Unoptimised code on a busy machine; an optimised build takes a small part of it.
const LONGEST: Duration = Duration::from_secs(20);
/// Larger files make slow tests.
const LARGEST_SEED: u64 = 40 * 1024;

/// The files with one of these endings, in order of their names.
fn seeds(endings: &[&str]) -> Vec<Vec<u8>> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/seeds", "tests/fixtures", "../../samples"].map(|folder| crate_folder.join(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("folder")).flatten();
    let mut paths: Vec<_> = files
        .filter(|file| file.metadata().expect("file").len() <= LARGEST_SEED)
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("seed")).collect()
}

/// Says which input it was, when a law is broken.
struct Input<'i>(&'i [u8]);

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: {}", self.0.escape_ascii());
        }
    }
}

/// Reads every seed, then `changes` changes of seeds.
pub(super) fn replay(endings: &[&str], words: &[&str], changes: usize, read: impl Fn(&[u8])) {
    let seeds = seeds(endings);
    assert!(!seeds.is_empty(), "no seeds for {endings:?}");
    let read = |bytes: &[u8]| {
        let _input = Input(bytes);
        let started = Instant::now();
        read(bytes);
        assert!(started.elapsed() < LONGEST, "reading took {:?}", started.elapsed());
    };
    for seed in &seeds {
        read(seed);
    }
    let mut numbers = Numbers(1);
    for _ in 0..changes {
        let (seed, other) = (&seeds[numbers.below(seeds.len())], &seeds[numbers.below(seeds.len())]);
        read(&mutated(&mut numbers, seed, other, words));
    }
}
