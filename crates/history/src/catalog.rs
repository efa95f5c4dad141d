//! The catalogue: what the shop sells, as told by catalogue files, the API and, where these are
//! silent, by order lines.

use std::collections::BTreeMap;

use events::import::propose_kind;
use events::{Amount, ClearedFields, Currency, ItemField, ItemKind, ItemRecord};
use hashbrown::HashMap;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row, Sqlite, Transaction};

use crate::database::{advance, counter};
use crate::error::Result;
use crate::numbering::{Numbered, UNKNOWN, json_array, json_rows, number};
use crate::store::Store;
use crate::view::ItemEntry;

/// Rows in one statement.
const CHUNK: usize = 5_000;

/// A catalogue entry with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogItem {
    pub item_idx: u32,
    pub entry: ItemEntry,
    pub url: Option<String>,
    /// External id of the family's head; the head need not be an item yet.
    pub variant_of: Option<String>,
    pub attributes: Vec<(String, String)>,
    /// When this entry changed last, in versions of the catalogue.
    pub catalog_version: i64,
}

impl From<CatalogItem> for ItemRecord {
    /// The entry as a record that says all of it.
    fn from(item: CatalogItem) -> ItemRecord {
        let CatalogItem { entry, url, variant_of, attributes, .. } = item;
        let text = |text: Option<Box<str>>| text.map(String::from);
        let mut cleared = ClearedFields::default();
        for (field, is_known) in [
            (ItemField::Title, entry.title.is_some()),
            (ItemField::Category, entry.category.is_some()),
            (ItemField::Price, entry.price.is_some()),
            (ItemField::Cost, entry.cost.is_some()),
            (ItemField::Currency, entry.currency.is_some()),
            (ItemField::Stock, entry.stock.is_some()),
            (ItemField::ImageUrl, entry.image_url.is_some()),
            (ItemField::Url, url.is_some()),
        ] {
            if !is_known {
                cleared.add(field);
            }
        }
        ItemRecord {
            item_id: entry.id.into(),
            title: text(entry.title),
            kind: Some(entry.kind),
            category: text(entry.category),
            price: entry.price,
            cost: entry.cost,
            currency: entry.currency,
            stock: entry.stock,
            hidden: Some(entry.hidden),
            // Empty: of no family (any more).
            variant_of: Some(variant_of.unwrap_or_default()),
            sensitive: Some(entry.sensitive),
            image_url: text(entry.image_url),
            url,
            attributes,
            cleared,
        }
    }
}

/// Who says what an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindOrigin {
    /// An importer's guess: gives way to a declaration.
    Proposed,
    /// The owner of the catalogue.
    Declared,
}

impl Store {
    /// Enters records; a field that is `None` leaves what is known unless it is cleared, attributes
    /// are merged by name. What was cleared may come from order lines again.
    /// Where nobody declared a kind, a title that speaks of fees proposes one.
    /// An empty `variant_of` takes the item out of its family. Returns the version of the catalogue
    /// with the change.
    pub async fn upsert_items(&self, records: &[ItemRecord]) -> Result<i64> {
        let mut transaction = self.database().begin().await?;
        let version = upsert(&mut transaction, records).await.map_err(self.error("enter items"))?;
        self.database().commit(transaction).await?;
        Ok(version)
    }

    /// Sets the kinds of items by external id; unknown ids are passed over, and a proposal does
    /// not touch what was declared.
    pub async fn set_kinds(&self, kinds: &[(String, ItemKind)], by: KindOrigin) -> Result<i64> {
        let origin = match by {
            KindOrigin::Proposed => 1,
            KindOrigin::Declared => 2,
        };
        let rows: Vec<(&str, u8)> =
            kinds.iter().map(|(item_id, kind)| (item_id.as_str(), *kind as u8)).collect();
        let mut transaction = self.database().begin().await?;
        let entered = async {
            let version = advance(&mut transaction, "catalog_version", 1).await? + 1;
            sqlx::query(
                "UPDATE item SET kind = new.value ->> 1, kind_origin = ?2, catalog_version = ?3 \
                 FROM json_each(?1) AS new WHERE item.item_id = new.value ->> 0 \
                 AND item.kind_origin <= ?2",
            )
            .bind(json_rows(&rows))
            .bind(origin)
            .bind(version)
            .execute(&mut *transaction)
            .await?;
            Ok(version)
        };
        let version: sqlx::Result<i64> = entered.await;
        let version = version.map_err(self.error("set the kinds of items"))?;
        self.database().commit(transaction).await?;
        Ok(version)
    }

