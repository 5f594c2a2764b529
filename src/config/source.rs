//! Where settings come from: flags, then the environment, then a TOML file, then the default.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::reference;

/// What the process was started with.
pub struct Sources<'a> {
    pub(super) flags: Flags,
    pub(super) env: Environment<'a>,
    /// Read when no other file is named, if it is there.
    pub(super) usual_file: Option<PathBuf>,
}

/// What `setup` writes, and every command finds where it is started.
pub const USUAL_FILE: &str = "bindery.toml";

/// The value of a variable, by its name.
type Environment<'a> = Box<dyn Fn(&str) -> Option<OsString> + 'a>;

impl<'a> Sources<'a> {
    pub fn new(flags: Flags, env: impl Fn(&str) -> Option<OsString> + 'a) -> Self {
        Self {
            flags,
            env: Box::new(env),
            usual_file: None,
        }
    }

    /// The flags given, the environment of this process, and the file where it was started.
    pub fn process(flags: Flags) -> Self {
        Self {
            usual_file: Some(USUAL_FILE.into()),
            ..Self::new(flags, |name| std::env::var_os(name))
        }
    }

    /// As if the process had been started in `folder`.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        Self {
            usual_file: Some(folder.join(USUAL_FILE)),
            ..self
        }
    }

    /// Nothing is set: every default.
    pub fn none() -> Self {
        Self::new(Flags::default(), |_| None)
    }
}

/// Without the values: secrets may be among them.
impl fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

/// The flags of the common settings, for `#[command(flatten)]`.
#[derive(Clone, Default)]
pub struct Flags(BTreeMap<&'static str, String>);

impl Flags {
    /// As if `--{flag} {value}` had been given.
    #[must_use]
    pub fn with(mut self, flag: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(flag, value.into());
        self
    }

    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(String::as_str)
    }
}

/// Without the values: a database's URL may hold a password.
impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        reference::entries()
            .into_iter()
            .fold(command, |command, entry| {
                let Some(flag) = entry.setting.flag else {
                    return command;
                };
                let arg = Arg::new(flag)
                    .long(flag)
                    .help_heading("Settings")
                    .help(entry.help());
                command.arg(if switches_off(flag) {
                    arg.action(ArgAction::SetTrue)
                } else {
                    arg.value_name("VALUE")
                })
            })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let flags = reference::entries()
            .into_iter()
            .filter_map(|entry| entry.setting.flag);
        for flag in flags {
            let value = if switches_off(flag) {
                matches.get_flag(flag).then(|| false.to_string())
            } else {
                matches.get_one::<String>(flag).cloned()
            };
            self.0.extend(value.map(|value| (flag, value)));
        }
        Ok(())
    }
}

/// Whether a flag takes no value and makes its setting `false`.
fn switches_off(flag: &str) -> bool {
    flag.starts_with("no-")
}

/// Which source a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag(&'static str),
    /// The variable: the setting's own or its `…_FILE`.
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}
