//! The key file of a data directory: `keys.json`, replaced whole, readable by its owner only.

use super::ring::limiter_of;
use super::{KeyEntry, KeyKind, KeyRing, hash_key};
use crate::error::{Error, Result};
use crate::hex;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The newest format that this version writes and reads.
const FORMAT: u32 = 1;

/// The key file of one data directory.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

/// A key just made. Shown once: only its hash is kept.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub id: String,
    pub kind: KeyKind,
    pub key: String,
    /// Signs user tokens for this key; public keys only.
    pub signing_secret: Option<String>,
}

/// What a listing shows of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyInfo {
    pub id: String,
    pub kind: KeyKind,
    pub label: String,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FileBody {
    format: u32,
    keys: Vec<StoredKey>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredKey {
    id: String,
    kind: KeyKind,
    label: String,
    sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signing_secret: Option<String>,
    created_at_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at_us: Option<i64>,
}

impl KeyFile {
    /// The key file of a data directory; it need not exist yet.
    pub fn in_dir(data_dir: &Path) -> KeyFile {
        KeyFile { path: data_dir.join("keys.json") }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a key and stores its hash.
    pub fn create(&self, kind: KeyKind, label: &str, now: Timestamp) -> Result<NewKey> {
        let new = NewKey {
            id: format!("k_{}", random_text::<6>()?),
            kind,
            key: format!("{}{}", kind.prefix(), random_text::<32>()?),
            signing_secret: match kind {
                KeyKind::Public => Some(format!("alss_{}", random_text::<32>()?)),
                KeyKind::Secret => None,
            },
        };
        let stored = StoredKey {
            id: new.id.clone(),
            kind,
            label: label.to_owned(),
            sha256: hex::encode(&hash_key(&new.key)),
            signing_secret: new.signing_secret.clone(),
            created_at_us: now.0,
            revoked_at_us: None,
        };
        self.change(|body| {
            body.keys.push(stored);
            Ok(())
        })?;
        Ok(new)
    }

    pub fn list(&self) -> Result<Vec<KeyInfo>> {
        let info = |key: &StoredKey| KeyInfo {
            id: key.id.clone(),
            kind: key.kind,
            label: key.label.clone(),
            created_at: Timestamp(key.created_at_us),
            revoked_at: key.revoked_at_us.map(Timestamp),
        };
        Ok(self.read()?.keys.iter().map(info).collect())
    }

    /// Makes a key invalid for ever; a running server follows within seconds.
    pub fn revoke(&self, id: &str, now: Timestamp) -> Result<()> {
        self.change(|body| {
            let key = body.keys.iter_mut().find(|key| key.id == id);
            let key = key.ok_or_else(|| Error::NoSuchKey { id: id.to_owned() })?;
            key.revoked_at_us.get_or_insert(now.0);
            Ok(())
        })
    }

    /// The valid keys, for the server.
    pub fn load(&self, per_second: NonZeroU32) -> Result<KeyRing> {
        let body = self.read()?;
        let mut entries = Vec::new();
        for key in body.keys.iter().filter(|key| key.revoked_at_us.is_none()) {
            entries.push(Arc::new(KeyEntry {
                id: key.id.clone(),
                kind: key.kind,
                hash: hex::decode(&key.sha256)
                    .ok_or_else(|| self.corrupt(format!("key {} has no SHA-256", key.id)))?,
                signing_secret: key.signing_secret.clone(),
                limiter: limiter_of(per_second),
            }));
        }
        Ok(KeyRing::new(entries, !body.keys.is_empty()))
    }

    fn read(&self) -> Result<FileBody> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(FileBody { format: FORMAT, keys: Vec::new() });
            }
            Err(source) => return Err(self.io("read")(source)),
        };
        let body: FileBody =
            serde_json::from_slice(&bytes).map_err(|error| self.corrupt(error.to_string()))?;
        if body.format > FORMAT {
            let path = self.path.clone();
            return Err(Error::KeyFileTooNew { path, found: body.format, supported: FORMAT });
        }
        Ok(body)
    }

    /// Reads, changes and replaces the file under a lock between processes.
    fn change(&self, edit: impl FnOnce(&mut FileBody) -> Result<()>) -> Result<()> {
        let lock_path = self.path.with_extension("lock");
        let lock = File::create(&lock_path).map_err(self.io("lock"))?;
        lock.lock().map_err(self.io("lock"))?;
        let mut body = self.read()?;
        edit(&mut body)?;
        let text = serde_json::to_vec_pretty(&body).expect("text and numbers always serialize");
        self.replace(&text)
    }

    /// Write beside, sync, rename: a crash leaves the old file or the new one.
    fn replace(&self, text: &[u8]) -> Result<()> {
        let beside = self.path.with_extension("json.new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside).map_err(self.io("write"))?;
        file.write_all(text).and_then(|()| file.sync_all()).map_err(self.io("write"))?;
        std::fs::rename(&beside, &self.path).map_err(self.io("replace"))?;
        match self.path.parent() {
            Some(dir) => File::open(dir).and_then(|dir| dir.sync_all()).map_err(self.io("sync")),
            None => Ok(()),
        }
    }

    fn corrupt(&self, detail: String) -> Error {
        Error::KeyFileCorrupt { path: self.path.clone(), detail }
    }

    fn io(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
        let path = self.path.clone();
        move |source| Error::Io { action, path, source }
    }
}

fn random_text<const N: usize>() -> Result<String> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::NoRandomness { detail: error.to_string() })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const RATE: NonZeroU32 = NonZeroU32::MAX;

    #[test]
    fn a_key_opens_until_it_is_revoked_and_the_door_stays_shut() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::in_dir(dir.path());
        assert!(file.load(RATE).unwrap().is_open());

        let secret = file.create(KeyKind::Secret, "shop server", NOW).unwrap();
        let public = file.create(KeyKind::Public, "shop page", NOW).unwrap();
        let ring = file.load(RATE).unwrap();
        assert_eq!(ring.find(&secret.key).unwrap().kind, KeyKind::Secret);
        assert_eq!(ring.find(&public.key).unwrap().id, public.id);
        assert!(ring.find("alsk_guess").is_none());
        assert!(!ring.is_open());

        file.revoke(&secret.id, NOW).unwrap();
        file.revoke(&public.id, NOW).unwrap();
        let ring = file.load(RATE).unwrap();
        assert!(ring.find(&secret.key).is_none());
        assert!(!ring.is_open(), "revoking the last key must not open the house");
        assert!(matches!(file.revoke("k_none", NOW), Err(Error::NoSuchKey { .. })));
    }

    #[test]
    fn the_key_itself_is_nowhere_on_disk_and_the_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::in_dir(dir.path());
        let new = file.create(KeyKind::Secret, "a", NOW).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains(&new.key) && !text.contains(&new.key[5..]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn a_broken_file_is_told_and_never_read_as_no_keys() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::in_dir(dir.path());
        std::fs::write(file.path(), "{\"format\":1,\"ke").unwrap();
        assert!(matches!(file.load(RATE), Err(Error::KeyFileCorrupt { .. })));
        std::fs::write(file.path(), "{\"format\":2,\"keys\":[]}").unwrap();
        assert!(matches!(file.load(RATE), Err(Error::KeyFileTooNew { found: 2, .. })));
        std::fs::write(
            file.path(),
            "{\"format\":1,\"keys\":[{\"id\":\"k\",\"kind\":\"secret\",\"label\":\"\",\
             \"sha256\":\"zz\",\"created_at_us\":1}]}",
        )
        .unwrap();
        assert!(matches!(file.load(RATE), Err(Error::KeyFileCorrupt { .. })));
    }
}