    /// The entries that changed after `catalog_version` (0: all), in rising order of index, and
    /// the version that this is the state of.
    pub async fn items_since(&self, catalog_version: i64) -> Result<(Vec<CatalogItem>, i64)> {
        let mut snapshot = self.database().snapshot().await?;
        let read = async {
            let version = counter(&mut snapshot, "catalog_version").await?;
            let items = read_items(&mut snapshot, catalog_version).await?;
            Ok((items, version))
        };
        let read: sqlx::Result<_> = read.await;
        read.map_err(self.error("read the catalogue"))
    }

    pub async fn item(&self, item_id: &str) -> Result<Option<CatalogItem>> {
        let row = sqlx::query(
            "SELECT item.*, head.item_idx AS head_idx FROM item \
             LEFT JOIN item AS head ON head.item_id = item.variant_of WHERE item.item_id = ?1",
        )
        .bind(item_id)
        .fetch_optional(&self.database().reader)
        .await
        .map_err(self.error("read the catalogue"))?;
        row.as_ref().map(item_from).transpose().map_err(self.error("read the catalogue"))
    }

    pub async fn catalog_version(&self) -> Result<i64> {
        let mut snapshot = self.database().snapshot().await?;
        counter(&mut snapshot, "catalog_version").await.map_err(self.error("read the catalogue"))
    }
}

/// All entries as learners see them; their place is their index.
pub(crate) async fn entries(connection: &mut SqliteConnection) -> sqlx::Result<Vec<ItemEntry>> {
    let items = read_items(connection, 0).await?;
    debug_assert!(items.iter().enumerate().all(|(at, item)| at == item.item_idx as usize));
    Ok(items.into_iter().map(|item| item.entry).collect())
}

async fn read_items(
    connection: &mut SqliteConnection,
    after_version: i64,
) -> sqlx::Result<Vec<CatalogItem>> {
    // The index of the family's head comes by a join: heads are few, most rows have none.
    let rows = sqlx::query(
        "SELECT item.*, head.item_idx AS head_idx FROM item \
         LEFT JOIN item AS head ON head.item_id = item.variant_of \
         WHERE item.catalog_version >= ?1 ORDER BY item.item_idx",
    )
    .bind(if after_version <= 0 { i64::MIN } else { after_version + 1 })
    .fetch_all(connection)
    .await?;
    rows.iter().map(item_from).collect()
}

pub(crate) fn item_from(row: &SqliteRow) -> sqlx::Result<CatalogItem> {
    let text = |name: &str| row.try_get::<Option<&str>, _>(name);
    let boxed = |name: &str| text(name).map(|text| text.map(Box::<str>::from));
    let amount = |name: &str| row.try_get::<Option<i64>, _>(name).map(|micros| micros.map(Amount));
    let attributes: BTreeMap<String, String> = serde_json::from_str(row.try_get("attributes")?)
        .map_err(|error| sqlx::Error::Decode(error.into()))?;
    let entry = ItemEntry {
        id: row.try_get::<&str, _>("item_id")?.into(),
        title: boxed("title")?,
        kind: ItemKind::from_code(row.try_get::<i64, _>("kind")? as u8).unwrap_or_default(),
        category: boxed("category")?,
        price: amount("price")?,
        cost: amount("cost")?,
        currency: text("currency")?.and_then(Currency::parse),
        stock: row.try_get("stock")?,
        hidden: row.try_get("hidden")?,
        sensitive: row.try_get("sensitive")?,
        variant_of: row.try_get::<Option<i64>, _>("head_idx")?.map(|idx| idx as u32),
        image_url: boxed("image_url")?,
    };
    Ok(CatalogItem {
        item_idx: row.try_get::<i64, _>("item_idx")? as u32,
        entry,
        url: row.try_get("url")?,
        variant_of: row.try_get("variant_of")?,
        attributes: attributes.into_iter().collect(),
        catalog_version: row.try_get("catalog_version")?,
    })
}

