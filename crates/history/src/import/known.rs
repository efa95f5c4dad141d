//! Files that were imported before, told by their content.

use std::io::Read;
use std::path::Path;

use events::Timestamp;
use sqlx::Row;
use xxhash_rust::xxh3::Xxh3Default;

use super::ImportedFile;
use crate::error::{Error, Result};
use crate::store::Store;

/// What tells files apart: XXH3-128 of the content, its length, and the hash of what was said on
/// how to read it.
pub fn fingerprint(path: &Path, reader: &mut impl Read, how_read: &str) -> Result<String> {
    let mut hash: Box<Xxh3Default> = Box::default();
    let mut n_bytes = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => break,
            n_read => {
                hash.update(&buffer[..n_read]);
                n_bytes += n_read as u64;
            }
        }
    }
    let how = xxhash_rust::xxh3::xxh3_64(how_read.as_bytes());
    Ok(format!("xxh3 {:032x}, {n_bytes} bytes, read as {how:016x}", hash.digest128()))
}

impl Store {
    /// When a file of this fingerprint was last imported from this source.
    pub async fn when_imported(
        &self,
        source: &str,
        fingerprint: &str,
    ) -> Result<Option<Timestamp>> {
        let failed = || self.error("read the record of imports");
        let rows = sqlx::query("SELECT at_us, files FROM import WHERE source = ?1 ORDER BY at_us")
            .bind(source.trim())
            .fetch_all(&self.database().reader)
            .await
            .map_err(failed())?;
        let mut last = None;
        for row in rows {
            let (at_us, files): (i64, &str) =
                row.try_get(0).and_then(|at| Ok((at, row.try_get(1)?))).map_err(failed())?;
            let files: Vec<ImportedFile> = serde_json::from_str(files).unwrap_or_default();
            if files.iter().any(|file| file.fingerprint == fingerprint) {
                last = Some(Timestamp(at_us));
            }
        }
        Ok(last)
    }
}
