//! Order ids under which several orders seem to stand: a receipt number that begins anew every day
//! would make one giant order of all that was sold under it, and give it to one customer.
//!
//! Only lines that were sold are looked at: what comes back may come later, and elsewhere.

use hashbrown::HashMap;

use super::cell::Cell;
use super::orders::OrderBuilder;
use super::plan::ImportPlan;
use super::read::Builder;
use super::sample_table::SampleTable;
use crate::lines::{LineKind, NO_ID, NO_TIME, OrderLines};
use crate::time::DAY_US;

/// Above one in so many orders, ids are taken to repeat.
const COMMON: u64 = 50;
/// Ids named as examples.
const MAX_EXAMPLES: usize = 5;

/// What speaks against one order under one id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// Its lines name several customers.
    pub customers: bool,
    /// Several locations.
    pub locations: bool,
    /// Lines lie more than a day apart.
    pub days: bool,
}

impl Doubt {
    pub fn is_any(self) -> bool {
        self.customers || self.locations || self.days
    }

    /// Are times so far apart that they are hardly of one order?
    pub fn of_days(first_us: i64, last_us: i64) -> bool {
        last_us.saturating_sub(first_us) > DAY_US
    }
}

/// Order ids counted by what speaks against them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Order ids with a line that was sold.
    pub n_orders: u64,
    pub n_doubtful: u64,
    pub n_customers: u64,
    pub n_locations: u64,
    pub n_days: u64,
    pub examples: Vec<String>,
}

impl Repeats {
    /// Counts one order; `id` is asked for where it is to be an example.
    pub fn count(&mut self, doubt: Doubt, id: impl FnOnce() -> String) {
        self.n_orders += 1;
        if !doubt.is_any() {
            return;
        }
        self.n_doubtful += 1;
        self.n_customers += u64::from(doubt.customers);
        self.n_locations += u64::from(doubt.locations);
        self.n_days += u64::from(doubt.days);
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(id());
        }
    }

    pub fn add(&mut self, other: &Repeats) {
        self.n_orders += other.n_orders;
        self.n_doubtful += other.n_doubtful;
        self.n_customers += other.n_customers;
        self.n_locations += other.n_locations;
        self.n_days += other.n_days;
        let room = MAX_EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
    }

    /// So many that the ids do not tell orders apart.
    pub fn is_common(&self) -> bool {
        self.n_doubtful * COMMON > self.n_orders
    }

    /// `None`: there is nothing to tell.
    pub fn describe(&self) -> Option<String> {
        if self.n_doubtful == 0 {
            return None;
        }
        let share = 100.0 * self.n_doubtful as f64 / self.n_orders.max(1) as f64;
        let why = [
            (self.n_customers, "with several customers"),
            (self.n_locations, "with several locations"),
            (self.n_days, "with sales more than a day apart"),
        ];
        let why: Vec<String> =
            why.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        Some(format!(
            "{} of {} order ids ({share:.1} %) seem to stand for several orders each: {}; such as \
             {}",
            self.n_doubtful,
            self.n_orders,
            why.join(", "),
            self.examples.join(", ")
        ))
    }

    /// How to say what makes an order.
    pub const ADVICE: &str = "Say what makes an order: --order-from order-location-day (the id \
         within a place and a day), order-day or order-location; --map order_id=COLUMN+COLUMN for \
         other columns; or, where each id is one order all the same, --order-from order-id";
}

/// What is known of one order so far.
struct Seen {
    customer: u32,
    location: u32,
    first_us: i64,
    last_us: i64,
    doubt: Doubt,
}

/// Counts the orders of a sample.
pub(crate) fn of_sample(plan: &ImportPlan, table: &SampleTable) -> Repeats {
    let mut builder = OrderBuilder::new(plan);
    for row in &table.rows {
        let cells: Vec<Cell<'_>> = row.iter().map(|value| Cell::from_text(value)).collect();
        // A row that will be set aside is no part of an order.
        let _ = builder.push(&cells[..]);
    }
    of_lines(&builder.take())
}

fn of_lines(lines: &OrderLines) -> Repeats {
    let mut orders: HashMap<u32, Seen> = HashMap::new();
    let mut order_of: Vec<u32> = Vec::new();
    for row in (0..lines.len()).filter(|&row| lines.kind[row] == LineKind::Sale) {
        let code = lines.order_ids.codes[row];
        let (customer, location) = (lines.customer_ids.codes[row], lines.location_ids.codes[row]);
        let at = Some(lines.at[row]).filter(|at| *at != NO_TIME);
        let seen = orders.entry(code).or_insert_with(|| {
            order_of.push(code);
            let (first_us, last_us) = at.map_or((i64::MAX, i64::MIN), |at| (at.0, at.0));
            Seen { customer, location, first_us, last_us, doubt: Doubt::default() }
        });
        seen.doubt.customers |= is_other(&mut seen.customer, customer);
        seen.doubt.locations |= is_other(&mut seen.location, location);
        if let Some(at) = at {
            seen.first_us = seen.first_us.min(at.0);
            seen.last_us = seen.last_us.max(at.0);
        }
    }
    let mut repeats = Repeats::default();
    for code in order_of {
        let seen = &orders[&code];
        let days = seen.first_us <= seen.last_us && Doubt::of_days(seen.first_us, seen.last_us);
        let id = || lines.order_ids.dictionary[code as usize].to_string();
        repeats.count(Doubt { days, ..seen.doubt }, id);
    }
    repeats
}

/// Does a code contradict the one known so far? What is unknown contradicts nothing.
fn is_other(known: &mut u32, code: u32) -> bool {
    if *known == NO_ID {
        *known = code;
    }
    code != NO_ID && code != *known
}

#[cfg(test)]
mod tests;
