//! What is left on the disk: a settings file that `serve` finds where it is started, and a folder with the key and
//! the secret, for this user alone. Each appears whole or not at all; what was there is put aside, never lost.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tempfile::{NamedTempFile, TempDir};

use super::manifest::Webhook;
use super::site::Site;
use crate::config::USUAL_FILE;
use crate::github::client::Registered;

/// The folder of the key and the secret, beside the settings.
pub const SECRETS: &str = "github-app";

const KEY: &str = "private-key.pem";
const SECRET: &str = "webhook-secret";

/// A place that can be written, and is: proven before there is anything that could be lost.
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    fresh: TempDir,
}

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Written {
    pub settings: PathBuf,
    pub secrets: PathBuf,
}

#[derive(Serialize)]
struct Settings<'a> {
    http: Http<'a>,
    github: [App<'a>; 1],
}

#[derive(Serialize)]
struct Http<'a> {
    public_url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path_prefix: &'a str,
}

#[derive(Serialize)]
struct App<'a> {
    api_url: &'a str,
    app_id: i64,
    private_key_file: String,
    webhook_secret_file: String,
}

impl Folder {
    /// # Errors
    ///
    /// When there are settings or secrets already, unless they are to be replaced, or it cannot be written.
    pub fn prepare(folder: &Path, replace: bool) -> anyhow::Result<Self> {
        for name in [USUAL_FILE, SECRETS] {
            let there = folder.join(name);
            if there.exists() && !replace {
                bail!(
                    "{} is there already: give another --folder, or --force to put it aside",
                    there.display()
                );
            }
        }
        let shown = folder.display();
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {shown}"))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".github-app-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let fresh = builder.tempdir_in(folder);
        Ok(Self {
            folder: folder.to_owned(),
            fresh: fresh.with_context(|| format!("cannot write to {shown}"))?,
        })
    }

    /// # Errors
    ///
    /// As of a disk. The key is in the folder that the error names, unless not even that could be written.
    pub fn write(
        self,
        app: &Registered,
        secret: &SecretString,
        site: &Site,
        webhook: &Webhook,
    ) -> anyhow::Result<Written> {
        let Self { folder, fresh } = self;
        write_secret(&fresh.path().join(KEY), app.pem.expose_secret())?;
        write_secret(&fresh.path().join(SECRET), secret.expose_secret())?;
        let fresh = fresh.keep();
        let secrets = folder.join(SECRETS);
        let settings = folder.join(USUAL_FILE);
        let moved = put_aside(&secrets)
            .and_then(|()| std::fs::rename(&fresh, &secrets))
            .and_then(|()| put_aside(&settings));
        moved.with_context(|| {
            let (fresh, secrets) = (fresh.display(), secrets.display());
            format!("the App's key is in {fresh} or in {secrets}")
        })?;
        let text = toml_of(app, site, webhook)?;
        let written = write_settings(&folder, &settings, &text);
        written.with_context(|| format!("cannot write {}; it is\n{text}", settings.display()))?;
        Ok(Written { settings, secrets })
    }
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// `NAME.old`, or the first of `NAME.old-2`, `NAME.old-3` … that is free.
fn put_aside(path: &Path) -> std::io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let named = |more: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(more);
        PathBuf::from(name)
    };
    let numbered = (2..).map(|number| named(format!(".old-{number}")));
    let mut names = std::iter::once(named(".old".to_owned())).chain(numbered);
    match names.find(|name| !name.exists()) {
        Some(free) => std::fs::rename(path, free),
        None => Ok(()),
    }
}

fn toml_of(app: &Registered, site: &Site, webhook: &Webhook) -> anyhow::Result<String> {
    let settings = Settings {
        http: Http {
            public_url: &webhook.origin,
            path_prefix: &webhook.prefix,
        },
        github: [App {
            api_url: site.api_url.as_str().trim_end_matches('/'),
            app_id: app.id.get(),
            private_key_file: format!("{SECRETS}/{KEY}"),
            webhook_secret_file: format!("{SECRETS}/{SECRET}"),
        }],
    };
    let toml = toml::to_string(&settings)?;
    Ok(format!(
        "# Written by `bindery setup`. `bindery serve`, started in this folder, reads it.\n\n{toml}"
    ))
}

fn write_settings(folder: &Path, path: &Path, text: &str) -> anyhow::Result<()> {
    // Made for this user alone.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags, Sources};
    use crate::github::ids::AppId;

    const PEM: &str = include_str!("../../fixtures/test-app-key.pem");

    fn write(folder: &Path, replace: bool) -> anyhow::Result<Written> {
        let app = Registered {
            id: AppId::new(7).expect("an id"),
            name: "Bindery".to_owned(),
            html_url: "https://github.com/apps/bindery".to_owned(),
            pem: PEM.into(),
            webhook_secret: None,
        };
        let site = Site::of_host("git.example.org").map_err(anyhow::Error::msg)?;
        let webhook: Result<Webhook, String> = "https://b.example/x/webhooks/github".parse();
        let webhook = webhook.map_err(anyhow::Error::msg)?;
        let secret = "a secret of the tests".into();
        Folder::prepare(folder, replace)?.write(&app, &secret, &site, &webhook)
    }

    #[test]
    fn what_is_written_is_found_and_for_its_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let written = write(folder.path(), false).expect("written");
        let sources = Sources::new(Flags::default(), |_| None).in_folder(folder.path());
        let config = Config::load(&sources).expect("good settings");
        let app = &config.github[0];
        assert_eq!(
            (app.app_id.get(), app.host.as_str()),
            (7, "git.example.org")
        );
        assert_eq!(config.http.path_prefix.as_str(), "/x");
        assert_eq!(
            config.http.base_url(config.http.listen),
            "https://b.example/x"
        );
        #[cfg(unix)]
        for (path, expected) in [
            (written.settings, 0o600),
            (written.secrets.join(KEY), 0o600),
            (written.secrets.join(SECRET), 0o600),
            (written.secrets, 0o700),
        ] {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path)
                .expect("it is there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, expected, "{}", path.display());
        }
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "nothing else is left");
    }

    #[test]
    fn what_is_there_is_kept_whatever_is_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), false).expect("written");
        let refused = write(folder.path(), false).expect_err("it is there");
        assert!(refused.to_string().contains("--force"), "{refused}");
        for _ in 0..2 {
            write(folder.path(), true).expect("written");
        }
        for name in ["github-app.old", "github-app.old-2", "bindery.toml.old-2"] {
            assert!(folder.path().join(name).exists(), "{name}");
        }
    }
}
