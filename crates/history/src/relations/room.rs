//! How much room there is for relations: of one item, and in all.

use hashbrown::{HashMap, HashSet};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::read::Pair;
use super::{MAX_OF_ITEM, MAX_RELATIONS, RelationFault};
use crate::numbering::json_rows;

/// What a pair asks for, beside the room that it has. In this order they are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asking {
    Nothing,
    /// It is there, and is to take an item's place now.
    ToReplace,
    ToEnter,
}

/// How many relations there are beside those that may change, in all and by item.
pub(super) struct Room {
    n: usize,
    n_of_anchor: HashMap<u32, usize>,
    n_replacing: HashMap<u32, usize>,
}

impl Room {
    /// Counts what the pairs that ask need to know. Each pair with whether it replaces.
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        order: &[(Asking, Pair, bool)],
        before: impl ExactSizeIterator<Item = (Pair, bool)>,
    ) -> sqlx::Result<Room> {
        let (mut n_of_anchor, mut n_replacing) = (HashMap::new(), HashMap::new());
        let mut n = 0;
        let asking = || order.iter().filter(|(asking, ..)| *asking != Asking::Nothing);
        if asking().any(|(asking, ..)| *asking == Asking::ToEnter) {
            let row = sqlx::query("SELECT COUNT(*) FROM relation").fetch_one(&mut *connection);
            n = (row.await?.try_get::<i64, _>(0)? as usize).saturating_sub(before.len());
        }
        let anchors: HashSet<u32> = asking().map(|(_, (from, _), _)| *from).collect();
        let replacing = asking().filter(|(.., replaces)| *replaces);
        let both: HashSet<u32> = replacing.flat_map(|(_, (from, to), _)| [*from, *to]).collect();
        count(connection, COUNT_OF_ANCHOR, &anchors, &mut n_of_anchor).await?;
        count(connection, COUNT_REPLACING_FROM, &both, &mut n_replacing).await?;
        count(connection, COUNT_REPLACING_TO, &both, &mut n_replacing).await?;
        for ((from, to), replaces) in before {
            take_off(&mut n_of_anchor, from);
            if replaces {
                take_off(&mut n_replacing, from);
                take_off(&mut n_replacing, to);
            }
        }
        Ok(Room { n, n_of_anchor, n_replacing })
    }

    pub(super) fn is_full(&self, (from, to): Pair, replaces: bool) -> Option<(RelationFault, u32)> {
        let has_many = |counts: &HashMap<u32, usize>, item: &u32| {
            counts.get(item).is_some_and(|n| *n >= MAX_OF_ITEM)
        };
        if self.n >= MAX_RELATIONS {
            return Some((RelationFault::TooMany, from));
        }
        let mut full =
            [from, to].into_iter().filter(|item| replaces && has_many(&self.n_replacing, item));
        let item = if has_many(&self.n_of_anchor, &from) { Some(from) } else { full.next() };
        item.map(|item| (RelationFault::TooManyOfItem, item))
    }

    pub(super) fn take(&mut self, (from, to): Pair, replaces: bool) {
        self.n += 1;
        *self.n_of_anchor.entry(from).or_default() += 1;
        if replaces {
            *self.n_replacing.entry(from).or_default() += 1;
            *self.n_replacing.entry(to).or_default() += 1;
        }
    }
}

fn take_off(counts: &mut HashMap<u32, usize>, item: u32) {
    if let Some(n) = counts.get_mut(&item) {
        *n = n.saturating_sub(1);
    }
}

const COUNT_OF_ANCHOR: &str = "SELECT n.value, COUNT(*) FROM json_each(?1) AS n \
     CROSS JOIN relation AS r ON r.from_idx = n.value GROUP BY n.value";
/// 1 is an upgrade, 2 a substitute.
const COUNT_REPLACING_FROM: &str = "SELECT n.value, COUNT(*) FROM json_each(?1) AS n \
     CROSS JOIN relation AS r ON r.from_idx = n.value WHERE r.relation IN (1, 2) GROUP BY n.value";
/// A walk over all relations, without the write lock.
const COUNT_REPLACING_TO: &str = "SELECT r.to_idx, COUNT(*) FROM relation AS r \
     WHERE r.relation IN (1, 2) AND r.to_idx IN (SELECT value FROM json_each(?1)) \
     GROUP BY r.to_idx";

async fn count(
    connection: &mut SqliteConnection,
    sql: &'static str,
    items: &HashSet<u32>,
    counts: &mut HashMap<u32, usize>,
) -> sqlx::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let items: Vec<u32> = items.iter().copied().collect();
    let rows = sqlx::query(sql).bind(json_rows(&items)).fetch_all(connection).await?;
    for row in rows {
        let (item, n) = (row.try_get::<i64, _>(0)? as u32, row.try_get::<i64, _>(1)? as usize);
        *counts.entry(item).or_default() += n;
    }
    Ok(())
}
