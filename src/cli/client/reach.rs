//! Whom the commands ask, and by which token: flags, then the environment, then the client's file, and
//! without any of them the database of this machine's settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use secrecy::SecretString;
use url::Url;

use super::api::Api;
use super::file::ClientFile;
use super::local;
use crate::config::Flags;

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Reach {
    /// The service to ask, with its path prefix: https://bindery.example/docverse [env: BINDERY_URL].
    ///
    /// Without any, here or in the client's file, the database of this machine's settings is asked.
    #[arg(long, value_name = "URL", help_heading = "Service")]
    url: Option<String>,
    /// A file with nothing but a token [env: BINDERY_TOKEN_FILE, or the token itself in BINDERY_TOKEN].
    ///
    /// There is no flag for the token itself: others on the machine see a command line.
    #[arg(long, value_name = "FILE", help_heading = "Service")]
    token_file: Option<PathBuf>,
    /// Ask the database of this machine's settings, although a service is named elsewhere.
    #[arg(long, conflicts_with_all = ["url", "token_file"], help_heading = "Service")]
    local: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Where a command leads.
#[derive(Debug)]
enum Target {
    Service {
        url: Url,
        token: SecretString,
        /// For people: where the token is from.
        token_from: String,
    },
    Here,
}

impl Reach {
    pub(in crate::cli) async fn connect(self) -> anyhow::Result<Api> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        match self.target(variable)? {
            Target::Here => local::open(self.flags).await,
            Target::Service {
                url,
                token,
                token_from,
            } => Api::of_service(&url, token, token_from),
        }
    }

    fn target(&self, variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Target> {
        let flags = !self.flags.is_empty();
        if self.local || (flags && self.url.is_none() && self.token_file.is_none()) {
            return Ok(Target::Here);
        }
        ensure!(
            !flags,
            "the flags of the settings are for this machine's database: leave them out, or --url and --token-file"
        );
        let file = match ClientFile::path(&variable) {
            Some(path) => ClientFile::read(&path)?,
            None => None,
        };
        let (url, is_of_file) = match (self.text_of_url(&variable)?, &file) {
            (Some(url), _) => (url, false),
            (None, Some(ClientFile { url: Some(url), .. })) => (url.clone(), true),
            (None, _) => return Ok(Target::Here),
        };
        let url = parse(&url)?;
        // A token is for the service beside which it is written down.
        let of_file = file.filter(|file| is_of_file || file.is_of(&url));
        let (token, token_from) = self.token(of_file, &variable)?;
        Ok(Target::Service {
            url,
            token,
            token_from,
        })
    }

    fn text_of_url(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<Option<String>> {
        if let Some(url) = &self.url {
            return Ok(Some(url.clone()));
        }
        let url = variable("BINDERY_URL").map(OsString::into_string);
        url.transpose()
            .map_err(|_| anyhow::anyhow!("BINDERY_URL is no text"))
    }

    fn token(
        &self,
        file: Option<ClientFile>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<(SecretString, String)> {
        if let Some(path) = &self.token_file {
            return from_file(path);
        }
        if let Some(token) = variable("BINDERY_TOKEN") {
            let from = "BINDERY_TOKEN".to_owned();
            let token = token.into_string().ok();
            let token = token.and_then(|text| as_token(&text));
            return Ok((token.context("BINDERY_TOKEN holds no token")?, from));
        }
        if let Some(path) = variable("BINDERY_TOKEN_FILE") {
            return from_file(Path::new(&path));
        }
        if let Some(ClientFile {
            path,
            token,
            token_file,
            ..
        }) = file
        {
            match (token, token_file) {
                (Some(token), _) => {
                    let from = path.display().to_string();
                    let token = as_token(&token);
                    return Ok((
                        token.with_context(|| format!("no token is in {from}"))?,
                        from,
                    ));
                }
                (None, Some(token_file)) => return from_file(&token_file),
                (None, None) => {}
            }
        }
        bail!(
            "no token for the service: set BINDERY_TOKEN_FILE or BINDERY_TOKEN, give --token-file, or write one into the client's file \
             (an admin makes one with `bindery tokens create`)"
        )
    }
}

fn from_file(path: &Path) -> anyhow::Result<(SecretString, String)> {
    let from = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the token cannot be read from {from}"))?;
    let token =
        as_token(&text).with_context(|| format!("{from} holds something else than a token"))?;
    Ok((token, from))
}

/// Whatever can stand in a header; the service says whether it is one of its own.
fn as_token(text: &str) -> Option<SecretString> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    (!text.is_empty() && text.chars().all(plain)).then(|| text.into())
}

/// What is wrong is said without repeating it: a password may be in it.
pub(super) fn parse(text: &str) -> anyhow::Result<Url> {
    const EXPECTED: &str = "the service's URL begins with https:// or http://, such as https://bindery.example/docverse";
    let url: Url = text.trim().parse().ok().context(EXPECTED)?;
    ensure!(
        matches!(url.scheme(), "http" | "https") && url.host().is_some(),
        EXPECTED
    );
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "the service's URL holds a user or a password, which is not used: give a token instead"
    );
    ensure!(
        url.query().is_none() && url.fragment().is_none(),
        "the service's URL ends with its path prefix: leave out what begins with ? or #"
    );
    Ok(url)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn with(file: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let bindery = folder.path().join("bindery");
            std::fs::create_dir(&bindery).expect("a folder");
            let path = bindery.join("client.toml");
            std::fs::write(&path, file).expect("a file");
            protect(&path, 0o600);
            Self(folder)
        }

        fn target(&self, reach: &Reach, variables: &[(&str, &str)]) -> anyhow::Result<Target> {
            let home = self.0.path().as_os_str().to_owned();
            reach.target(|name| match name {
                "XDG_CONFIG_HOME" => Some(home.clone()),
                _ => {
                    let mut set = variables.iter();
                    set.find(|(other, _)| *other == name)
                        .map(|(_, value)| value.into())
                }
            })
        }
    }

    fn protect(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).expect("a mode");
    }

    fn seen(target: Target) -> (String, String) {
        match target {
            Target::Service { url, token, .. } => {
                (url.to_string(), token.expose_secret().to_owned())
            }
            Target::Here => ("here".to_owned(), String::new()),
        }
    }

    fn reach(url: Option<&str>) -> Reach {
        Reach {
            url: url.map(ToOwned::to_owned),
            ..Reach::default()
        }
    }

    const FILE: &str = "url = \"https://one.example/docverse\"\ntoken = \"of-one\"\n";

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let home = Home::with(FILE);
        let of = |reach: &Reach, variables: &[(&str, &str)]| {
            seen(home.target(reach, variables).expect("a target"))
        };
        let one = "https://one.example/docverse".to_owned();
        assert_eq!(of(&reach(None), &[]), (one.clone(), "of-one".to_owned()));
        let set = [
            ("BINDERY_URL", "http://two.example"),
            ("BINDERY_TOKEN", "t"),
        ];
        let two = "http://two.example/".to_owned();
        assert_eq!(of(&reach(None), &set), (two, "t".to_owned()));
        assert_eq!(of(&reach(Some(&one)), &set), (one, "t".to_owned()));
        let local = Reach {
            local: true,
            ..Reach::default()
        };
        assert_eq!(of(&local, &set).0, "here");
        let flags = Reach {
            flags: Flags::default().with("database-url", "sqlite://x"),
            ..Reach::default()
        };
        assert_eq!(of(&flags, &set).0, "here");
        assert_eq!(
            seen(Home::with("").target(&reach(None), &[]).expect("a target")).0,
            "here"
        );
    }

    #[test]
    fn a_token_goes_to_no_other_service_than_its_own() {
        let home = Home::with(FILE);
        for other in [
            "https://two.example",
            "http://one.example/docverse",
            "https://one.example:1/docverse",
        ] {
            let error = home.target(&reach(Some(other)), &[]).expect_err(other);
            assert!(error.to_string().contains("no token"), "{other}: {error}");
        }
        let same = home.target(&reach(Some("https://one.example/docverse/")), &[]);
        assert_eq!(seen(same.expect("a target")).1, "of-one");
    }

    #[test]
    fn a_token_that_others_can_read_is_refused_and_nothing_is_shown() {
        let home = Home::with(FILE);
        protect(&home.0.path().join("bindery/client.toml"), 0o644);
        let error = home.target(&reach(None), &[]).expect_err("a refusal");
        let said = format!("{error:#}");
        assert!(
            said.contains("chmod 600") && !said.contains("of-one"),
            "{said}"
        );
        for bad in [
            "url = \"https://one.example\"\ntoken = of-one\n",
            "token = [\"of-one\"]",
            "tokne = \"of-one\"",
        ] {
            let error = Home::with(bad).target(&reach(None), &[]).expect_err(bad);
            assert!(!format!("{error:#}").contains("of-one"), "{error:#}");
        }
    }

    #[test]
    fn what_is_no_url_is_not_repeated() {
        for bad in [
            "bindery.example",
            "ftp://x",
            "https://ann:secret@x",
            "https://x/?secret",
            "secret",
        ] {
            let said = parse(bad).expect_err(bad).to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
