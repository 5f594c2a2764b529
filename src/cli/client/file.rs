//! The client's file, `~/.config/bindery/client.toml`: which service is meant, and by which token.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use url::Url;

use super::reach;

/// Without a `Debug`: there may be a token in it.
pub(super) struct ClientFile {
    pub(super) path: PathBuf,
    pub(super) url: Option<String>,
    pub(super) token: Option<String>,
    /// Relative to the file's folder.
    pub(super) token_file: Option<PathBuf>,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    url: Option<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
}

impl ClientFile {
    /// Where it is, if it is anywhere: `$XDG_CONFIG_HOME/bindery/client.toml`, below `~/.config` without.
    pub(super) fn path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let folder = variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(Path::new(&variable("HOME")?).join(".config")))?;
        Some(folder.join("bindery/client.toml"))
    }

    /// `None`: there is none.
    pub(super) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => bail!("{} cannot be read: {error}", path.display()),
        };
        // The parser quotes the line, and a token with it.
        let keys: Keys = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or_default().lines().count().max(1);
            anyhow::anyhow!(
                "{} cannot be understood near line {line}: `url`, `token` and `token_file` are known, each a text in quotes",
                path.display()
            )
        })?;
        if keys.token.is_some() {
            refuse_shared(path)?;
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        Ok(Some(Self {
            token_file: keys.token_file.map(|file| folder.join(file)),
            path: path.to_owned(),
            url: keys.url,
            token: keys.token,
        }))
    }

    /// Whether the file is about this service.
    pub(super) fn is_of(&self, url: &Url) -> bool {
        let own = self.url.as_deref().and_then(|own| reach::parse(own).ok());
        let plain = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        own.is_some_and(|own| plain(&own) == plain(url))
    }
}

#[cfg(unix)]
fn refuse_shared(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata =
        std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    ensure!(
        metadata.permissions().mode() & 0o077 == 0,
        "{0} holds a token, and others may read it: `chmod 600 {0}`, and have the token replaced if it matters",
        path.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