/// One row of [`UPSERT`]'s input: `null` leaves what is known.
type UpsertRow<'a> = (
    u32,
    Option<&'a str>,
    Option<u8>,
    Option<&'a str>,
    Option<i64>,
    Option<i64>,
    Option<&'a str>,
    Option<i64>,
    Option<bool>,
    Option<bool>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    BTreeMap<&'a str, &'a str>,
    u8,
);

/// Bits of the last column are those of [`ItemField`]: a field that is cleared is `NULL`, and as if
/// nobody had told it.
const UPSERT: &str = "UPDATE item SET \
     title_votes = CASE WHEN n.value ->> 14 & 1 THEN 1 WHEN n.value ->> 1 IS NULL \
         THEN title_votes ELSE 0 END, \
     title = CASE WHEN n.value ->> 14 & 1 THEN NULL ELSE COALESCE(n.value ->> 1, title) END, \
     kind_origin = CASE WHEN n.value ->> 2 IS NULL THEN kind_origin ELSE 2 END, \
     kind = COALESCE(n.value ->> 2, kind), \
     category_votes = CASE WHEN n.value ->> 14 & 2 THEN 1 WHEN n.value ->> 3 IS NULL \
         THEN category_votes ELSE 0 END, \
     category = CASE WHEN n.value ->> 14 & 2 THEN NULL \
         ELSE COALESCE(n.value ->> 3, category) END, \
     price_at_us = CASE WHEN n.value ->> 4 IS NULL THEN price_at_us ELSE NULL END, \
     price = CASE WHEN n.value ->> 14 & 4 THEN NULL ELSE COALESCE(n.value ->> 4, price) END, \
     cost = CASE WHEN n.value ->> 14 & 8 THEN NULL ELSE COALESCE(n.value ->> 5, cost) END, \
     currency = CASE WHEN n.value ->> 14 & 16 THEN NULL \
         ELSE COALESCE(n.value ->> 6, currency) END, \
     stock = CASE WHEN n.value ->> 14 & 32 THEN NULL ELSE COALESCE(n.value ->> 7, stock) END, \
     hidden = COALESCE(n.value ->> 8, hidden), sensitive = COALESCE(n.value ->> 9, sensitive), \
     variant_of = NULLIF(COALESCE(n.value ->> 10, variant_of), ''), \
     image_url = CASE WHEN n.value ->> 14 & 64 THEN NULL \
         ELSE COALESCE(n.value ->> 11, image_url) END, \
     url = CASE WHEN n.value ->> 14 & 128 THEN NULL ELSE COALESCE(n.value ->> 12, url) END, \
     attributes = json_patch(attributes, n.value -> 13), catalog_version = ?2 \
     FROM json_each(?1) AS n WHERE item.item_idx = n.value ->> 0";

async fn upsert(
    transaction: &mut Transaction<'static, Sqlite>,
    records: &[ItemRecord],
) -> sqlx::Result<i64> {
    let version = advance(transaction, "catalog_version", 1).await? + 1;
    let indices = number_ids(
        transaction,
        Numbered::Items,
        records.iter().map(|record| record.item_id.as_str()),
    )
    .await?;
    for group in disjoint(&indices) {
        for chunk in group.chunks(CHUNK) {
            let rows: Vec<UpsertRow<'_>> =
                chunk.iter().map(|&at| upsert_row(indices[at], &records[at])).collect();
            sqlx::query(UPSERT)
                .bind(json_rows(&rows))
                .bind(version)
                .execute(&mut **transaction)
                .await?;
        }
    }
    propose_kinds(transaction, records, &indices, version).await?;
    Ok(version)
}

