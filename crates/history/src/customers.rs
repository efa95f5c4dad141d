//! Customers and what they hold. Their external ids stand in one table; all else knows their index.

use std::collections::BTreeMap;

use events::{CustomerRecord, HoldingRecord, Timestamp};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::catalog::{add_items, disjoint, number_ids};
use crate::database::{advance, counter};
use crate::error::Result;
use crate::numbering::{Numbered, json_rows};
use crate::store::Store;
use crate::view::{CustomerSegments, SEGMENT};

const CHUNK: usize = 5_000;

/// A customer as the store knows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    pub customer_idx: u32,
    pub customer_id: String,
    /// `None`: never asked.
    pub consent: Option<bool>,
    pub attributes: Vec<(String, String)>,
}

/// How far somebody has followed the customers of a store; the default: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomerMark {
    n_numbered: i64,
    catalog_version: i64,
    n_erasures: i64,
}

/// A customer as one who follows wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowedCustomer {
    pub customer_idx: u32,
    pub customer_id: String,
    pub consent: Option<bool>,
    pub attributes: Vec<(String, String)>,
}

/// Something that a customer holds, by external ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedHolding {
    pub customer_id: String,
    pub item_id: String,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// What became of the customers since a mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerChanges {
    /// New ones and those whose record changed.
    pub changed: Vec<FollowedCustomer>,
    /// The indices of those who were erased.
    pub erased: Vec<u32>,
    pub mark: CustomerMark,
}

