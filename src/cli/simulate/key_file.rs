use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::app_key;
use crate::github::PrivateKeyPem;

/// The key in the file, or a new one that only this user can read there. A file that holds anything
/// else is left alone.
pub(super) async fn read_or_make(path: &Path) -> anyhow::Result<String> {
    if path.exists() {
        let pem = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        PrivateKeyPem::parse(&pem)
            .with_context(|| format!("{} has no key for an App", path.display()))?;
        return Ok(pem);
    }
    let pem = app_key::generate().await?;
    write(path, &pem).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(pem)
}

fn write(path: &Path, pem: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(pem.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_made_once_and_read_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        let made = read_or_make(&path).await.expect("a key");
        assert_eq!(read_or_make(&path).await.expect("the same key"), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path)
                .expect("a file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn another_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "notes").expect("written");
        assert!(read_or_make(&path).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "notes");
    }
}
