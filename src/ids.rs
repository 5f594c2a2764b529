//! The ids of our own rows, one type each.
//!
//! GitHub's ids are in [`crate::github::ids`]; a row *about* one of GitHub's things has a `…RowId`.

use diesel_derive_newtype::DieselNewType;
use serde::{Deserialize, Serialize};

macro_rules! row_id {
    ($($name:ident)*) => {$(
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, DieselNewType,
        )]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

row_id! {
    OrganizationId
    ProjectId
    TokenId
    BindingId
    ContentId
    BlobId
    DeliveryId
    JobId
    AppRowId
    InstallationRowId
    RepositoryRowId
    RepositoryRefId
    AuditEventId
    SessionId
}
