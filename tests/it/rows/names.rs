//! What is named after rows: tests, and the steps of the campaign.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::catalogue::Id;

/// A test or a step, and the source that it is in, from the project's root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) source: String,
    pub(super) name: String,
}

#[derive(Default)]
pub(super) struct Names(BTreeMap<Id, Vec<Named>>);

/// Where a step may be a text in a list as well as a function.
const CAMPAIGN: &str = "tests/campaign/";

impl Names {
    /// In all sources, in the order of their paths.
    pub(super) fn find() -> Self {
        let mut names = Self::default();
        for source in ["src", "tests"].map(sources).into_iter().flatten() {
            let text = std::fs::read_to_string(super::root().join(&source)).expect("a source");
            let source = source.to_str().expect("a path in UTF-8");
            names.add(source, &text);
        }
        names
    }

    fn add(&mut self, source: &str, text: &str) {
        for name in text.lines().flat_map(|line| names_in(source, line)) {
            let named = Named {
                source: source.to_owned(),
                name: name.to_owned(),
            };
            for id in rows_of(name) {
                let of_row = self.0.entry(id).or_default();
                if !of_row.contains(&named) {
                    of_row.push(named.clone());
                }
            }
        }
    }

    pub(super) fn of(&self, id: &Id) -> &[Named] {
        self.0.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a test or a step of exactly this name is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.values().flatten().any(|named| named.name == name)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &Id> {
        self.0.keys()
    }
}

/// Paths from the project's root, sorted.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(Path::new(folder), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(super::root().join(folder)).expect("a folder of the project") {
        let path = folder.join(entry.expect("an entry").file_name());
        if super::root().join(&path).is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn names_in<'a>(source: &str, line: &'a str) -> Vec<&'a str> {
    let mut names: Vec<&str> = function_in(line).into_iter().collect();
    if source.starts_with(CAMPAIGN) && !line.trim_start().starts_with("//") {
        // Between the quotes is every second part.
        names.extend(line.split('"').skip(1).step_by(2));
    }
    names.retain(|name| says_something(name));
    names
}

/// Whether a sentence follows the rows: a row's id alone is what somebody speaks of.
fn says_something(name: &str) -> bool {
    let mut words = name.split('_').skip_while(|part| Id::parse(part).is_some());
    words.next().is_some() && !name.contains(char::is_whitespace)
}

/// What a line of a source names, if a function begins there.
fn function_in(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let word = words.find(|word| !matches!(*word, "async" | "pub" | "pub(crate)" | "pub(super)"));
    (word? == "fn").then_some(words.next()?.split(['(', '<']).next()?)
}

/// The rows that a name begins with: there may be several, `e28_w49_a_replay_…`.
pub(super) fn rows_of(name: &str) -> impl Iterator<Item = Id> {
    name.split('_').map_while(Id::parse)
}

fn written(name: &str) -> Vec<String> {
    rows_of(name).map(|id| format!("{id:?}")).collect()
}

#[test]
fn a_name_may_begin_with_several_rows() {
    assert_eq!(
        written("e28_w49_a_replay_moves_nothing_back"),
        ["E28", "W49"]
    );
    assert_eq!(written("i9_a_poison_delivery"), ["I9"]);
    assert_eq!(written("i07_a_secret_is_not_printed"), ["I7"]);
    assert_eq!(written("a_replay_of_e28_moves_nothing_back"), [""; 0]);
    assert_eq!(written("z01_of_no_table"), [""; 0]);
}

#[test]
fn a_test_is_a_function_and_a_step_may_be_a_text() {
    let names = |source, line| names_in(source, line).join(" ");
    assert_eq!(
        names("src/x.rs", "    async fn e22_x(world: World) {"),
        "e22_x"
    );
    assert_eq!(
        names("src/x.rs", "pub(crate) async fn f01_x<T>() {"),
        "f01_x"
    );
    assert_eq!(
        names("src/x.rs", "    // async fn e22_x(world: World) {"),
        ""
    );
    assert_eq!(names("src/x.rs", r#"    ("f01_x", 500),"#), "");
    assert_eq!(
        names("tests/campaign/steps.rs", r#"    ("f01_x", 500),"#),
        "f01_x"
    );
    let spoken_of = r#"    finding("I6", "F01", "f01 is not");"#;
    assert_eq!(names("tests/campaign/steps.rs", spoken_of), "");
    assert_eq!(
        names("tests/campaign/steps.rs", r#"    // "f01_x" is not"#),
        ""
    );
}
