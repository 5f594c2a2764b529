use std::str::FromStr;

/// One line that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verb {
    Help,
    Repositories,
    Use(String),
    Push(u32),
    Rename(String),
    Suspend,
    Unsuspend,
    Uninstall,
    Install,
    Publicize,
    Privatize,
    Lose(u32),
    Omit(u32),
    Hold,
    Release,
    Redeliver(Option<String>),
    Deliveries,
    Ping,
    Quit,
}

impl Verb {
    pub(super) const HELP: &'static str = "\
help              this
repos             the repositories, and which one is meant
use NAME          mean this one
push [N]          push its next N commits, one by one; made-up ones when none are left
rename NAME       rename it
suspend           suspend the App's installation
unsuspend         and let it work again
uninstall         uninstall the App
install           install it again: the installation has another id
publicize         make the repository public
privatize         make it private
lose [N]          the next N deliveries do not arrive
omit [N]          the next N events never become deliveries
hold              deliveries wait from now on
release           send what waits, and hold no more
redeliver [GUID]  send a delivery again, the last one unless another is named
deliveries        the last ten, and how they were answered
ping              what GitHub sends when a webhook is set up
quit              end";

    /// More pushes at once are most likely a slip.
    const MOST: u32 = 1000;
}

impl FromStr for Verb {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["help" | "?"] => Ok(Self::Help),
            ["repos"] => Ok(Self::Repositories),
            ["use", name] => Ok(Self::Use((*name).to_owned())),
            ["push"] => Ok(Self::Push(1)),
            ["push", count] => number(count).map(Self::Push),
            ["rename", name] => repository_name(name).map(Self::Rename),
            ["suspend"] => Ok(Self::Suspend),
            ["unsuspend"] => Ok(Self::Unsuspend),
            ["uninstall"] => Ok(Self::Uninstall),
            ["install"] => Ok(Self::Install),
            ["publicize"] => Ok(Self::Publicize),
            ["privatize"] => Ok(Self::Privatize),
            ["omit"] => Ok(Self::Omit(1)),
            ["omit", count] => number(count).map(Self::Omit),
            ["hold"] => Ok(Self::Hold),
            ["release"] => Ok(Self::Release),
            ["lose"] => Ok(Self::Lose(1)),
            ["lose", count] => number(count).map(Self::Lose),
            ["redeliver"] => Ok(Self::Redeliver(None)),
            ["redeliver", guid] => Ok(Self::Redeliver(Some((*guid).to_owned()))),
            ["deliveries"] => Ok(Self::Deliveries),
            ["ping"] => Ok(Self::Ping),
            ["quit" | "exit"] => Ok(Self::Quit),
            _ => Err(format!("{:?} is not understood; try `help`", line.trim())),
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| (1..=Verb::MOST).contains(number));
    number.ok_or_else(|| format!("{text:?} is no number from 1 to {}", Verb::MOST))
}

fn repository_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let good = text.len() <= 100
        && text.chars().all(allowed)
        && !matches!(text, "." | "..")
        && !text.ends_with(".git");
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("GitHub allows no repository to be called {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_what_its_help_names() {
        for line in Verb::HELP.lines() {
            let verb = line.split("  ").next().expect("a verb");
            let typed = verb
                .replace("[N]", "3")
                .replace("[GUID]", "x")
                .replace("NAME", "n");
            assert!(typed.parse::<Verb>().is_ok(), "{typed}");
        }
        assert_eq!(" push  2 ".parse(), Ok(Verb::Push(2)));
        assert_eq!("push".parse(), Ok(Verb::Push(1)));
    }

    #[test]
    fn says_what_is_wrong() {
        for line in [
            "pusch",
            "push x",
            "push 0",
            "push 1001",
            "rename",
            "rename a/b",
            "rename ..",
        ] {
            assert!(line.parse::<Verb>().is_err(), "{line}");
        }
    }
}
