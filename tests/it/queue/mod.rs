//! The queue by itself: a database, a clock, a worker, and jobs whose outcome the story decides.

mod attempts;
mod bench;
mod commands;
mod fairness;
mod load;
mod looping;
mod plan;
mod race;
mod requests;
mod rescue;
mod script;
mod settlement;
mod siblings;
