//! How secrets and digests are compared: read off the sources, as a clock is too coarse. A comparison that
//! ends at the first wrong byte of 32 ends some nanoseconds earlier, behind an HMAC of some microseconds.

use std::collections::BTreeMap;
use std::path::Path;

/// The sources without their tests, by their paths below `src`.
fn sources(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let name = path.strip_prefix(root).expect("below the root").display();
            found.insert(name.to_string(), code.to_owned());
        }
    }
}

#[test]
fn w62_a_digest_is_compared_by_hmac_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = BTreeMap::new();
    sources(&root, &root, &mut all);
    all.retain(|name, code| code.contains("Hmac") && !name.starts_with("simulator/"));
    let makers: Vec<&str> = all.keys().map(String::as_str).collect();
    let known = [
        "github/signature.rs",
        "routes/auth.rs",
        "session.rs",
        "token.rs",
    ];
    assert_eq!(
        makers, known,
        "another place makes digests: look how it compares them"
    );
    for (name, code) in &all {
        assert!(
            code.contains(".verify_slice("),
            "{name} compares digests otherwise"
        );
        let comparing = code.lines().filter(|line| {
            [" == ", " != ", ".eq(", ".cmp("]
                .iter()
                .any(|way| line.contains(way))
        });
        // The database looks up by the hash of what is random: it is no secret of whoever asks.
        let in_sql = |line: &str| {
            ["api_tokens::", "console_sessions::"]
                .iter()
                .any(|it| line.contains(it))
        };
        for line in comparing.filter(|line| !in_sql(line)) {
            let secrets = [
                "mac",
                "digest",
                "hash",
                "stored",
                "expected",
                "secret",
                "signature",
                "finalize",
                "code(",
            ];
            assert!(
                !secrets.iter().any(|word| line.contains(word)),
                "{name}: {line}"
            );
        }
    }
    let claim = "#[derive(Debug, Clone, Copy)]\npub struct SignatureHeader([u8; 32]);";
    assert!(
        all["github/signature.rs"].contains(claim),
        "a claim that has no `==` is not compared by it"
    );
}
