//! Git as git sees it: object ids, objects, trees and refs. Knows neither GitHub nor our tables.

mod listing;
mod object;
mod oid;
pub mod path;
mod reference;

pub use listing::hash_listing;
pub use object::{EntryMode, ObjectKind, TreeEntry, encode_tree, hash_object, hash_tree};
pub use oid::{Oid, ParseOidError};
pub use reference::{GitRef, ParseRefError};
