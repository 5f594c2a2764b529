//! Every parser that meets a stranger's bytes, on mutated seeds: the bounded run of the targets in `fuzz/`.
//!
//! `BINDERY_FUZZ_SECONDS` is for how long each target is tried, half a second when it is not set;
//! `BINDERY_FUZZ_SEED` repeats a run. An input that breaks a promise is written down, to become a seed.
#![allow(missing_debug_implementations, reason = "nobody prints a mutator")]

#[path = "../../fuzz/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "what `cargo fuzz` takes from it is its own"
)]
mod targets;

mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::Target;

/// On a machine that is busy with other things; alone, none takes a hundredth.
const SLOWEST: Duration = Duration::from_secs(5);
/// Of the whole process, all targets together.
#[cfg(target_os = "linux")]
const MOST_MEMORY_KIB: u64 = 512 << 10;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = root().join("fuzz/seeds").join(target.name);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} has no seeds", target.name));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a seed"))
        .collect()
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

fn patience() -> Duration {
    setting("BINDERY_FUZZ_SECONDS").map_or(Duration::from_millis(500), Duration::from_secs)
}

/// Runs a target on one input, and writes that down if it breaks a promise.
fn hold(target: &Target, input: &[u8]) {
    let begin = Instant::now();
    let held = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let took = begin.elapsed();
    if held.is_ok() && took < SLOWEST {
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    std::fs::write(&path, input).expect("a folder to write to");
    let text = String::from_utf8_lossy(&input[..input.len().min(400)]).into_owned();
    eprintln_input(&path, &text);
    if let Err(panic) = held {
        resume_unwind(panic);
    }
    panic!("{} took {took:?} on {} bytes", target.name, input.len());
}

#[expect(clippy::print_stderr, reason = "a failing test says by what")]
fn eprintln_input(path: &Path, text: &str) {
    eprintln!("broken by {}, which begins with {text:?}", path.display());
}

/// The most that this process ever held, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("of ourselves");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let text = line.expect("a peak").trim().trim_end_matches(" kB");
    text.parse().expect("a number")
}

fn fuzz(name: &str) {
    let target = targets::TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("a target");
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for seed in &seeds {
        hold(target, seed);
    }
    let seed = setting("BINDERY_FUZZ_SEED").unwrap_or_else(rand::random);
    let mut mutator = Mutator::new(seed, &seeds);
    let (begin, mut inputs) = (Instant::now(), 0_u64);
    while begin.elapsed() < patience() {
        hold(target, &mutator.next_input());
        inputs += 1;
    }
    report(name, seed, inputs, begin.elapsed());
    #[cfg(target_os = "linux")]
    assert!(peak_memory() < MOST_MEMORY_KIB, "{} KiB", peak_memory());
}

#[expect(clippy::print_stdout, reason = "what --nocapture shows, and a failure")]
fn report(name: &str, seed: u64, inputs: u64, took: Duration) {
    println!("{name}: {inputs} inputs in {took:.1?}, BINDERY_FUZZ_SEED={seed}");
}

/// A test for each target, so that they run side by side and a failure names one.
macro_rules! fuzzed {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                fuzz(stringify!($name));
            }
        )+

        #[test]
        fn every_target_is_fuzzed_here_and_by_coverage() {
            let here = [$(stringify!($name)),+];
            let all: Vec<&str> = targets::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(all, here);
            let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml"));
            let manifest = manifest.expect("the manifest");
            for name in here {
                let guided = format!("fuzz_targets/{name}.rs");
                assert!(root().join("fuzz").join(&guided).is_file(), "{guided}");
                assert!(manifest.contains(&format!("path = \"{guided}\"")), "{guided}");
            }
        }
    };
}

fuzzed! {
    signature body_json body_form event git_ref root_path tree_path binding tree_listing tree_made
    template answer mint settings private_key cursor etag bearer archive
}
