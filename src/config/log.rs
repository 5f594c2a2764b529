use tracing_subscriber::EnvFilter;

use super::setting::settings;
use super::value::{Fault, Value};

settings! {
    /// What the process says about its work.
    pub struct LogConfig in "log" {
        /// `pretty` for a person, `json` for a collector: one object in a line.
        format: Option<LogFormat> = optional "pretty on a terminal, otherwise json",
            "BINDERY_LOG", flag "log";
        /// The least level, and other ones for single targets: `info,bindery::queue=debug`.
        filter: LogFilter = value "info", "BINDERY_LOG_FILTER";
    }
}

impl LogConfig {
    /// The format for an output that is, or is not, a terminal.
    pub fn format_for(&self, is_terminal: bool) -> LogFormat {
        self.format.unwrap_or(if is_terminal {
            LogFormat::Pretty
        } else {
            LogFormat::Json
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

impl Value for LogFormat {
    const EXPECTED: &'static str = "pretty or json";

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(Fault::Text),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
        .to_owned()
    }
}

/// Directives in `tracing-subscriber`'s language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The driver of PostgreSQL tells at `debug` every value that it writes, deliveries' bodies among them: it has
    /// to be asked by its name.
    pub fn to_filter(&self) -> EnvFilter {
        EnvFilter::new(format!("tokio_postgres=info,{}", self.0))
    }
}

impl Value for LogFilter {
    const EXPECTED: &'static str = "a level (error, warn, info, debug, trace, off), and others \
        for single targets, such as info,bindery::queue=debug";

    fn parse(text: &str) -> Result<Self, Fault> {
        match EnvFilter::try_new(text) {
            Ok(_) if !text.trim().is_empty() => Ok(Self(text.to_owned())),
            _ => Err(Fault::Text),
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}
