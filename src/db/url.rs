//! Where the database is: `postgres://…`, or a SQLite file.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// A parsed `DATABASE_URL`.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// May hold a password.
    Postgres(SecretString),
    Sqlite(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("it is empty: give postgres://user@host/database or sqlite://path/to/file.db")]
    Empty,
    #[error("{0}:// is not supported: give postgres://… or sqlite://…")]
    Scheme(String),
    /// Says nothing of the text: there may be a password in it.
    #[error(
        "it is neither a URL nor a path: give postgres://user:password@host/database or sqlite://path/to/file.db"
    )]
    Neither,
    #[error(
        "an in-memory database would lose what was acknowledged: give a file, sqlite://path/to/file.db"
    )]
    InMemory,
}

impl DatabaseUrl {
    /// `postgres://…` and `postgresql://…`; `sqlite:path`, `sqlite://relative`, `sqlite:///absolute`,
    /// or a bare path.
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.into()));
        }
        let path = match text.split_once(':') {
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some((scheme, rest)) if rest.starts_with("//") && is_scheme(scheme) => {
                return Err(DatabaseUrlError::Scheme(scheme.to_owned()));
            }
            // A slash was forgotten, or it is libpq's `host=… password=…`: no file's name, and not to be shown.
            Some(("postgres" | "postgresql", _)) => return Err(DatabaseUrlError::Neither),
            _ if text.contains("password=") || text.contains('@') || text.contains("://") => {
                return Err(DatabaseUrlError::Neither);
            }
            _ => text,
        };
        match path {
            "" => Err(DatabaseUrlError::Empty),
            ":memory:" => Err(DatabaseUrlError::InMemory),
            path => Ok(Self::Sqlite(Path::new(path).to_owned())),
        }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// What must not be seen of it.
    pub fn password(&self) -> Option<SecretString> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(url) => {
                let url = url::Url::parse(url.expose_secret()).ok()?;
                url.password().map(Into::into)
            }
        }
    }

    /// For people and logs: without the password.
    pub fn redacted(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => match url::Url::parse(url.expose_secret()) {
                Ok(mut url) => {
                    if url.password().is_some() {
                        // Fails only for URLs that can have no password.
                        let _ = url.set_password(Some("***"));
                    }
                    url.set_query(None);
                    url.to_string()
                }
                Err(_) => "postgres://***".to_owned(),
            },
        }
    }
}

/// As short and plain as one is (RFC 3986): whatever else it is, it is not repeated.
fn is_scheme(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    (1..=16).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_path_is_relative_unless_it_begins_with_a_slash() {
        let cases = [
            ("sqlite://bindery.db", "bindery.db"),
            ("sqlite:bindery.db", "bindery.db"),
            ("sqlite:///var/lib/b.db", "/var/lib/b.db"),
            ("data/b.db", "data/b.db"),
            ("/b.db", "/b.db"),
        ];
        for (text, path) in cases {
            match DatabaseUrl::parse(text) {
                Ok(DatabaseUrl::Sqlite(parsed)) => assert_eq!(parsed, Path::new(path), "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn says_what_to_give_instead() {
        assert_eq!(
            DatabaseUrl::parse("sqlite://").unwrap_err(),
            DatabaseUrlError::Empty
        );
        assert_eq!(
            DatabaseUrl::parse("sqlite::memory:").unwrap_err(),
            DatabaseUrlError::InMemory
        );
        assert_eq!(
            DatabaseUrl::parse("mysql://h/d").unwrap_err(),
            DatabaseUrlError::Scheme("mysql".into())
        );
    }

    #[test]
    fn a_password_is_no_part_of_a_path() {
        for text in [
            "postgres:ann:pa55word@db/b",
            "postgresql:/ann:pa55word@db/b",
            "ann:pa55word@db/b",
            "host=db user=ann password=pa55word",
            "a pa55word\u{85}://db",
        ] {
            let error = DatabaseUrl::parse(text).expect_err(text);
            assert_eq!(error, DatabaseUrlError::Neither);
            assert!(!error.to_string().contains("pa55word"));
        }
    }

    #[test]
    fn never_shows_a_password() {
        let url =
            DatabaseUrl::parse("postgres://ann:pa55word@db/b?sslmode=require&password=pa55word")
                .expect("a PostgreSQL URL");
        assert_eq!(url.redacted(), "postgres://ann:***@db/b");
        assert!(!format!("{url:?}").contains("pa55word"));
    }
}
