//! External ids to dense indices, and new ones appended.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::database::advance;

/// Ids in one statement; they travel as one JSON array, so that the statement is always the same.
const CHUNK: usize = 10_000;

/// The place of an id that has no index yet.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// What is being numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbered {
    Items,
    Customers,
}

impl Numbered {
    fn counter(self) -> &'static str {
        match self {
            Numbered::Items => "item",
            Numbered::Customers => "customer",
        }
    }

    fn select(self) -> &'static str {
        match self {
            Numbered::Items => {
                "SELECT j.key, t.item_idx FROM json_each(?1) AS j \
                 JOIN item AS t ON t.item_id = j.value"
            }
            Numbered::Customers => {
                "SELECT j.key, t.customer_idx FROM json_each(?1) AS j \
                 JOIN customer AS t ON t.customer_id = j.value"
            }
        }
    }

    fn insert(self) -> &'static str {
        match self {
            Numbered::Items => {
                "INSERT INTO item (item_idx, item_id) \
                 SELECT ?2 + j.key, j.value FROM json_each(?1) AS j"
            }
            Numbered::Customers => {
                "INSERT INTO customer (customer_idx, customer_id) \
                 SELECT ?2 + j.key, j.value FROM json_each(?1) AS j"
            }
        }
    }
}

/// Fills in what is still [`UNKNOWN`] in `indices` (one an id) from the store.
pub(crate) async fn look_up<'a>(
    connection: &mut SqliteConnection,
    what: Numbered,
    ids: impl Fn(usize) -> &'a str,
    indices: &mut [u32],
) -> sqlx::Result<()> {
    let missing = places_of_unknown(indices);
    for chunk in missing.chunks(CHUNK) {
        let found = sqlx::query(what.select())
            .bind(json_array(chunk.iter().map(|&at| ids(at))))
            .fetch_all(&mut *connection)
            .await?;
        for row in found {
            let at: i64 = row.try_get(0)?;
            indices[chunk[at as usize]] = row.try_get::<i64, _>(1)? as u32;
        }
    }
    Ok(())
}

/// Like [`look_up`], and appends those that the store does not know; `ids` must be distinct.
/// Returns how many were appended.
pub(crate) async fn number<'a>(
    connection: &mut SqliteConnection,
    what: Numbered,
    ids: impl Fn(usize) -> &'a str,
    indices: &mut [u32],
) -> sqlx::Result<u64> {
    look_up(connection, what, &ids, indices).await?;
    let missing = places_of_unknown(indices);
    if missing.is_empty() {
        return Ok(0);
    }
    let first = advance(connection, what.counter(), missing.len() as i64).await?;
    for (at_chunk, chunk) in missing.chunks(CHUNK).enumerate() {
        let first = first + (at_chunk * CHUNK) as i64;
        sqlx::query(what.insert())
            .bind(json_array(chunk.iter().map(|&at| ids(at))))
            .bind(first)
            .execute(&mut *connection)
            .await?;
        for (offset, &at) in chunk.iter().enumerate() {
            indices[at] = (first + offset as i64) as u32;
        }
    }
    Ok(missing.len() as u64)
}

fn places_of_unknown(indices: &[u32]) -> Vec<usize> {
    (0..indices.len()).filter(|&at| indices[at] == UNKNOWN).collect()
}

/// Texts as one JSON array.
pub(crate) fn json_array<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.collect();
    serde_json::to_string(&texts).expect("strings always have a JSON form")
}

/// Rows of any JSON form as one JSON array.
pub(crate) fn json_rows<T: serde::Serialize>(rows: &[T]) -> String {
    serde_json::to_string(rows).expect("plain columns always have a JSON form")
}

/// Attributes as a JSON object, empty text for none.
pub(crate) fn json_map(attributes: &std::collections::BTreeMap<String, String>) -> String {
    if attributes.is_empty() {
        return String::new();
    }
    serde_json::to_string(attributes).expect("strings always have a JSON form")
}
