//! Setting up: registering the App, and the doctor, with the real binaries.

mod browser;
mod command;
mod doctor;
mod flow;
mod refusals;
