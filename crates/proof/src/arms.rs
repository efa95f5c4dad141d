//! Who was in which arm, what was known of them before, and what they did: a person a row, to learn
//! from who responds.
//!
//! Only what was known at the first assignment is a feature. Who became a customer afterwards
//! became one by what the trial is about: attributes are told of who had ordered before, and of
//! nobody else.

use crate::error::{Error, Result};
use crate::facts::{self, Bounds, Telling};
use crate::findings::Asked;
use crate::{promise, segments};
use events::Timestamp;
use events::time::DAY_US;
use history::Store;
use measure::lift::NoAnswer;
use measure::trial::{
    BEFORE, CONVERTED, DAYS_SINCE_ORDER, HOLDOUT, ITEMS_BEFORE, ORDERS, ORDERS_BEFORE, Person,
    REVENUE,
};
use std::fmt::Write;

/// Names of the columns but the last, which is that of the attribute. The first five are no
/// features: who, which arm, and what came of it.
pub const COLUMNS: &str = "person,arm,bought,revenue,orders,revenue_before,orders_before,\
                           pieces_before,days_since_order,weekday,hour";
/// The fourth and fifth: what is only known afterwards.
pub const AFTERWARDS: &str = "revenue,orders";
const HOUR_US: i64 = DAY_US / 24;

/// Gives the head and then a line a person, without ends of lines; persons given.
pub async fn each_line(
    store: &Store,
    now: Timestamp,
    asked: Asked<'_>,
    tell: &mut Telling<'_>,
    mut give: impl FnMut(&str),
) -> Result<u64> {
    let bounds = Bounds::of(&asked);
    let mut facts = facts::gather(store, now, bounds, tell).await?;
    facts.trial.promise(promise::promise(store, asked.holdout).await?);
    if let Some(ratio) = facts.trial.sample_ratio().filter(|ratio| ratio.is_alarm()) {
        return Err(Error::NotAsPromised { why: NoAnswer::SampleRatio(ratio) });
    }
    let values = segments::values(store, &facts.trial, asked.by).await?;
    let mut line = format!("{COLUMNS},{}", quoted(asked.by.unwrap_or(segments::DEFAULT_ATTRIBUTE)));
    give(&line);
    let mut n = 0;
    facts.trial.each_compared(|person| {
        line.clear();
        write_line(&mut line, (n, person), values.of(person));
        give(&line);
        n += 1;
    });
    facts.check()?;
    if n == 0 {
        return Err(Error::NobodyCompared);
    }
    Ok(n)
}

/// The external id of a customer stays in the store; a place in the file names its person.
fn write_line(line: &mut String, (at, person): (u64, &Person), value: Option<&str>) {
    let row = &person.row;
    let arm = if person.arm == HOLDOUT { "holdout" } else { "offers" };
    let has_ordered = row[ORDERS_BEFORE] > 0.0;
    let since = if has_ordered { row[DAYS_SINCE_ORDER].to_string() } else { String::new() };
    let day = person.first_at_us.div_euclid(DAY_US);
    // 1970 began on a Thursday, the fourth day of the week.
    let (weekday, hour) =
        ((day + 3).rem_euclid(7) + 1, person.first_at_us.rem_euclid(DAY_US) / HOUR_US);
    let [bought, revenue, orders] = [row[CONVERTED], row[REVENUE], row[ORDERS]];
    let [before, n_before, pieces] = [row[BEFORE], row[ORDERS_BEFORE], row[ITEMS_BEFORE]];
    let value = quoted(value.filter(|_| has_ordered).unwrap_or_default());
    // Writing to a string cannot fail.
    let _ = write!(
        line,
        "{at},{arm},{bought},{revenue},{orders},{before},{n_before},{pieces},{since},{weekday},\
         {hour},{value}"
    );
}

/// A field of a CSV file: a name, id or value may hold what CSV takes for its own.
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use measure::trial::{N_COLUMNS, OFFERS};

    #[test]
    fn a_person_is_a_line_and_what_came_later_is_no_feature() {
        let mut row = [0.0; N_COLUMNS];
        (row[CONVERTED], row[REVENUE], row[ORDERS]) = (1.0, 12.5, 2.0);
        // Monday, 2023-11-13, a quarter past nine.
        let first_at_us = (19_674 * 24 + 9) * HOUR_US + HOUR_US / 4;
        let person = Person { arm: OFFERS, is_crosser: false, customer: Some(7), first_at_us, row };
        let line_of = |person: &Person| {
            let mut line = String::new();
            write_line(&mut line, (3, person), Some("a, b"));
            line
        };
        assert_eq!(line_of(&person), "3,offers,1,12.5,2,0,0,0,,1,9,");
        let mut known = Person { arm: HOLDOUT, ..person };
        (known.row[ORDERS_BEFORE], known.row[BEFORE]) = (1.0, 20.0);
        (known.row[ITEMS_BEFORE], known.row[DAYS_SINCE_ORDER]) = (4.0, 1.5);
        assert_eq!(line_of(&known), "3,holdout,1,12.5,2,20,1,4,1.5,1,9,\"a, b\"");
    }
}