/// What one customer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub customer_idx: u32,
    pub item_idx: u32,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Store {
    /// Enters records; `None` leaves what is known, attributes are merged by name.
    pub async fn upsert_customers(&self, records: &[CustomerRecord]) -> Result<i64> {
        let mut transaction = self.database().begin().await?;
        let entered = async {
            let version = advance(&mut transaction, "catalog_version", 1).await? + 1;
            let ids = records.iter().map(|record| record.customer_id.as_str());
            let indices = number_ids(&mut transaction, Numbered::Customers, ids).await?;
            for group in disjoint(&indices) {
                for chunk in group.chunks(CHUNK) {
                    let rows: Vec<_> = chunk
                        .iter()
                        .map(|&at| {
                            let record = &records[at];
                            let attributes: BTreeMap<&str, &str> = record
                                .attributes
                                .iter()
                                .map(|(name, value)| (name.as_str(), value.as_str()))
                                .collect();
                            (indices[at], record.consent, attributes)
                        })
                        .collect();
                    sqlx::query(
                        "INSERT INTO customer_record \
                         (customer_idx, consent, attributes, catalog_version) \
                         SELECT n.value ->> 0, n.value ->> 1, n.value -> 2, ?2 \
                         FROM json_each(?1) AS n WHERE true \
                         ON CONFLICT (customer_idx) DO UPDATE SET \
                         consent = COALESCE(excluded.consent, consent), \
                         attributes = json_patch(attributes, excluded.attributes), \
                         catalog_version = ?2",
                    )
                    .bind(json_rows(&rows))
                    .bind(version)
                    .execute(&mut *transaction)
                    .await?;
                }
            }
            Ok(version)
        };
        let version: sqlx::Result<i64> = entered.await;
        let version = version.map_err(self.error("enter customers"))?;
        self.database().commit(transaction).await?;
        Ok(version)
    }

    /// Enters what customers hold; items and customers that are new get their index.
    pub async fn upsert_holdings(&self, records: &[HoldingRecord]) -> Result<i64> {
        let mut transaction = self.database().begin().await?;
        let entered = async {
            let version = advance(&mut transaction, "catalog_version", 1).await? + 1;
            let item_ids: Vec<&str> = records.iter().map(|r| r.item_id.as_str()).collect();
            add_items(&mut transaction, &item_ids).await?;
            let items =
                number_ids(&mut transaction, Numbered::Items, item_ids.iter().copied()).await?;
            let ids = records.iter().map(|record| record.customer_id.as_str());
            let customers = number_ids(&mut transaction, Numbered::Customers, ids).await?;
            let rows: Vec<_> = records
                .iter()
                .enumerate()
                .map(|(at, record)| {
                    let micros = |time: Option<Timestamp>| time.map(|time| time.0);
                    (customers[at], items[at], micros(record.since), micros(record.until))
                })
                .collect();
            for chunk in rows.chunks(CHUNK) {
                sqlx::query(
                    "INSERT INTO holding \
                     (customer_idx, item_idx, since_us, until_us, catalog_version) \
                     SELECT n.value ->> 0, n.value ->> 1, n.value ->> 2, n.value ->> 3, ?2 \
                     FROM json_each(?1) AS n WHERE true \
                     ON CONFLICT (customer_idx, item_idx) DO UPDATE SET \
                     since_us = COALESCE(excluded.since_us, since_us), \
                     until_us = COALESCE(excluded.until_us, until_us), catalog_version = ?2",
                )
                .bind(json_rows(chunk))
                .bind(version)
                .execute(&mut *transaction)
                .await?;
            }
            Ok(version)
        };
        let version: sqlx::Result<i64> = entered.await;
        let version = version.map_err(self.error("enter holdings"))?;
        self.database().commit(transaction).await?;
        Ok(version)
    }

    pub async fn customer(&self, customer_id: &str) -> Result<Option<Customer>> {
        let row = sqlx::query(
            "SELECT c.customer_idx, c.customer_id, r.consent, r.attributes FROM customer AS c \
             LEFT JOIN customer_record AS r ON r.customer_idx = c.customer_idx \
             WHERE c.customer_id = ?1",
        )
        .bind(customer_id)
        .fetch_optional(&self.database().reader)
        .await
        .map_err(self.error("read a customer"))?;
        row.as_ref().map(customer_from).transpose().map_err(self.error("read a customer"))
    }

    /// Holdings that came or changed after a version of the catalog (0: all), by external ids, and
    /// the version that this leads to. Nothing is read when there is none since.
    pub async fn followed_holdings_since(
        &self,
        catalog_version: i64,
    ) -> Result<(Vec<FollowedHolding>, i64)> {
        let mut snapshot = self.database().snapshot().await?;
        let read = async {
            let now = counter(&mut snapshot, "catalog_version").await?;
            if now <= catalog_version {
                return Ok((Vec::new(), now));
            }
            Ok((follow_holdings(&mut snapshot, catalog_version).await?, now))
        };
        let read: sqlx::Result<(Vec<FollowedHolding>, i64)> = read.await;
        read.map_err(self.error("read holdings"))
    }

    /// Ids of the items that a customer holds at a time.
    pub async fn holdings_of(&self, customer_idx: u32, now: Timestamp) -> Result<Vec<String>> {
        let sql = "SELECT i.item_id FROM holding AS h JOIN item AS i ON i.item_idx = h.item_idx \
             WHERE h.customer_idx = ?1 AND (h.since_us IS NULL OR h.since_us <= ?2) \
             AND (h.until_us IS NULL OR ?2 < h.until_us) ORDER BY i.item_id";
        sqlx::query_scalar(sql)
            .bind(customer_idx)
            .bind(now.0)
            .fetch_all(&self.database().reader)
            .await
            .map_err(self.error("read holdings"))
    }

    /// All customers with their records, in rising order of index.
    pub async fn customers(&self) -> Result<Vec<Customer>> {
        let rows = sqlx::query(
            "SELECT c.customer_idx, c.customer_id, r.consent, r.attributes FROM customer AS c \
             LEFT JOIN customer_record AS r ON r.customer_idx = c.customer_idx \
             ORDER BY c.customer_idx",
        )
        .fetch_all(&self.database().reader)
        .await
        .map_err(self.error("read customers"))?;
        rows.iter()
            .map(customer_from)
            .collect::<sqlx::Result<_>>()
            .map_err(self.error("read customers"))
    }

    /// Gives the index and the id of every customer, in rising order of index.
    pub async fn each_customer_id(&self, mut give: impl FnMut(u32, &str)) -> Result<()> {
        let sql = "SELECT customer_idx, customer_id FROM customer WHERE customer_idx > ?1 \
                   ORDER BY customer_idx LIMIT ?2";
        let mut after = -1_i64;
        loop {
            let rows: Vec<(i64, String)> = sqlx::query_as(sql)
                .bind(after)
                .bind(CHUNK as i64)
                .fetch_all(&self.database().reader)
                .await
                .map_err(self.error("read customers"))?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            rows.iter().for_each(|(customer_idx, id)| give(*customer_idx as u32, id));
        }
    }

    /// Who refused that anything personal is read of them, rising.
    pub async fn customers_who_refused(&self) -> Result<Vec<u32>> {
        let mut snapshot = self.database().snapshot().await?;
        refused(&mut snapshot).await.map_err(self.error("read customers"))
    }

    /// Gives the value of an attribute of every customer who has it.
    pub async fn each_attribute(
        &self,
        attribute: &str,
        mut give: impl FnMut(u32, &str),
    ) -> Result<()> {
        let sql = "SELECT customer_idx, attributes FROM customer_record WHERE customer_idx > ?1 \
                   ORDER BY customer_idx LIMIT ?2";
        let mut after = -1_i64;
        loop {
            let rows = sqlx::query(sql)
                .bind(after)
                .bind(CHUNK as i64)
                .fetch_all(&self.database().reader)
                .await
                .map_err(self.error("read customers"))?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let read = row.try_get::<i64, _>(0).and_then(|idx| Ok((idx, attributes_of(row)?)));
                let (customer_idx, attributes) = read.map_err(self.error("read customers"))?;
                after = customer_idx;
                let own = attributes.get(attribute);
                own.into_iter().for_each(|value| give(customer_idx as u32, value));
            }
        }
    }

    /// Who came, changed or was erased since a mark. Three counters are read when nothing did.
    pub async fn customers_since(&self, mark: CustomerMark) -> Result<CustomerChanges> {
        let mut snapshot = self.database().snapshot().await?;
        let read = async {
            let now = CustomerMark {
                n_numbered: counter(&mut snapshot, "customer").await?,
                catalog_version: counter(&mut snapshot, "catalog_version").await?,
                n_erasures: counter(&mut snapshot, "erasures").await?,
            };
            let mut changes = CustomerChanges { mark: now, ..CustomerChanges::default() };
            if mark.n_numbered < now.n_numbered {
                let sql = "SELECT c.customer_idx, c.customer_id, r.consent, r.attributes \
                     FROM customer AS c LEFT JOIN customer_record AS r \
                     ON r.customer_idx = c.customer_idx WHERE c.customer_idx >= ?1";
                follow(&mut snapshot, sql, mark.n_numbered, &mut changes.changed).await?;
            }
            if mark.catalog_version < now.catalog_version && mark.n_numbered > 0 {
                let sql = "SELECT c.customer_idx, c.customer_id, r.consent, r.attributes \
                     FROM customer_record AS r INDEXED BY customer_record_by_version \
                     JOIN customer AS c ON c.customer_idx = r.customer_idx \
                     WHERE r.catalog_version > ?1";
                follow(&mut snapshot, sql, mark.catalog_version, &mut changes.changed).await?;
            }
            if mark.n_erasures < now.n_erasures {
                let sql = "SELECT customer_idx FROM erased_customer WHERE erasure > ?1";
                let erased: Vec<i64> =
                    sqlx::query_scalar(sql).bind(mark.n_erasures).fetch_all(&mut *snapshot).await?;
                changes.erased = erased.into_iter().map(|idx| idx as u32).collect();
            }
            Ok(changes)
        };
        let read: sqlx::Result<CustomerChanges> = read.await;
        read.map_err(self.error("read customers"))
    }

    /// The holdings that changed after `catalog_version` (0: all).
    pub async fn holdings_since(&self, catalog_version: i64) -> Result<Vec<Holding>> {
        let rows = sqlx::query(
            "SELECT customer_idx, item_idx, since_us, until_us FROM holding \
             WHERE catalog_version > ?1 ORDER BY customer_idx, item_idx",
        )
        .bind(catalog_version)
        .fetch_all(&self.database().reader)
        .await
        .map_err(self.error("read holdings"))?;
        rows.iter()
            .map(|row| {
                Ok(Holding {
                    customer_idx: row.try_get::<i64, _>(0)? as u32,
                    item_idx: row.try_get::<i64, _>(1)? as u32,
                    since: row.try_get::<Option<i64>, _>(2)?.map(Timestamp),
                    until: row.try_get::<Option<i64>, _>(3)?.map(Timestamp),
                })
            })
            .collect::<sqlx::Result<_>>()
            .map_err(self.error("read holdings"))
    }
}

