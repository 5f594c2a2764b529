//! The database layer by itself, on both engines.
