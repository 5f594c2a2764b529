//! API tokens: a public half to find the row by, a secret half that only its salted hash knows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::db::schema::api_tokens;
use crate::db::{Conn, Dialect, Driver, text_enum};
use crate::ids::{OrganizationId, TokenId};

text_enum! {
    /// What a token may do; each role may what those before it may.
    pub enum Role {
        /// Reads.
        Viewer = "viewer",
        /// Also syncs and replays.
        Operator = "operator",
        /// Also writes bindings; without an organisation also tenants, tokens and grants.
        Admin = "admin",
    }
}

/// Begins every token of ours, so that secret scanners and people know it.
const PREFIX: &str = "bndr_";
/// 9 bytes: twelve characters to find the row by.
const LOOKUP_BYTES: usize = 9;
/// 32 bytes cannot be guessed, so a fast keyed hash is enough to store them by.
const SECRET_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// In base64 without padding.
const LOOKUP_CHARACTERS: usize = (LOOKUP_BYTES * 4).div_ceil(3);
const SECRET_CHARACTERS: usize = (SECRET_BYTES * 4).div_ceil(3);

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = api_tokens, check_for_backend(Dialect))]
pub struct Token {
    pub id: TokenId,
    pub label: String,
    /// `None`: for all organisations.
    pub organization_id: Option<OrganizationId>,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub struct NewToken {
    pub label: String,
    pub organization_id: Option<OrganizationId>,
    pub role: Role,
    pub expires_at: Option<DateTime<Utc>>,
}

/// The row, and the token itself: shown this once and kept nowhere.
#[derive(Debug)]
pub struct Created {
    pub token: Token,
    pub secret: SecretString,
}

pub async fn create(new: &NewToken, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Created> {
    let lookup = URL_SAFE_NO_PAD.encode(rand::random::<[u8; LOOKUP_BYTES]>());
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>());
    let salt = rand::random::<[u8; SALT_BYTES]>();
    let row = (
        api_tokens::lookup.eq(&lookup),
        api_tokens::salt.eq(&salt[..]),
        api_tokens::hash.eq(hash(&salt, &secret)),
        api_tokens::label.eq(&new.label),
        api_tokens::organization_id.eq(new.organization_id),
        api_tokens::role.eq(new.role),
        api_tokens::created_at.eq(now),
        api_tokens::expires_at.eq(new.expires_at),
    );
    let token = diesel::insert_into(api_tokens::table)
        .values(row)
        .returning(Token::as_returning())
        .get_result(conn)
        .await?;
    Ok(Created {
        token,
        secret: format!("{PREFIX}{lookup}{secret}").into(),
    })
}

/// A text that may be a token of ours, by its form: nothing else is looked up.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    lookup: &'a str,
    secret: &'a str,
}

impl<'a> Presented<'a> {
    pub(crate) fn of(text: &'a SecretString) -> Option<Self> {
        let rest = text.expose_secret().strip_prefix(PREFIX)?;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if rest.len() != LOOKUP_CHARACTERS + SECRET_CHARACTERS || !rest.bytes().all(is_plain) {
            return None;
        }
        let (lookup, secret) = rest.split_at(LOOKUP_CHARACTERS);
        Some(Self { lookup, secret })
    }
}

/// The token that was presented, if it is one of ours and still good.
pub(crate) async fn authenticate(
    presented: Presented<'_>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Token>> {
    let Presented { lookup, secret } = presented;
    let found: Option<(Token, Vec<u8>, Vec<u8>)> = api_tokens::table
        .filter(api_tokens::lookup.eq(lookup))
        .select((Token::as_select(), api_tokens::salt, api_tokens::hash))
        .first(conn)
        .await
        .optional()?;
    Ok(found.and_then(|(token, salt, stored)| {
        let proven = mac(&salt, secret).verify_slice(&stored).is_ok();
        (proven && token.is_good(now)).then_some(token)
    }))
}

