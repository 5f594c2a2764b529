//! What is measured in a round, in which order: what is compared stands together.

use serde::Serialize;

use crate::ceiling::Ceiling;
use crate::database::Engine;
use crate::load::{Load, Mix, Pace};
use crate::options::{Options, Section};

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Case {
    pub server: Server,
    pub load: Load,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    Ceiling(Ceiling),
    Service(Engine),
    /// The database alone: a row a commit, on one connection.
    Commits(Engine),
}

/// Most of what is asked of the service is asked with so many.
pub const USUAL: usize = 64;
/// Enough that a delivery which is due hardly ever waits for a connection.
const FOR_OFFERS: usize = 256;
/// Seconds at full load, after which a stall must have shown.
const LONG: u64 = 20;

impl Server {
    pub fn name(self) -> String {
        match self {
            Self::Ceiling(Ceiling::Bare) => "bare POST".to_owned(),
            Self::Ceiling(Ceiling::Verify) => "verify-only".to_owned(),
            Self::Service(engine) => engine.name().to_owned(),
            Self::Commits(engine) => format!("{}, single rows", engine.name()),
        }
    }
}

pub fn cases(options: &Options) -> Vec<Case> {
    let connections: &[usize] = if options.quick {
        &[1, USUAL]
    } else {
        &[1, 16, USUAL, 256]
    };
    let rates: &[u32] = if options.quick {
        &[1_000]
    } else {
        &[1_000, 5_000, 10_000]
    };
    let mut cases = Vec::new();
    for connections in connections {
        let load = load(options, *connections);
        if options.wants(Section::A) {
            let ceilings = [Ceiling::Bare, Ceiling::Verify].map(Server::Ceiling);
            cases.extend(ceilings.map(|server| Case { server, load }));
        }
        if *connections == 1 {
            cases.extend(durable(options, Server::Commits, load));
        }
        cases.extend(durable(options, Server::Service, load));
    }
    for rate in rates {
        let load = Load {
            pace: Pace::Offered(*rate),
            ..load(options, FOR_OFFERS)
        };
        cases.extend(durable(options, Server::Service, load));
    }
    for mix in [Mix::Duplicates, Mix::BadSignatures] {
        let load = Load {
            mix,
            ..load(options, USUAL)
        };
        cases.extend(durable(options, Server::Service, load));
    }
    cases.extend(durable(options, Server::Service, long(options)));
    cases
}

fn durable(options: &Options, server: fn(Engine) -> Server, load: Load) -> Vec<Case> {
    if !options.wants(Section::B) {
        return Vec::new();
    }
    let engines = options.engines().into_iter();
    engines
        .map(|engine| Case {
            server: server(engine),
            load,
        })
        .collect()
}

/// As fast as it is answered.
pub fn load(options: &Options, connections: usize) -> Load {
    Load {
        connections,
        pace: Pace::Closed,
        mix: Mix::New,
        long: false,
        warm: options.warm(),
        measured: options.measured(),
    }
}

fn long(options: &Options) -> Load {
    let at_least = std::time::Duration::from_secs(if options.quick { 1 } else { LONG });
    Load {
        long: true,
        measured: options.measured().max(at_least),
        ..load(options, USUAL)
    }
}
