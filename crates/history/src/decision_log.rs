//! Decision records, written behind the answers.

use std::path::Path;

use crate::database::{Database, DatabaseOptions};
use crate::error::Result;

pub(crate) const DATABASE: &str = "decisions.db";

pub(crate) async fn open(dir: &Path, how: &DatabaseOptions) -> Result<Database> {
    Database::open(&DatabaseOptions { path: dir.join(DATABASE), ..how.clone() }).await
}
