//! What clients do: tokens in their place and out of it, bad signatures, and every answer that there is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::json;

use super::{ADMIN, Canary, NEW_SECRET};
use crate::support::{Api, SECRET};

impl Canary {
    /// Tokens: made, used well and badly, in the wrong places, and after their end.
    pub(super) async fn use_tokens(&mut self) {
        for role in ["viewer", "operator", "admin"] {
            let body = json!({"label": role, "organization": "acme", "role": role});
            let made = self
                .api
                .send(Method::POST, "/tokens", Some(body), &[])
                .await
                .expect(201)
                .json();
            let token = made["token"]
                .as_str()
                .expect("a token, this once")
                .to_owned();
            self.secrets.add(role, &token);
            self.secrets.add(role, &token["bndr_".len() + 12..]);
            self.misuse(&token).await;
            let api = self.api.with_token(&token);
            assert_eq!(
                self.hear(&api, Method::GET, "/orgs/acme/bindings/site", &[])
                    .await,
                200
            );
            self.hear(&api, Method::GET, "/tokens", &[]).await;
            self.hear(&api, Method::POST, "/orgs/acme/bindings/site/sync", &[])
                .await;
            self.api
                .delete(&format!("/tokens/{}", made["id"]))
                .await
                .expect(204);
            assert_eq!(
                self.hear(&api, Method::GET, "/orgs/acme/bindings/site", &[])
                    .await,
                401
            );
        }
        self.misuse(ADMIN).await;
    }

    async fn misuse(&mut self, token: &str) {
        let nobody = self.api.with_token("nobody");
        let query = utf8_percent_encode(token, NON_ALPHANUMERIC).to_string();
        let basic = format!("Basic {}", STANDARD.encode(format!("user:{token}")));
        let digest = format!("sha256={token}");
        let cookie = format!("session={query}");
        for name in ["token", "access_token"] {
            let path = format!("/orgs?{name}={query}");
            self.hear_quietly(&nobody, Method::GET, &path, &[]).await;
        }
        for headers in [
            ("Authorization", basic.as_str()),
            ("Cookie", &cookie),
            ("X-Api-Key", token),
        ] {
            self.hear(&nobody, Method::GET, "/orgs/acme", &[headers])
                .await;
        }
        for headers in [
            ("X-Hub-Signature-256", digest.as_str()),
            ("X-Hub-Signature", token),
        ] {
            self.hear(&nobody, Method::POST, "/webhooks/github", &[headers])
                .await;
        }
    }

    /// The question itself holds the secret; the answer and the log must not.
    async fn hear_quietly(
        &mut self,
        api: &Api,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) {
        self.hear(api, method, path, headers).await;
        let last = self.told.last_mut().expect("an answer");
        last.0 = "the answer to a token in the query".to_owned();
    }

    pub(super) async fn sign_badly(&mut self) {
        let body = include_str!("../../../fixtures/webhooks/push.json");
        for secret in [SECRET, NEW_SECRET] {
            let headers = [
                ("Content-Type", "application/json"),
                ("X-GitHub-Event", "push"),
                ("X-GitHub-Delivery", "canary-1"),
                ("X-Hub-Signature-256", secret),
            ];
            let client = reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client");
            let mut request = client
                .post(format!("{}/webhooks/github", self.service.base))
                .body(format!("{body}{secret}"));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let answer = Api::answer(request).await.expect(401);
            let said = format!(
                "{:?} {}",
                answer.headers,
                String::from_utf8_lossy(&answer.bytes)
            );
            self.told
                .push(("the answer to a bad signature".into(), said));
        }
    }

    pub(super) async fn read_everything(&mut self) {
        for path in [
            "/livez",
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/docs/",
            "/healing",
            "/explain?binding=/orgs/acme/bindings/site",
            "/explain?delivery=nothing",
            "/orgs",
            "/tokens",
            "/jobs?limit=100",
            "/deliveries?limit=100",
            "/orgs/acme/bindings",
            "/orgs/acme/bindings/site/files",
            "/orgs/acme/bindings/site/effective",
            "/orgs/acme/bindings/site/diff",
            "/nowhere",
            "/jobs/0",
            "/jobs?limit=-1",
            "/jobs?cursor=x",
        ] {
            self.get(path).await;
        }
        for list in ["jobs", "deliveries"] {
            let ids = self
                .api
                .get(&format!("/{list}?limit=100"))
                .await
                .expect(200)
                .json();
            for one in ids.as_array().expect("a list") {
                self.get(&format!("/{list}/{}", one["id"])).await;
            }
        }
    }
}
