use std::fs;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::git::{GitRef, Oid};
use crate::github::RepositoryName;
use crate::github::ids::{AppId, InstallationId, OwnerId, RepositoryId};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/webhooks/{name}.json"));
    fs::read_to_string(path).expect(name)
}

fn push(payload: &Value) -> Result<Push, UnusablePayload> {
    match Event::parse("push", payload.to_string().as_bytes())? {
        Event::Push(push) => Ok(push),
        other => panic!("{other:?}"),
    }
}

fn push_fixture() -> Value {
    serde_json::from_str(&fixture("push")).expect("JSON")
}

fn event_of(file: &str) -> &'static str {
    const EVENTS: [&str; 9] = [
        "push",
        "ping",
        // Before `installation`, of which they are no actions.
        "installation_repositories",
        "installation_target",
        "installation",
        "organization",
        "repository",
        "create",
        "delete",
    ];
    let of = |event: &&str| file.starts_with(*event);
    EVENTS.into_iter().find(of).expect(file)
}

#[test]
fn every_fixture_is_an_event() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/webhooks");
    let files = fs::read_dir(folder).expect("the fixtures");
    let mut read = 0;
    for file in files {
        let name = file.expect("a file").file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
        let name = name.expect("a JSON file");
        let event = event_of(name);
        let body = fixture(name);
        match Event::parse(event, body.as_bytes()).expect(name) {
            Event::Push(_) => assert_eq!(event, "push"),
            Event::Ping(_) => assert_eq!(event, "ping"),
            Event::RefChange(_) => assert!(["create", "delete"].contains(&event)),
            Event::Repository(_) => assert_eq!(event, "repository"),
            Event::Account(_) => assert!(["organization", "installation_target"].contains(&event)),
            Event::Installation(_) => assert_eq!(event, "installation"),
            Event::InstallationRepositories(_) => assert_eq!(event, "installation_repositories"),
            Event::Other { .. } => panic!("{name} is used"),
        }
        let has_installation = body.contains(r#""installation": {"#);
        let envelope = Envelope::parse(body.as_bytes());
        assert_eq!(
            envelope.installation_id.is_some(),
            has_installation,
            "{name}"
        );
        read += 1;
    }
    assert!(read >= 20, "{read} fixtures");
}

#[test]
fn a_push_says_what_moved_where() {
    let push = push(&push_fixture()).expect("a real push");
    assert_eq!(push.git_ref, "refs/heads/main");
    assert_eq!(push.parsed_ref, Some(GitRef::Branch("main".into())));
    assert_eq!(
        push.after.to_string(),
        "e83c5163316f89bfbde7d9ab23ca2e25604af290"
    );
    assert_eq!(push.repository.id.get(), 731_904_412);
    assert_eq!(
        push.repository.name,
        RepositoryName::new("harbour-works", "handbook")
    );
    assert_eq!(push.repository.owner_id.map(OwnerId::get), Some(58_120_033));
    assert_eq!(push.repository.default_branch.as_deref(), Some("main"));
    assert_eq!(
        push.installation_id.map(InstallationId::get),
        Some(40_771_206)
    );
    let commits = push.commits.as_deref().unwrap_or_default();
    assert_eq!(commits[1].removed, ["template/old name.md"]);
    assert!(!push.is_deletion() && !push.created && !push.forced);
}

#[test]
fn e16_e17_a_branch_goes_and_a_tag_comes() {
    let parse = |name: &str| push(&serde_json::from_str(&fixture(name)).expect("JSON"));
    let deleted = parse("push_branch_deleted").expect("a real push");
    assert!(deleted.is_deletion() && deleted.after == Oid::ZERO);
    let tag = parse("push_tag_created").expect("a real push");
    assert!(tag.created && tag.before.is_zero());
    assert_eq!(tag.parsed_ref, Some(GitRef::Tag("v1.4.0".into())));
}

