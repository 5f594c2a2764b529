//! The files under `deploy`, held against the schemas of who reads them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema(name: &str) -> Value {
    let text = std::fs::read(root().join("fixtures/schemas").join(name)).expect("a schema");
    serde_json::from_slice(&text).expect("a schema in JSON")
}

fn manifest(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a manifest");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn wrongs(schema: &Value, instance: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a good schema");
    let errors = validator.iter_errors(instance);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The manifests that Kubernetes itself reads.
fn kubernetes() -> Vec<(PathBuf, Value)> {
    let folder = std::fs::read_dir(root().join("deploy/kubernetes")).expect("the manifests");
    let paths = folder.map(|entry| entry.expect("a file").path());
    let all = paths.map(|path| (path.clone(), manifest(&path)));
    let mut all: Vec<_> = all
        .filter(|(_, it)| it["kind"] != "Kustomization")
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

fn kind_of(manifest: &Value) -> &'static str {
    match (manifest["apiVersion"].as_str(), manifest["kind"].as_str()) {
        (Some("apps/v1"), Some("Deployment")) => "io.k8s.api.apps.v1.Deployment",
        (Some("batch/v1"), Some("Job")) => "io.k8s.api.batch.v1.Job",
        (Some("networking.k8s.io/v1"), Some("Ingress")) => "io.k8s.api.networking.v1.Ingress",
        (Some("policy/v1"), Some("PodDisruptionBudget")) => {
            "io.k8s.api.policy.v1.PodDisruptionBudget"
        }
        (Some("v1"), Some("Secret")) => "io.k8s.api.core.v1.Secret",
        (Some("v1"), Some("Service")) => "io.k8s.api.core.v1.Service",
        other => panic!("no schema of {other:?}: add it to fixtures/schemas"),
    }
}

fn kubernetes_wrongs(manifest: &Value) -> Vec<String> {
    let mut schema = schema("kubernetes-1.34.json");
    schema["$ref"] = json!(format!("#/$defs/{}", kind_of(manifest)));
    wrongs(&schema, manifest)
}

#[test]
fn kubernetes_reads_each_manifest_and_knows_every_word_of_it() {
    let all = kubernetes();
    assert!(all.len() >= 6, "{}", all.len());
    for (path, manifest) in all {
        assert_eq!(kubernetes_wrongs(&manifest), [""; 0], "{}", path.display());
    }
}

#[test]
fn a_misspelt_word_is_seen() {
    let mut deployment = manifest(&root().join("deploy/kubernetes/deployment.yaml"));
    deployment["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = json!({});
    assert_eq!(kubernetes_wrongs(&deployment).len(), 1);
    let mut compose = manifest(&root().join("deploy/compose.yaml"));
    compose["services"]["bindery"]["read_onyl"] = json!(true);
    assert!(!wrongs(&schema("compose.json"), &compose).is_empty());
}

/// What a kustomization lists is there, and everything is of one version.
#[test]
fn the_kustomization_lists_what_is_there() {
    let folder = root().join("deploy/kubernetes");
    let kustomization = manifest(&folder.join("kustomization.yaml"));
    let listed = kustomization["resources"].as_array().expect("resources");
    assert!(listed.len() >= 4);
    for name in listed {
        let path = folder.join(name.as_str().expect("a path"));
        assert!(path.is_file(), "{}", path.display());
    }
    let image = format!("bindery:{}", env!("CARGO_PKG_VERSION"));
    let mut images = 0;
    for (path, manifest) in kubernetes() {
        let containers = manifest["spec"]["template"]["spec"]["containers"].clone();
        for container in containers.as_array().into_iter().flatten() {
            assert_eq!(container["image"], image, "{}", path.display());
            images += 1;
        }
    }
    assert_eq!(images, 2, "the service and its migration");
}

#[test]
fn compose_reads_its_file() {
    let compose = manifest(&root().join("deploy/compose.yaml"));
    assert_eq!(wrongs(&schema("compose.json"), &compose), [""; 0]);
}

/// Where systemd is: the unit with the program at a place where it is here.
#[test]
#[expect(
    clippy::print_stderr,
    reason = "whoever reads the log knows that it was not looked at"
)]
fn systemd_reads_its_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bindery.service");
    let unit = std::fs::read_to_string(root().join("deploy/bindery.service")).expect("the unit");
    let here = unit.replace("/usr/local/bin/bindery", env!("CARGO_BIN_EXE_bindery"));
    assert_ne!(unit, here, "the unit names its program");
    std::fs::write(&path, here).expect("a copy");
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output();
    let Ok(verified) = verified else {
        eprintln!("not looked at: there is no systemd-analyze here");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let of_ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("bindery"))
        .collect();
    assert!(of_ours.is_empty() && verified.status.success(), "{said}");
}