async fn follow(
    connection: &mut SqliteConnection,
    sql: &'static str,
    after: i64,
    into: &mut Vec<FollowedCustomer>,
) -> sqlx::Result<()> {
    for row in sqlx::query(sql).bind(after).fetch_all(connection).await? {
        let Customer { customer_idx, customer_id, consent, attributes } = customer_from(&row)?;
        into.push(FollowedCustomer { customer_idx, customer_id, consent, attributes });
    }
    Ok(())
}

async fn follow_holdings(
    connection: &mut SqliteConnection,
    after: i64,
) -> sqlx::Result<Vec<FollowedHolding>> {
    // No index by version: one pass over the table, for those alone who ask.
    let sql = "SELECT c.customer_id, i.item_id, h.since_us, h.until_us FROM holding AS h \
         JOIN customer AS c ON c.customer_idx = h.customer_idx \
         JOIN item AS i ON i.item_idx = h.item_idx WHERE h.catalog_version > ?1";
    let rows = sqlx::query(sql).bind(after).fetch_all(connection).await?;
    let holding = |row: &SqliteRow| {
        Ok(FollowedHolding {
            customer_id: row.try_get(0)?,
            item_id: row.try_get(1)?,
            since: row.try_get::<Option<i64>, _>(2)?.map(Timestamp),
            until: row.try_get::<Option<i64>, _>(3)?.map(Timestamp),
        })
    };
    rows.iter().map(holding).collect()
}

