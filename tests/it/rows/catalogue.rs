//! The rows, as `fixtures/faults.toml` lists them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// A letter and a number. A name writes the same row as `w09_…`, or `i9_…`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    letter: char,
    number: u8,
}

impl Id {
    pub(super) const LETTERS: &str = "IFWEAGC";

    /// Of a row's id, or of a part of a name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let letter = text.chars().next()?.to_ascii_uppercase();
        let digits = text.get(1..)?;
        let is_number = matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_digit());
        (Self::LETTERS.contains(letter) && is_number).then_some(Self {
            letter,
            number: digits.parse().ok()?,
        })
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The invariants are counted, the other rows numbered with room between them.
        match self.letter {
            'I' => write!(f, "I{}", self.number),
            letter => write!(f, "{letter}{:02}", self.number),
        }
    }
}

pub(super) struct Row {
    pub(super) id: Id,
    pub(super) fault: String,
    pub(super) expected: String,
}

pub(super) struct Section {
    pub(super) title: String,
    pub(super) about: String,
    pub(super) rows: Vec<Row>,
}

/// In the order of the list.
pub(super) struct Catalogue {
    pub(super) sections: Vec<Section>,
    pub(super) not_covered: BTreeMap<Id, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    invariants: ListedSection,
    faults: ListedSection,
    webhook: ListedSection,
    events: ListedSection,
    api: ListedSection,
    github: ListedSection,
    content: ListedSection,
    not_covered: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ListedSection {
    title: String,
    about: String,
    #[serde(flatten)]
    rows: BTreeMap<String, (String, String)>,
}

impl Catalogue {
    pub(super) fn read() -> Self {
        let path = super::root().join("fixtures/faults.toml");
        let text = std::fs::read_to_string(path).expect("the list of rows");
        let listed: Listed = toml::from_str(&text).expect("a list of rows");
        let sections = [
            listed.invariants,
            listed.faults,
            listed.webhook,
            listed.events,
            listed.api,
            listed.github,
            listed.content,
        ];
        let not_covered = listed.not_covered.into_iter();
        Self {
            sections: sections.map(ListedSection::read).into(),
            not_covered: not_covered.map(|(id, reason)| (row(&id), reason)).collect(),
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.sections.iter().flat_map(|section| &section.rows)
    }

    pub(super) fn has(&self, id: &Id) -> bool {
        self.rows().any(|row| row.id == *id)
    }
}

impl ListedSection {
    fn read(self) -> Section {
        let rows = self.rows.into_iter().map(|(id, (fault, expected))| Row {
            id: row(&id),
            fault,
            expected,
        });
        let mut rows: Vec<Row> = rows.collect();
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        Section {
            title: self.title,
            about: self.about,
            rows,
        }
    }
}

fn row(id: &str) -> Id {
    Id::parse(id).unwrap_or_else(|| panic!("{id} is no row's id"))
}
