//! What a shell and a manual need.

use std::process::Stdio;

use super::{bindery, ran};

#[tokio::test]
async fn a_shell_completes_what_there_is() {
    for shell in ["bash", "zsh", "fish"] {
        let script = ran(bindery(&["completion", shell])).await.expect(0);
        for command in ["simulate-push", "unbind"] {
            script.says(command);
        }
    }
    let script = ran(bindery(&["completion", "bash"])).await.expect(0).out;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bindery.bash");
    std::fs::write(&file, script).expect("a file");
    let mut bash = tokio::process::Command::new("bash");
    let read = bash
        .arg("-n")
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .await;
    let read = read.expect("bash");
    assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
}

#[tokio::test]
async fn every_command_has_a_page_of_the_manual() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    ran(bindery(&["man", "--folder", &path])).await.expect(0);
    for page in ["bindery.1", "bindery-sync.1", "bindery-tokens-create.1"] {
        let page = std::fs::read_to_string(folder.path().join(page)).expect(page);
        assert!(page.contains(".TH"), "{page}");
    }
    ran(bindery(&["man", "tokens", "create"]))
        .await
        .expect(0)
        .says("standard output");
    ran(bindery(&["man", "nothing"]))
        .await
        .expect(1)
        .says("there is no command nothing");
}