/// When a token was last used, to the minute: not worth a write at every request.
pub async fn touch(token: &Token, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<()> {
    let stale = api_tokens::last_used_at
        .is_null()
        .or(api_tokens::last_used_at
            .lt(now - chrono::TimeDelta::minutes(1))
            .assume_not_null());
    diesel::update(api_tokens::table.find(token.id).filter(stale))
        .set(api_tokens::last_used_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

impl Token {
    fn is_global_admin(&self) -> bool {
        self.organization_id.is_none() && self.role == Role::Admin
    }

    /// Neither revoked nor expired.
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }

    pub fn is_touch_due(&self, now: DateTime<Utc>) -> bool {
        self.last_used_at
            .is_none_or(|at| now - at > chrono::TimeDelta::minutes(1))
    }
}

/// The oldest first; only those of one organisation, when one is given.
pub async fn list(
    organization: Option<OrganizationId>,
    after: Option<TokenId>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Token>> {
    let mut query = api_tokens::table
        .filter(api_tokens::id.gt(after.unwrap_or(TokenId::new(0))))
        .order(api_tokens::id)
        .select(Token::as_select())
        .into_boxed()
        .limit(limit);
    if let Some(organization) = organization {
        query = query.filter(api_tokens::organization_id.eq(organization));
    }
    query.load(conn).await
}

pub async fn find(id: TokenId, conn: &mut Conn) -> QueryResult<Option<Token>> {
    api_tokens::table
        .find(id)
        .select(Token::as_select())
        .first(conn)
        .await
        .optional()
}

/// What came of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    Now,
    /// It was revoked already; nothing was changed.
    Before,
    /// Without it nobody could administer everything; nothing was changed.
    LastAdmin,
}

/// Revokes it for ever. `last_may_go`: somebody else administers everything by other means. Must run in a
/// transaction: of two who revoke the last two admins at once, one is refused.
pub async fn revoke(
    token: &Token,
    last_may_go: bool,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Revoked> {
    if token.is_global_admin() && !last_may_go {
        let admins = lock_global_admins(now, conn).await?;
        if admins == [token.id] {
            return Ok(Revoked::LastAdmin);
        }
    }
    let unrevoked = api_tokens::table
        .find(token.id)
        .filter(api_tokens::revoked_at.is_null());
    let revoked = diesel::update(unrevoked)
        .set(api_tokens::revoked_at.eq(now))
        .execute(conn)
        .await?;
    Ok(match revoked {
        0 => Revoked::Before,
        _ => Revoked::Now,
    })
}

/// Whether anybody can administer everything: without one, the first start makes a token.
pub async fn has_global_admin(now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<bool> {
    let admins: i64 = global_admins(now).count().get_result(conn).await?;
    Ok(admins > 0)
}

/// All of them, in the order in which everybody locks them, until the transaction ends. Who waited for
/// another's lock finds the rows as that other left them.
async fn lock_global_admins(now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Vec<TokenId>> {
    let ids = global_admins(now)
        .order(api_tokens::id)
        .select(api_tokens::id);
    match conn.driver() {
        Driver::Postgres(connection) => ids.for_update().load(connection).await,
        Driver::Sqlite(_) => ids.load(conn).await,
    }
}

/// Those that are accepted at the moment.
#[diesel::dsl::auto_type(no_type_alias)]
fn global_admins(now: DateTime<Utc>) -> _ {
    let admin: &'static str = Role::Admin.as_str();
    let is_good = api_tokens::expires_at
        .is_null()
        .or(api_tokens::expires_at.gt(now));
    api_tokens::table
        .filter(api_tokens::organization_id.is_null())
        .filter(api_tokens::role.eq(admin))
        .filter(api_tokens::revoked_at.is_null())
        .filter(is_good)
}

fn mac(salt: &[u8], secret: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes a key of any length");
    mac.update(secret.as_bytes());
    mac
}

fn hash(salt: &[u8], secret: &str) -> Vec<u8> {
    mac(salt, secret).finalize().into_bytes().to_vec()
}