/// Who refused that anything personal is read of them, rising.
pub(crate) async fn refused(connection: &mut SqliteConnection) -> sqlx::Result<Vec<u32>> {
    sqlx::query_scalar(
        "SELECT customer_idx FROM customer_record WHERE consent = 0 ORDER BY customer_idx",
    )
    .fetch_all(connection)
    .await
}

/// The segments of those who did not refuse.
pub(crate) async fn segments(connection: &mut SqliteConnection) -> sqlx::Result<CustomerSegments> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT customer_idx, CAST(json_extract(attributes, '$.' || ?1) AS TEXT) \
         FROM customer_record WHERE consent IS NOT 0 \
         AND json_extract(attributes, '$.' || ?1) IS NOT NULL ORDER BY customer_idx",
    )
    .bind(SEGMENT)
    .fetch_all(connection)
    .await?;
    Ok(CustomerSegments::of(rows.iter().map(|(idx, name)| (*idx as u32, name.as_str()))))
}

fn attributes_of(row: &SqliteRow) -> sqlx::Result<BTreeMap<String, String>> {
    match row.try_get::<Option<&str>, _>("attributes")? {
        Some(json) => serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into())),
        None => Ok(BTreeMap::new()),
    }
}

fn customer_from(row: &SqliteRow) -> sqlx::Result<Customer> {
    let attributes = attributes_of(row)?;
    Ok(Customer {
        customer_idx: row.try_get::<i64, _>("customer_idx")? as u32,
        customer_id: row.try_get("customer_id")?,
        consent: row.try_get("consent")?,
        attributes: attributes.into_iter().collect(),
    })
}
