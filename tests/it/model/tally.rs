//! How often each end was met: a property that only ever sees one of them proves little.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

static MET: Mutex<BTreeMap<&str, u64>> = Mutex::new(BTreeMap::new());

pub fn count(end: &'static str) {
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    *met.entry(end).or_default() += 1;
}

pub fn met() -> BTreeMap<&'static str, u64> {
    MET.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
