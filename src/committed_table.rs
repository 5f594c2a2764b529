//! A table of a page under `docs` that is made from the code and committed.

use std::path::Path;

/// What the first table of such a page begins and ends with.
const BEGIN: &str = "|---|---|---|\n";
const END: &str = "\n\n";

/// Holds the page's table against `rows`. `BINDERY_WRITE_DOCS=1` writes it instead: that is what `./dev codes` does.
pub(crate) fn check(page: &str, rows: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&path).expect("the page is committed");
    let (head, rest) = text.split_once(BEGIN).expect("a table");
    let (table, tail) = rest.split_once(END).expect("an end of the table");
    if std::env::var_os("BINDERY_WRITE_DOCS").is_some() {
        let text = format!("{head}{BEGIN}{rows}{END}{tail}");
        std::fs::write(&path, text).expect("docs/ is writable");
        return;
    }
    assert!(table == rows, "{page} is old: run `./dev codes`");
}
