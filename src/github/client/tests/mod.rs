//! The client against a server that speaks like GitHub, or worse.

mod archives;
mod auth;
mod calls;
mod conditional;
mod limits;
mod redirects;
mod refusals;
mod support;