#[test]
fn e32_what_is_not_used_may_be_missing_new_or_of_any_type() {
    let mut payload = push_fixture();
    for missing in [
        "sender",
        "organization",
        "head_commit",
        "pusher",
        "installation",
        "commits",
    ] {
        payload.as_object_mut().expect("an object").remove(missing);
    }
    for flag in ["created", "deleted", "forced"] {
        payload.as_object_mut().expect("an object").remove(flag);
    }
    payload["repository"]["created_at"] = json!("2024-02-11T09:30:12Z");
    payload["repository"]["clone_url"] = json!({});
    payload["repository"]["owner"]["type"] = json!(7);
    payload["compare"] = json!([[[]]]);
    payload["brand_new"] = json!({ "ref": 5 });
    let push = push(&payload).expect("all that is used is there");
    assert!(push.commits.is_none() && push.installation_id.is_none());
    assert!(!push.created && !push.deleted && !push.forced);
}

#[rstest]
#[case::both(json!({"id": 1, "login": "a", "name": "b"}), Some("a"))]
#[case::login(json!({"id": 1, "login": "a"}), Some("a"))]
#[case::name(json!({"name": "b"}), Some("b"))]
#[case::neither(json!({"id": 1}), None)]
fn an_owner_is_called_by_login_or_name(#[case] owner: Value, #[case] called: Option<&str>) {
    let mut payload = push_fixture();
    payload["repository"]["owner"] = owner;
    let owner = push(&payload).map(|push| push.repository.name.owner);
    assert_eq!(owner.ok().as_deref(), called);
}

#[rstest]
#[case("ref", json!(5))]
#[case("ref", Value::Null)]
#[case("ref", json!("refs/heads/a\u{0}b"))]
#[case("ref", json!("x".repeat(65_536)))]
#[case("before", json!("main"))]
#[case("after", Value::Null)]
#[case("after", json!("E83C5163316F89BFBDE7D9AB23CA2E25604AF290"))]
#[case("deleted", json!("false"))]
#[case("repository", json!([]))]
#[case("repository", Value::Null)]
#[case("repository.id", json!("731904412"))]
#[case("repository.id", json!(-1))]
#[case("repository.id", json!(true))]
#[case("repository.id", json!(1.5))]
#[case("repository.name", json!("a\r\nb"))]
#[case("repository.owner", json!("harbour-works"))]
#[case("repository.owner.id", json!({}))]
#[case("repository.owner.login", json!("\u{1b}[31m"))]
#[case("repository.default_branch", json!(1))]
#[case("installation", json!("1"))]
#[case("installation.id", json!("1"))]
#[case("commits", json!({}))]
#[case("commits[0].added", json!("README.md"))]
fn w41_a_field_of_the_wrong_type_is_named(#[case] field: &str, #[case] value: Value) {
    let mut payload = push_fixture();
    let pointer = format!("/{}", field.replace('.', "/").replace("[0]", "/0"));
    *payload
        .pointer_mut(&pointer)
        .expect("a field of the fixture") = value;
    let unusable = push(&payload).expect_err(field);
    assert_eq!(unusable.field, field);
    assert!(unusable.reason.len() < 1_000, "capped");
    assert!(!unusable.to_string().chars().any(char::is_control));
}

#[rstest]
#[case::empty("")]
#[case::cut(r#"{"ref":"refs/heads/main","#)]
#[case::two(r"{} {}")]
#[case::array("[]")]
#[case::text(r#""x""#)]
#[case::null("null")]
fn w39_what_is_no_object_is_unusable(#[case] body: &str) {
    for event in ["push", "ping", "installation", "foo_bar"] {
        assert!(Event::parse(event, body.as_bytes()).is_err(), "{event}");
    }
    assert_eq!(Envelope::parse(body.as_bytes()), Envelope::default());
}

