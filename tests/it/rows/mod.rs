//! The catalogue of faults: what pins each row, and that no row is forgotten.

mod catalogue;
mod names;
mod page;

use std::path::Path;

use catalogue::{Catalogue, Id};
use names::Names;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `BINDERY_WRITE_DOCS=1` writes it instead: that is what `./dev rows` does.
#[test]
fn the_committed_table_is_up_to_date() {
    let path = root().join("docs/faults.md");
    let page = page::page(&Catalogue::read(), &Names::find());
    if std::env::var_os("BINDERY_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/ is writable");
    }
    let committed = std::fs::read_to_string(&path).expect("the table is committed");
    assert!(committed == page, "docs/faults.md is old: run `./dev rows`");
}

#[test]
fn every_row_is_pinned_or_named_as_not_covered() {
    let (catalogue, names) = (Catalogue::read(), Names::find());
    let neither: Vec<&Id> = catalogue
        .rows()
        .map(|row| &row.id)
        .filter(|id| names.of(id).is_empty() && !catalogue.not_covered.contains_key(*id))
        .collect();
    assert!(neither.is_empty(), "nothing is named after {neither:?}");
}

#[test]
fn what_is_named_as_not_covered_is_a_row_without_a_test_and_has_a_reason() {
    let (catalogue, names) = (Catalogue::read(), Names::find());
    for (id, reason) in &catalogue.not_covered {
        assert!(catalogue.has(id), "{id:?} is not covered, and no row");
        let pinned = names.of(id);
        assert!(pinned.is_empty(), "{id:?} is covered, by {pinned:?}");
        assert!(reason.ends_with('.'), "{id:?}: {reason}");
    }
}

/// Names in backticks that begin with a row.
#[test]
fn every_test_that_the_threats_name_is_there() {
    let threats = std::fs::read_to_string(root().join("docs/threats.md")).expect("the threats");
    let names = Names::find();
    let named = threats.split('`').skip(1).step_by(2);
    let missing: Vec<&str> = named
        .filter(|name| names::rows_of(name).next().is_some() && !names.has(name))
        .collect();
    assert!(missing.is_empty(), "there is no {missing:?}");
    let named = threats.split('`').filter(|name| names.has(name)).count();
    assert!(named > 40, "only {named} tests are named");
}

#[test]
fn every_row_that_a_name_begins_with_is_in_the_catalogue() {
    let catalogue = Catalogue::read();
    let unknown: Vec<_> = Names::find()
        .ids()
        .filter(|id| !catalogue.has(id))
        .cloned()
        .collect();
    assert!(unknown.is_empty(), "tests are named after {unknown:?}");
}
