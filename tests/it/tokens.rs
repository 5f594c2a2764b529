//! Tokens, where nobody else administers the service: the last admin stays.

use std::time::Duration;

use bindery::clock::Clock;
use bindery::context::Context;
use bindery::db::DatabaseUrl;
use bindery::ids::TokenId;
use bindery::serve::Http;
use bindery::token::{self, NewToken, Revoked, Role, Token};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection as _;
use secrecy::ExposeSecret as _;
use tokio::sync::oneshot;

use crate::support::{Api, Engine, TestDatabase, begin, config, stories};

/// A service without a configured admin.
struct Alone {
    context: Context,
    http: Http,
    database: TestDatabase,
}

impl Alone {
    async fn on(engine: Engine) -> Self {
        let database = TestDatabase::create(engine).await;
        let mut config = config(&database.url, "http://127.0.0.1:9", &[]);
        config.access.admin_token = None;
        let context = Context::open(config, Clock::manual(begin()))
            .await
            .expect("a database");
        let http = Http::start(&context).await.expect("a server");
        Self {
            context,
            http,
            database,
        }
    }

    async fn admin(&self, expires_at: Option<DateTime<Utc>>) -> (Token, Api) {
        self.token(Role::Admin, expires_at).await
    }

    async fn token(&self, role: Role, expires_at: Option<DateTime<Utc>>) -> (Token, Api) {
        let new = NewToken {
            label: "x".to_owned(),
            organization_id: None,
            role,
            expires_at,
        };
        let mut conn = self.context.db.write().await.unwrap();
        let made = token::create(&new, self.context.clock.now(), &mut conn)
            .await
            .unwrap();
        let api = Api::new(&self.http.base_url, made.secret.expose_secret());
        (made.token, api)
    }

    async fn find(&self, id: TokenId) -> Token {
        let mut conn = self.context.db.read().await.unwrap();
        token::find(id, &mut conn).await.unwrap().unwrap()
    }

    async fn end(self) {
        self.http.stop().await.expect("it stops");
        drop(self.context);
        self.database.drop().await;
    }
}

fn path(token: &Token) -> String {
    format!("/tokens/{}", token.id)
}

stories! {
    async fn the_last_admin_is_not_revoked_and_is_told_what_to_do(world: Alone) {
        let (own, admin) = world.admin(None).await;
        world.token(Role::Operator, None).await;
        let soon = world.context.clock.now() + Duration::from_secs(60);
        let (brief, _) = world.admin(Some(soon)).await;
        let (gone, _) = world.admin(None).await;
        admin.delete(&path(&gone)).await.expect(204);
        world.context.clock.advance(Duration::from_secs(60));
        let refused = admin.delete(&path(&own)).await.expect(409).json();
        assert_eq!(refused["type"], "/problems/last-admin");
        assert!(refused["detail"].as_str().unwrap().contains("BINDERY_ADMIN_TOKEN"), "{refused}");
        admin.delete(&path(&brief)).await.expect(204);
        admin.delete(&path(&gone)).await.expect(204);
        let (_, other) = world.admin(None).await;
        other.delete(&path(&own)).await.expect(204);
        admin.get("/orgs").await.expect(401);
        world.end().await;
    }

    async fn an_admin_that_has_not_expired_yet_counts(world: Alone) {
        let (own, admin) = world.admin(None).await;
        let soon = world.context.clock.now() + Duration::from_secs(60);
        let (_, brief) = world.admin(Some(soon)).await;
        admin.delete(&path(&own)).await.expect(204);
        brief.get("/orgs").await.expect(200);
        world.end().await;
    }

    async fn of_two_who_revoke_the_last_two_admins_at_once_one_is_refused(world: Alone) {
        let ((one, _), (other, _)) = (world.admin(None).await, world.admin(None).await);
        let now = world.context.clock.now();
        let (begun, has_begun) = oneshot::channel();
        let db = world.context.db.clone();
        let later = tokio::spawn(async move {
            has_begun.await.unwrap();
            let mut conn = db.write().await.unwrap();
            conn.transaction(async |conn| token::revoke(&other, false, now, conn).await).await
        });
        let mut conn = world.context.db.write().await.unwrap();
        let first = conn.transaction(async |conn| {
            let revoked = token::revoke(&one, false, now, conn).await?;
            begun.send(()).unwrap();
            let waits = until_it_waits(&world.context);
            tokio::time::timeout(Duration::from_secs(10), waits).await.expect("the other waits for a lock");
            Ok::<_, diesel::result::Error>(revoked)
        });
        assert_eq!(first.await.unwrap(), Revoked::Now);
        drop(conn);
        assert_eq!(later.await.unwrap().unwrap(), Revoked::LastAdmin);
        world.end().await;
    }

    async fn a_revocation_is_made_once(world: Alone) {
        let ((one, _), _) = (world.admin(None).await, world.admin(None).await);
        let now = world.context.clock.now();
        let mut conn = world.context.db.write().await.unwrap();
        for expected in [Revoked::Now, Revoked::Before] {
            assert_eq!(token::revoke(&one, false, now, &mut conn).await.unwrap(), expected);
        }
        drop(conn);
        assert_eq!(world.find(one.id).await.revoked_at, Some(now));
        world.end().await;
    }

    async fn when_a_token_was_used_last_is_shown_to_the_minute(world: Alone) {
        let (own, admin) = world.admin(None).await;
        let begun = world.context.clock.now();
        assert_eq!(world.find(own.id).await.last_used_at, None);
        for (advance, expected) in [(0, 0), (50, 0), (20, 70)] {
            world.context.clock.advance(Duration::from_secs(advance));
            admin.get("/orgs").await.expect(200);
            let expected = begun + Duration::from_secs(expected);
            let noted = async {
                while world.find(own.id).await.last_used_at != Some(expected) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), noted).await.expect("it is noted beside the request");
        }
        world.end().await;
    }
}

/// On SQLite the other waits for the one writer, wherever it is by now.
async fn until_it_waits(context: &Context) {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;
    if let DatabaseUrl::Sqlite(_) = context.config.database.settings().url {
        return;
    }
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let waiting = "SELECT count(*) AS count FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut conn = context.db.read().await.unwrap();
    while diesel::sql_query(waiting)
        .get_result::<Count>(&mut conn)
        .await
        .unwrap()
        .count
        == 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
