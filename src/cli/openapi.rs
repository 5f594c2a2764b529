use std::process::ExitCode;

use super::out;
use crate::config::{Config, Flags, Sources};
use crate::routes;

/// `bindery openapi`
pub(super) fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let http = Config::load(&Sources::process(flags))?.http;
    let document = routes::document(&http.base_url(http.listen));
    out::say(document.to_pretty_json()?)?;
    Ok(ExitCode::SUCCESS)
}