/// A proposal gives way to what was declared, now or ever.
pub(crate) const PROPOSE_KINDS: &str = "UPDATE item SET kind = new.value ->> 1, kind_origin = 1, \
     catalog_version = ?2 FROM json_each(?1) AS new WHERE item.item_idx = new.value ->> 0 \
     AND item.kind_origin < 2 AND (item.kind_origin = 0 OR item.kind <> new.value ->> 1) \
     RETURNING item_id, title, kind";

async fn propose_kinds(
    transaction: &mut Transaction<'static, Sqlite>,
    records: &[ItemRecord],
    indices: &[u32],
    version: i64,
) -> sqlx::Result<()> {
    let of_record = |(record, &item_idx): (&ItemRecord, &u32)| {
        let title = record.title.as_deref()?;
        let (kind, _) = propose_kind(&record.item_id, Some(title))?;
        record.kind.is_none().then_some((item_idx, kind as u8))
    };
    let kinds: Vec<(u32, u8)> = records.iter().zip(indices).filter_map(of_record).collect();
    for chunk in kinds.chunks(CHUNK) {
        sqlx::query(PROPOSE_KINDS)
            .bind(json_rows(chunk))
            .bind(version)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

fn upsert_row(item_idx: u32, record: &ItemRecord) -> UpsertRow<'_> {
    (
        item_idx,
        record.title.as_deref(),
        record.kind.map(|kind| kind as u8),
        record.category.as_deref(),
        record.price.map(|price| price.0),
        record.cost.map(|cost| cost.0),
        record.currency.as_ref().map(Currency::as_str),
        record.stock,
        record.hidden,
        record.sensitive,
        record.variant_of.as_deref(),
        record.image_url.as_deref(),
        record.url.as_deref(),
        record.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        record.cleared.bits(),
    )
}

/// Numbers ids that may repeat.
pub(crate) async fn number_ids<'a>(
    connection: &mut SqliteConnection,
    what: Numbered,
    ids: impl Iterator<Item = &'a str>,
) -> sqlx::Result<Vec<u32>> {
    let mut distinct: Vec<&str> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let place_of: Vec<usize> = ids
        .map(|id| {
            *places.entry(id).or_insert_with(|| {
                distinct.push(id);
                distinct.len() - 1
            })
        })
        .collect();
    let mut indices = vec![UNKNOWN; distinct.len()];
    number(connection, what, |at| distinct[at], &mut indices).await?;
    Ok(place_of.into_iter().map(|place| indices[place]).collect())
}

/// Cuts a batch so that no part names an entry twice: within one statement the last record of an
/// entry would not see the one before.
pub(crate) fn disjoint(indices: &[u32]) -> Vec<Vec<usize>> {
    let mut n_seen: HashMap<u32, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, &index) in indices.iter().enumerate() {
        let group = n_seen.entry(index).or_insert(0);
        if groups.len() <= *group {
            groups.push(Vec::new());
        }
        groups[*group].push(at);
        *group += 1;
    }
    groups
}

/// Makes sure that items of these ids have an index.
pub(crate) async fn add_items(connection: &mut SqliteConnection, ids: &[&str]) -> sqlx::Result<()> {
    let known = sqlx::query(
        "SELECT 1 FROM json_each(?1) AS j WHERE j.value NOT IN (SELECT item_id FROM item) LIMIT 1",
    )
    .bind(json_array(ids.iter().copied()))
    .fetch_optional(&mut *connection)
    .await?;
    if known.is_none() {
        return Ok(());
    }
    let version = advance(connection, "catalog_version", 1).await? + 1;
    number_ids(connection, Numbered::Items, ids.iter().copied()).await?;
    sqlx::query("UPDATE item SET catalog_version = ?1 WHERE catalog_version = 0")
        .bind(version)
        .execute(connection)
        .await
        .map(drop)
}
