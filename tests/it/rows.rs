//! Every row of the catalogue of faults has a test that is named after it.

use std::collections::BTreeSet;
use std::path::Path;

/// The rows that must have one, by their letters.
const ROWS: [(char, &[u8]); 1] = [(
    'e',
    &[
        1, 2, 3, 5, 7, 8, 10, 11, 13, 14, 15, 16, 17, 18, 19, 21, 22, 24, 26, 27, 28, 29, 30, 32,
        34,
    ],
)];

fn required() -> impl Iterator<Item = String> {
    let row = |letter: char| move |number: &u8| format!("{letter}{number:02}");
    ROWS.iter()
        .flat_map(move |(letter, numbers)| numbers.iter().map(row(*letter)))
}

/// The rows that a function's name begins with: there may be several, `e28_w49_a_replay_…`.
fn rows_of(name: &str) -> impl Iterator<Item = &str> {
    let is_row = |part: &&str| {
        let (letter, number) = part.split_at_checked(1).unwrap_or_default();
        let is_letter = letter.chars().all(|letter| letter.is_ascii_lowercase());
        let is_number = number.len() == 2 && number.chars().all(|digit| digit.is_ascii_digit());
        is_letter && is_number
    };
    name.split('_').take_while(is_row)
}

/// What a line of a source names, if a test begins there.
fn test_in(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line
        .strip_prefix("async fn ")
        .or(line.strip_prefix("fn "))?;
    rest.split('(').next()
}

fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(path).expect("a source"));
        }
    }
    found
}

#[test]
fn every_row_has_a_test_of_its_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = ["src", "tests"].map(|folder| sources(&root.join(folder)).join("\n"));
    let lines = all.iter().flat_map(|text| text.lines());
    let pinned: BTreeSet<&str> = lines.filter_map(test_in).flat_map(rows_of).collect();
    let missing: Vec<String> = required()
        .filter(|row| !pinned.contains(row.as_str()))
        .collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
}

#[test]
fn a_name_may_begin_with_several_rows() {
    let rows = |name| rows_of(name).collect::<Vec<_>>();
    assert_eq!(rows("e28_w49_a_replay_moves_nothing_back"), ["e28", "w49"]);
    assert_eq!(rows("a_replay_of_e28_moves_nothing_back"), [""; 0]);
    assert_eq!(test_in("    async fn e22_x(world: World) {"), Some("e22_x"));
    assert_eq!(test_in("    // async fn e22_x(world: World) {"), None);
}
