//! The record of one answer: everything that is needed to say later why it came out so.
//!
//! Items stand by their external ids, so that a record outlives its snapshot. No customer id: the
//! pseudonymous index is kept beside the record, and erasing a customer erases the record.

use crate::answer::write_amount;
use crate::json_text::JsonText;
use crate::state::Served;
use decide::{CartLine, Filter, ItemRef, Placement, Request};
use events::{Amount, Timestamp};
use score::World;
use serde::Deserialize;

/// Format of the record; a reader refuses what it does not know.
const VERSION: u64 = 1;

pub(crate) fn write_record(
    served: &Served,
    key_id: Option<&str>,
    at: Timestamp,
    request: &Request<'_>,
    answer: &[u8],
) -> Vec<u8> {
    let world = &served.world;
    let mut out = JsonText::with_capacity(answer.len() + 512);
    out.raw("{\"version\":");
    out.number(VERSION);
    out.raw(",\"at_us\":");
    out.number(u64::try_from(at.0).unwrap_or(0));
    out.raw(",\"snapshot\":");
    out.string(&served.snapshot_id);
    if let Some(key_id) = key_id {
        out.raw(",\"key\":");
        out.string(key_id);
    }
    out.raw(",\"asked\":{\"placement\":\"");
    out.raw(request.placement.as_str());
    out.raw("\",\"anchors\":");
    list(&mut out, request.anchors, |out, item| write_ref(out, world, item));
    out.raw(",\"cart\":");
    list(&mut out, request.cart, |out, line| write_line(out, world, line));
    for (name, items) in [
        (",\"session\":", request.session),
        (",\"bought_since\":", request.bought_since),
        (",\"exclude\":", request.exclude),
    ] {
        out.raw(name);
        list(&mut out, items, |out, &item| out.string(world.item_id(item)));
    }
    write_options(&mut out, request);
    out.raw("},\"answer\":");
    out.raw(std::str::from_utf8(answer).expect("an answer is written from texts"));
    out.raw("}");
    out.into_bytes()
}

fn list<T>(out: &mut JsonText, items: &[T], mut write: impl FnMut(&mut JsonText, &T)) {
    out.raw("[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.raw(",");
        }
        write(out, item);
    }
    out.raw("]");
}

fn write_ref(out: &mut JsonText, world: &World, item: &ItemRef<'_>) {
    match item {
        ItemRef::Known(item) => out.string(world.item_id(*item)),
        ItemRef::Unknown { item_id } => out.string(item_id),
    }
}

fn write_line(out: &mut JsonText, world: &World, line: &CartLine<'_>) {
    out.raw("{\"item_id\":");
    write_ref(out, world, &line.item);
    out.raw(",\"quantity\":");
    write_amount(out, line.quantity);
    write_optional(out, ",\"unit_price\":", line.unit_price);
    out.raw("}");
}

fn write_optional(out: &mut JsonText, name: &str, amount: Option<Amount>) {
    if let Some(amount) = amount {
        out.raw(name);
        write_amount(out, amount);
    }
}

fn write_options(out: &mut JsonText, request: &Request<'_>) {
    if let Some(customer) = request.customer {
        out.raw(",\"customer\":");
        out.number(customer.into());
    }
    if let Some(category) = request.category {
        out.raw(",\"category\":");
        out.string(category);
    }
    if let Some(count) = request.count {
        out.raw(",\"count\":");
        out.number(count as u64);
    }
    if let Some(filter) = request.filter {
        out.raw(",\"filter\":{\"categories\":");
        list(out, &filter.categories, |out, category| out.string(category));
        write_optional(out, ",\"price_min\":", filter.price_min);
        write_optional(out, ",\"price_max\":", filter.price_max);
        out.raw("}");
    }
}

/// What was asked, read back from a record.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    version: u64,
    #[serde(default)]
    pub(crate) snapshot: String,
    asked: Asked,
}

#[derive(Debug, Deserialize)]
struct Asked {
    placement: String,
    anchors: Vec<String>,
    cart: Vec<AskedLine>,
    session: Vec<String>,
    bought_since: Vec<String>,
    exclude: Vec<String>,
    customer: Option<u32>,
    category: Option<String>,
    count: Option<usize>,
    filter: Option<AskedFilter>,
}

#[derive(Debug, Deserialize)]
struct AskedLine {
    item_id: String,
}

#[derive(Debug, Deserialize)]
struct AskedFilter {
    categories: Vec<String>,
    price_min: Option<f64>,
    price_max: Option<f64>,
}

impl Record {
    /// `None`: written by another version, or damaged.
    pub(crate) fn read(payload: &[u8]) -> Option<Record> {
        let record: Record = serde_json::from_slice(payload).ok()?;
        (record.version == VERSION).then_some(record)
    }

    /// Asks the same again of the present world.
    pub(crate) fn ask_again<R>(
        &self,
        world: &World,
        ask: impl FnOnce(&Request<'_>) -> R,
    ) -> Option<R> {
        let asked = &self.asked;
        let item_ref = |item_id: &'_ String| match world.item_idx(item_id) {
            Some(item) => Some(ItemRef::Known(item)),
            None => None,
        };
        let known = |ids: &[String]| ids.iter().filter_map(|id| world.item_idx(id)).collect();
        let anchors: Vec<ItemRef<'_>> = asked.anchors.iter().filter_map(item_ref).collect();
        let line = |line: &AskedLine| {
            let item = item_ref(&line.item_id)?;
            Some(CartLine { item, quantity: Amount::ONE, unit_price: None })
        };
        let cart: Vec<CartLine<'_>> = asked.cart.iter().filter_map(line).collect();
        let session: Vec<u32> = known(&asked.session);
        let bought_since: Vec<u32> = known(&asked.bought_since);
        let exclude: Vec<u32> = known(&asked.exclude);
        let amount = |value: Option<f64>| Amount::from_f64(value?).ok();
        let filter = asked.filter.as_ref().map(|filter| Filter {
            categories: filter.categories.clone(),
            price_min: amount(filter.price_min),
            price_max: amount(filter.price_max),
        });
        Some(ask(&Request {
            anchors: &anchors,
            cart: &cart,
            session: &session,
            customer: asked.customer,
            bought_since: &bought_since,
            category: asked.category.as_deref(),
            count: asked.count,
            filter: filter.as_ref(),
            exclude: &exclude,
            ..Request::at(Placement::parse(&asked.placement)?)
        }))
    }
}
