use serde::{Serialize, Serializer};

/// What Bindery promises, by the numbers of the catalogue of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    Durable,
    Complete,
    Convergent,
    NeverBack,
    Identity,
    Atomic,
    Secret,
    Bounded,
    Live,
    Authorised,
    NoPanic,
    /// Not one of the eleven: what all of them stand on.
    Schema,
}

impl Invariant {
    pub const ALL: [Self; 12] = [
        Self::Durable,
        Self::Complete,
        Self::Convergent,
        Self::NeverBack,
        Self::Identity,
        Self::Atomic,
        Self::Secret,
        Self::Bounded,
        Self::Live,
        Self::Authorised,
        Self::NoPanic,
        Self::Schema,
    ];

    pub const fn id(self) -> &'static str {
        match self {
            Self::Durable => "I1",
            Self::Complete => "I2",
            Self::Convergent => "I3",
            Self::NeverBack => "I4",
            Self::Identity => "I5",
            Self::Atomic => "I6",
            Self::Secret => "I7",
            Self::Bounded => "I8",
            Self::Live => "I9",
            Self::Authorised => "I10",
            Self::NoPanic => "I11",
            Self::Schema => "schema",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Durable => "what was acknowledged is stored, and has an outcome",
            Self::Complete => "every delivery that was sent is in the ledger",
            Self::Convergent => "what is published is what GitHub has",
            Self::NeverBack => "what is published goes forward only",
            Self::Identity => "what is published is of the repository that is bound",
            Self::Atomic => "what is published is whole, and published once",
            Self::Secret => "no secret is in the logs",
            Self::Bounded => "memory, files and logs stay within bounds",
            Self::Live => "nothing is stuck",
            Self::Authorised => "nothing is synced without a grant",
            Self::NoPanic => "nothing panicked",
            Self::Schema => "the tables are whole",
        }
    }
}

impl Serialize for Invariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// One thing that can be seen of an invariant, and what to do where it does not hold.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub invariant: Invariant,
    /// Stable, for programs.
    #[serde(rename = "rule")]
    pub name: &'static str,
    pub means: &'static str,
    pub remedy: &'static str,
}