#[test]
fn w40_no_depth_overflows_the_stack() {
    let deep = "[".repeat(100_000);
    let closed = format!("{deep}{}", "]".repeat(100_000));
    for body in [
        deep.clone(),
        closed.clone(),
        format!(r#"{{"ref":{closed}}}"#),
        format!(r#"{{"unused":{closed}}}"#),
        format!(r#"{{"repository":{deep}"#),
    ] {
        for event in ["push", "ping", "installation"] {
            // Either verdict will do: it must come back.
            let _ = Event::parse(event, body.as_bytes());
        }
        Envelope::parse(body.as_bytes());
    }
}

#[test]
fn w44_text_that_is_no_unicode_is_unusable() {
    assert!(Event::parse("push", br#"{"ref":"\ud800"}"#).is_err());
    assert!(Event::parse("push", b"{\"ref\":\"\xff\"}").is_err());
    let body = br#"{"action":"\ud800","installation":{"id":7}}"#;
    let envelope = Envelope::parse(body);
    assert_eq!(envelope.action, None);
    assert_eq!(envelope.installation_id.map(InstallationId::get), Some(7));
}

#[test]
fn w37_an_unknown_event_is_kept_by_its_name() {
    let event = Event::parse("foo_bar", br#"{"action":"quxed"}"#).expect("an object");
    let Event::Other { event, action } = event else {
        panic!("{event:?}");
    };
    assert_eq!(
        (event.as_str(), action.as_deref()),
        ("foo_bar", Some("quxed"))
    );
}

#[test]
fn w52_a_ping_says_whose_hook_it_is() {
    let parse = |body: &str| match Event::parse("ping", body.as_bytes()) {
        Ok(Event::Ping(ping)) => ping,
        other => panic!("{other:?}"),
    };
    let ours = parse(&fixture("ping"));
    assert_eq!(ours.hook_id, Some(501_773_311));
    assert_eq!(ours.app_id.map(AppId::get), Some(991_207));
    assert_eq!(parse(&fixture("ping_repository_hook")).app_id, None);
    let odd = parse(r#"{"hook_id":"1","hook":[],"zen":{}}"#);
    assert_eq!((odd.hook_id, odd.app_id, odd.zen), (None, None, None));
}

#[test]
fn an_envelope_takes_what_it_can() {
    let body = fixture("repository_renamed");
    let envelope = Envelope::parse(body.as_bytes());
    assert_eq!(envelope.action.as_deref(), Some("renamed"));
    assert_eq!(
        envelope.repository_id.map(RepositoryId::get),
        Some(731_904_412)
    );
    assert_eq!(
        envelope.repository_name,
        Some(RepositoryName::new("harbour-works", "handbook"))
    );
    for odd in [
        r#"{"action":5,"repository":[],"installation":"1"}"#,
        r#"{"action":null,"repository":{"id":"1","full_name":"a"},"installation":{"id":0}}"#,
        r#"{"action":"a\u0000b","repository":{"full_name":"a/b/c"},"installation":null}"#,
    ] {
        assert_eq!(
            Envelope::parse(odd.as_bytes()),
            Envelope::default(),
            "{odd}"
        );
    }
}

mod fuzz {
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-z_]{1,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    const USED: [&str; 9] = [
        "ref",
        "before",
        "after",
        "created",
        "deleted",
        "forced",
        "repository",
        "installation",
        "commits",
    ];

    proptest! {
        #[test]
        fn any_value_anywhere_is_read_or_refused(index in 0..19_usize, value in any_json()) {
            let mut payload = push_fixture();
            let fields: Vec<String> = payload.as_object().expect("an object").keys().cloned().collect();
            let field = &fields[index % fields.len()];
            payload[field] = value;
            let parsed = push(&payload);
            prop_assert!(parsed.is_ok() || USED.contains(&field.as_str()), "{field}: {parsed:?}");
            Envelope::parse(payload.to_string().as_bytes());
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let is_object = serde_json::from_slice::<serde_json::Map<String, Value>>(&body).is_ok();
            prop_assert_eq!(Event::parse("other", &body).is_ok(), is_object);
            prop_assert!(Event::parse("push", &body).is_err());
        }
    }
}
