//! The promise itself, against a model: whatever happens on GitHub, however its deliveries are lost,
//! repeated and reordered, and whenever workers die, a binding ends on the tree of the repository that it
//! is bound to, or says why not, and never shows a byte of another.
//!
//! A case is a random sequence of operations ([`Op`]) on a GitHub of a few repositories and three owners
//! with few names to go round. After each, a reader looks at everything that is published. At the end the
//! rest is delivered or dropped, one healing interval passes, and every binding is compared with the
//! [`Model`]. A case that fails is shrunk to a short sequence.
//!
//! Each case has a seed of its own: the run's seed and the case's number. To go on where a run ended, or
//! to look at one case again:
//!
//! ```text
//! ./dev model 10000           # ten thousand cases
//! ./dev model 5800 4200       # goes on from case 4200
//! ./dev model 1 42            # that one alone
//! BINDERY_MODEL_SEED=7 ./dev model 10000
//! ```

#![expect(clippy::print_stderr, reason = "a run of thousands says how far it is")]

mod check;
mod github;
mod op;
mod run;
mod tally;

use std::ops::Range;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::support::Engine;
use op::Case;

/// What CI runs on SQLite, divided among the tests below so that they run beside each other.
const CASES: u64 = 256;
const SHARDS: u64 = 4;
/// A sequence that fails is tried this often with less in it.
const SHRINKS: u64 = 300;

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}

/// The cases of one shard, by their numbers.
fn cases(shard: u64) -> impl Iterator<Item = u64> {
    let from = setting("BINDERY_MODEL_FROM").unwrap_or(0);
    let count = setting("BINDERY_MODEL_CASES").unwrap_or(CASES);
    let all: Range<u64> = from..from + count;
    all.filter(move |number| number % SHARDS == shard)
}

/// Every case has its own stream of random numbers.
fn rng(number: u64) -> TestRng {
    let seed = setting("BINDERY_MODEL_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

fn holds(number: u64, engine: Engine) {
    let config = Config {
        cases: 1,
        max_shrink_iters: u32::try_from(setting("BINDERY_MODEL_SHRINKS").unwrap_or(SHRINKS))
            .unwrap_or(u32::MAX),
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut runner = TestRunner::new_with_rng(config, rng(number));
    let tried = runner.run(&op::cases().prop_map(Case::from), |case| {
        runtime.block_on(run::run(case, engine))
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => {
            panic!("case {number} on {engine:?}: {reason}\n{case}")
        }
        Err(TestError::Abort(reason)) => panic!("case {number}: {reason}"),
    }
}

/// The ends that the cases of a shard have to meet, and those that take many.
const COMMON: [&str; 4] = ["reachable", "access_lost", "out of reach", "unsynced"];
const RARE: [&str; 4] = ["ref_missing", "not_granted", "suspended", "gone"];
const MANY: u64 = 500;

fn run_shard(shard: u64) {
    let mut tried = 0;
    for number in cases(shard) {
        holds(number, Engine::Sqlite);
        tried += 1;
        if number % 100 == shard {
            eprintln!("model: case {number} holds; ends met: {:?}", tally::met());
        }
    }
    let met = tally::met();
    let missed = |ends: &[&'static str]| -> Vec<&'static str> {
        ends.iter()
            .copied()
            .filter(|end| !met.contains_key(end))
            .collect()
    };
    if tried >= CASES / SHARDS {
        assert_eq!(missed(&COMMON), [""; 0], "no binding ended so");
    }
    if tried >= MANY {
        assert_eq!(missed(&RARE), [""; 0], "no binding ended so");
    }
}

#[test]
fn every_binding_ends_where_the_model_is_1_of_4() {
    run_shard(0);
}

#[test]
fn every_binding_ends_where_the_model_is_2_of_4() {
    run_shard(1);
}

#[test]
fn every_binding_ends_where_the_model_is_3_of_4() {
    run_shard(2);
}

#[test]
fn every_binding_ends_where_the_model_is_4_of_4() {
    run_shard(3);
}

#[test]
fn on_postgres_every_binding_ends_where_the_model_is() {
    let from = setting("BINDERY_MODEL_FROM").unwrap_or(0);
    for number in from..from + setting("BINDERY_MODEL_POSTGRES_CASES").unwrap_or(12) {
        holds(number, Engine::Postgres);
    }
}
