//! Relations and plans out of the store, page by page: a row in the hands of the database is many
//! times the size of what it says.

use events::plan::{BENEFIT, PLAN_ATTRIBUTES, is_benefit};
use events::{
    ItemKind, ItemRecord, Relation, RelationList, RelationPair, RelationRecord, Timestamp,
};
use hashbrown::HashMap;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::catalog::{CatalogItem, item_from};
use crate::numbering::{json_array, json_rows};

/// Rows of a page.
const PAGE: usize = 20_000;

pub(super) type Pair = (u32, u32);

/// Visits relations in order of their pairs; of some sources, where they are named.
pub(super) async fn visit_rows(
    connection: &mut SqliteConnection,
    sources: Option<&[String]>,
    mut visit: impl FnMut(Pair, &SqliteRow) -> sqlx::Result<()>,
) -> sqlx::Result<()> {
    let sources = sources.map(|sources| json_array(sources.iter().map(String::as_str)));
    let (mut from, mut to) = (-1_i64, -1_i64);
    loop {
        let rows = sqlx::query(
            "SELECT * FROM relation WHERE (from_idx, to_idx) > (?1, ?2) \
             AND (?3 IS NULL OR source IN (SELECT value FROM json_each(?3))) \
             ORDER BY from_idx, to_idx LIMIT ?4",
        )
        .bind(from)
        .bind(to)
        .bind(&sources)
        .bind(PAGE as i64)
        .fetch_all(&mut *connection)
        .await?;
        for row in &rows {
            (from, to) = (row.try_get("from_idx")?, row.try_get("to_idx")?);
            visit((from as u32, to as u32), row)?;
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

pub(super) fn relation_from(row: &SqliteRow) -> sqlx::Result<Relation> {
    let code = row.try_get::<i64, _>("relation")?;
    let known = u32::try_from(code).ok().and_then(Relation::from_code);
    known.ok_or_else(|| sqlx::Error::Decode(format!("no relation has the code {code}").into()))
}

fn time(row: &SqliteRow, name: &str) -> sqlx::Result<Option<Timestamp>> {
    row.try_get::<Option<i64>, _>(name).map(|micros| micros.map(Timestamp))
}

/// All relations, without who says so and why.
pub(super) async fn read_list(connection: &mut SqliteConnection) -> sqlx::Result<RelationList> {
    let mut places: HashMap<u32, u32> = HashMap::new();
    let mut items: Vec<u32> = Vec::new();
    let mut pairs: Vec<RelationPair> = Vec::new();
    visit_rows(connection, None, |(from, to), row| {
        let mut place = |item: u32| {
            *places.entry(item).or_insert_with(|| {
                items.push(item);
                items.len() as u32 - 1
            })
        };
        pairs.push(RelationPair {
            from: place(from),
            to: place(to),
            relation: relation_from(row)?,
            valid_from: time(row, "valid_from_us")?,
            valid_until: time(row, "valid_until_us")?,
        });
        Ok(())
    })
    .await?;
    let item_ids = ids_of(connection, &items).await?;
    Ok(RelationList { item_ids, pairs })
}

/// The ids of items of the catalogue, in the order of their indices given.
async fn ids_of(connection: &mut SqliteConnection, items: &[u32]) -> sqlx::Result<Vec<Box<str>>> {
    let mut ids: Vec<Box<str>> = vec![Box::default(); items.len()];
    for (at, chunk) in items.chunks(PAGE).enumerate() {
        let rows = sqlx::query(
            "SELECT n.key, item.item_id FROM json_each(?1) AS n \
             CROSS JOIN item ON item.item_idx = n.value",
        )
        .bind(json_rows(chunk))
        .fetch_all(&mut *connection)
        .await?;
        for row in rows {
            let place = at * PAGE + row.try_get::<i64, _>(0)? as usize;
            ids[place] = row.try_get::<&str, _>(1)?.into();
        }
    }
    Ok(ids)
}

pub(super) async fn read_records(
    connection: &mut SqliteConnection,
) -> sqlx::Result<Vec<RelationRecord>> {
    let mut records: Vec<RelationRecord> = Vec::new();
    let mut items: Vec<u32> = Vec::new();
    visit_rows(connection, None, |(from, to), row| {
        items.extend([from, to]);
        records.push(RelationRecord {
            relation: Some(relation_from(row)?),
            source: row.try_get("source")?,
            note: row.try_get("note")?,
            valid_from: time(row, "valid_from_us")?,
            valid_until: time(row, "valid_until_us")?,
            ..RelationRecord::default()
        });
        Ok(())
    })
    .await?;
    let ids = ids_of(connection, &items).await?;
    for (record, ends) in records.iter_mut().zip(ids.chunks(2)) {
        record.from_item_id = ends[0].to_string();
        record.to_item_id = ends[1].to_string();
    }
    Ok(records)
}

/// Services with any attribute of a plan, whatever makes them one: `covers`, or a relation (of a
/// service that has none there is nothing to tell), and what tells what it is good for.
pub(super) async fn read_plans(connection: &mut SqliteConnection) -> sqlx::Result<Vec<ItemRecord>> {
    let rows = sqlx::query(
        "SELECT item.*, head.item_idx AS head_idx FROM item \
         LEFT JOIN item AS head ON head.item_id = item.variant_of \
         WHERE item.attributes <> '{}' AND (item.kind = 1 OR instr(item.attributes, ?2) > 0) \
         AND EXISTS ( \
             SELECT 1 FROM json_each(item.attributes) AS told \
             WHERE item.kind = 1 AND told.key IN (SELECT value FROM json_each(?1)) \
             OR told.key = ?3 OR told.key LIKE ?3 || '.%') \
         ORDER BY item.item_idx",
    )
    .bind(json_array(PLAN_ATTRIBUTES.into_iter()))
    .bind(format!("\"{BENEFIT}"))
    .bind(BENEFIT)
    .fetch_all(connection)
    .await?;
    let items: sqlx::Result<Vec<CatalogItem>> = rows.iter().map(item_from).collect();
    Ok(items?.into_iter().map(ItemRecord::from).map(read_of).collect())
}

/// What decisions read of it: of a service all, of anything else what it is good for.
fn read_of(record: ItemRecord) -> ItemRecord {
    if record.kind == Some(ItemKind::Service) {
        return record;
    }
    let attributes = record.attributes.into_iter().filter(|(name, _)| is_benefit(name)).collect();
    ItemRecord { item_id: record.item_id, attributes, ..ItemRecord::default() }
}
