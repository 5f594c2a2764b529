use crate::github::ids::OwnerId;

/// A user or an organisation: whose name stands before the slash.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) id: OwnerId,
    pub(super) login: String,
    pub(super) kind: OwnerKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnerKind {
    User,
    Organization,
}

impl OwnerKind {
    /// As GitHub's JSON writes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Organization => "Organization",
        }
    }
}
