//! Sessions of the console: somebody has shown a token, and a cookie of their browser stands for it. A
//! session may what its token may, and ends with it; after some hours; or when it is asked to.
//!
//! The cookie holds 32 random bytes, the table their hash alone: who reads the table can sign in as nobody.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::db::Conn;
use crate::db::schema::{api_tokens, console_sessions};
use crate::ids::{SessionId, TokenId};
use crate::token::Token;

/// A working day and a little: who looks at the console every day signs in every day.
pub const LASTS: TimeDelta = TimeDelta::hours(12);

const SECRET_BYTES: usize = 32;

/// What codes under the secret are for: none stands for another.
const FOR_FORMS: &[u8] = b"bindery console: forms";
const FOR_ADMIN: &[u8] = b"bindery console: configured admin";

/// What a session is known by. Never shown but in the cookie.
pub struct SessionSecret([u8; SECRET_BYTES]);

/// Whoever is signed in.
#[derive(Debug)]
pub enum Holder {
    Token(Token),
    /// Whoever has the token of the configuration.
    ConfiguredAdmin,
}

impl SessionSecret {
    fn random() -> Self {
        Self(rand::random())
    }

    /// As it is in the cookie.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// `None`: no session was ever known by this.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// What the session's own forms carry: who can only make a browser send a form does not know it.
    pub fn form_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(FOR_FORMS).finalize().into_bytes())
    }

    pub fn is_form_key(&self, text: &str) -> bool {
        let code = URL_SAFE_NO_PAD.decode(text);
        code.is_ok_and(|code| self.mac(FOR_FORMS).verify_slice(&code).is_ok())
    }

    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }

    fn mac(&self, what: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(what);
        mac
    }

    /// Which token the configuration had, for who has the secret alone.
    fn admin_mac(&self, token: &SecretString) -> Hmac<Sha256> {
        let mut mac = self.mac(FOR_ADMIN);
        mac.update(token.expose_secret().as_bytes());
        mac
    }
}

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

/// What a new session is of.
#[derive(Debug, Clone, Copy)]
pub enum SignIn<'a> {
    Token(TokenId),
    ConfiguredAdmin(&'a SecretString),
}

pub async fn create(
    with: SignIn<'_>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<SessionSecret> {
    let secret = SessionSecret::random();
    let (token, mark) = match with {
        SignIn::Token(id) => (Some(id), None),
        SignIn::ConfiguredAdmin(token) => {
            let mark = secret.admin_mac(token).finalize().into_bytes().to_vec();
            (None, Some(mark))
        }
    };
    let row = (
        console_sessions::hash.eq(secret.hash()),
        console_sessions::token_id.eq(token),
        console_sessions::admin_mark.eq(mark),
        console_sessions::created_at.eq(now),
        console_sessions::expires_at.eq(now + LASTS),
    );
    diesel::insert_into(console_sessions::table)
        .values(row)
        .execute(conn)
        .await?;
    Ok(secret)
}

/// Who is signed in, if the session has not ended and what it was begun with is still good.
pub async fn holder(
    secret: &SessionSecret,
    configured: Option<&SecretString>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Holder>> {
    let found: Option<(Option<Token>, Option<Vec<u8>>)> = console_sessions::table
        .left_join(api_tokens::table)
        .filter(console_sessions::hash.eq(secret.hash()))
        .filter(console_sessions::expires_at.gt(now))
        .select((Option::<Token>::as_select(), console_sessions::admin_mark))
        .first(conn)
        .await
        .optional()?;
    Ok(found.and_then(|(token, mark)| match (token, mark) {
        (Some(token), _) => token.is_good(now).then_some(Holder::Token(token)),
        (None, mark) => {
            let is_same = secret.admin_mac(configured?).verify_slice(&mark?).is_ok();
            is_same.then_some(Holder::ConfiguredAdmin)
        }
    }))
}

/// `false` when there was none any more.
pub async fn end(secret: &SessionSecret, conn: &mut Conn) -> QueryResult<bool> {
    let ended = console_sessions::table.filter(console_sessions::hash.eq(secret.hash()));
    Ok(diesel::delete(ended).execute(conn).await? > 0)
}

/// Deletes some that ended before `before`; fewer than `limit` means: all of them.
pub async fn prune(before: DateTime<Utc>, limit: i64, conn: &mut Conn) -> QueryResult<usize> {
    let old: Vec<SessionId> = console_sessions::table
        .filter(console_sessions::expires_at.lt(before))
        .order(console_sessions::expires_at)
        .select(console_sessions::id)
        .limit(limit)
        .load(conn)
        .await?;
    diesel::delete(console_sessions::table.filter(console_sessions::id.eq_any(old)))
        .execute(conn)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_was_written_and_nothing_else_is_one() {
        let secret = SessionSecret::random();
        let read = SessionSecret::read(&secret.text()).expect("a secret");
        assert_eq!(read.hash(), secret.hash());
        for bad in ["", "x", &secret.text()[1..], &format!("{}A", secret.text())] {
            assert!(SessionSecret::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_form_key_is_of_one_session_and_does_not_tell_it() {
        let (one, other) = (SessionSecret::random(), SessionSecret::random());
        assert!(one.is_form_key(&one.form_key()));
        for bad in [&other.form_key(), &one.text(), "", "%"] {
            assert!(!one.is_form_key(bad), "{bad}");
        }
        assert!(!format!("{one:?}").contains(&one.text()));
    }

    #[test]
    fn a_session_of_the_configured_token_is_of_that_token() {
        let secret = SessionSecret::random();
        let mark = secret.admin_mac(&"one".into()).finalize().into_bytes();
        assert!(secret.admin_mac(&"one".into()).verify_slice(&mark).is_ok());
        assert!(secret.admin_mac(&"two".into()).verify_slice(&mark).is_err());
    }
}
