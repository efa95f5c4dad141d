//! The store against a slow and obvious twin: any imports, any batches, any live orders.

use std::collections::BTreeMap;

use events::lines::NO_TIME;
use events::{EventKind, LineKind, OrderLines, Timestamp};
use history::{ImportRequest, ViewOptions};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::live::event;
use crate::shop::{self, DAY_US, Shop};

/// What happens to a shop.
#[derive(Clone, Debug)]
enum Deed {
    /// Lines of (order, day, customer, item, quantity), cut into pushes.
    Import {
        lines: Vec<(u8, u8, u8, u8, i8)>,
        push_rows: usize,
    },
    Purchase {
        order: u8,
        day: u8,
        customer: u8,
        items: Vec<u8>,
    },
    Seal,
}

/// An order as the twin keeps it; lines in the order in which they came.
#[derive(Clone, Debug)]
struct Order {
    day: i64,
    customer: Option<String>,
    lines: Vec<(String, i64)>,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let line = (0_u8..6, 1_u8..5, 0_u8..4, 0_u8..5, prop_oneof![4 => 1_i8..4, 1 => -3_i8..0]);
    let import = (prop::collection::vec(line, 1..14), 1_usize..6)
        .prop_map(|(lines, push_rows)| Deed::Import { lines, push_rows });
    let purchase = (0_u8..6, 1_u8..5, 0_u8..4, prop::collection::vec(0_u8..5, 1..4))
        .prop_map(|(order, day, customer, items)| Deed::Purchase { order, day, customer, items });
    let deed = prop_oneof![4 => import, 3 => purchase, 1 => Just(Deed::Seal)];
    prop::collection::vec(deed, 1..6)
}

/// Customer 0 is nobody.
fn customer_name(customer: u8) -> Option<String> {
    (customer > 0).then(|| format!("c{customer}"))
}

fn line_text(&(order, day, customer, item, quantity): &(u8, u8, u8, u8, i8)) -> String {
    let customer = customer_name(customer).unwrap_or_else(|| "-".to_owned());
    format!("o{order} d{day} {customer}: i{item} x{quantity}")
}

/// Several lines of one order in a file are one order: earliest day, first customer named.
fn orders_of_file(lines: &[(u8, u8, u8, u8, i8)]) -> BTreeMap<String, Order> {
    let mut orders: BTreeMap<String, Order> = BTreeMap::new();
    for &(order, day, customer, item, quantity) in lines {
        let entry = orders.entry(format!("o{order}")).or_insert(Order {
            day: i64::from(day),
            customer: None,
            lines: Vec::new(),
        });
        entry.day = entry.day.min(i64::from(day));
        entry.customer = entry.customer.take().or_else(|| customer_name(customer));
        entry.lines.push((format!("i{item}"), i64::from(quantity)));
    }
    orders
}

/// Baskets by the rules of the store's documentation, with double loops.
fn baskets_of(orders: &BTreeMap<String, Order>) -> Vec<(i64, Option<String>, Vec<String>)> {
    let mut sorted: Vec<(&String, &Order)> = orders.iter().collect();
    sorted.sort_by_key(|(id, order)| (order.day, (*id).clone()));
    let mut baskets: Vec<(i64, Option<String>, BTreeMap<String, i64>)> = Vec::new();
    let mut returns: Vec<(i64, Option<String>, String, i64)> = Vec::new();
    for (_, order) in &sorted {
        let mut net: BTreeMap<String, i64> = BTreeMap::new();
        for (item, quantity) in &order.lines {
            *net.entry(item.clone()).or_default() += quantity;
        }
        for (item, quantity) in &net {
            if *quantity < 0 {
                returns.push((order.day, order.customer.clone(), item.clone(), -quantity));
            }
        }
        net.retain(|_, quantity| *quantity > 0);
        baskets.push((order.day, order.customer.clone(), net));
    }
    for (day, customer, item, mut quantity) in returns {
        if customer.is_none() {
            continue;
        }
        for basket in baskets.iter_mut().rev().filter(|basket| basket.0 <= day) {
            if basket.1 == customer
                && let Some(left) = basket.2.get_mut(&item)
            {
                let taken = quantity.min(*left);
                *left -= taken;
                quantity -= taken;
            }
        }
    }
    baskets
        .into_iter()
        .map(|(day, customer, mut net)| {
            net.retain(|_, left| *left > 0);
            (day, customer, net.into_keys().collect::<Vec<String>>())
        })
        .filter(|(_, _, items)| !items.is_empty())
        .collect()
}

async fn run(deeds: &[Deed]) -> std::result::Result<(), TestCaseError> {
    let shop = Shop::new().await;
    let log = shop.store.event_log().unwrap();
    let mut twin: BTreeMap<String, Order> = BTreeMap::new();
    for (number, deed) in deeds.iter().enumerate() {
        match deed {
            Deed::Import { lines, push_rows } => {
                let mut request = ImportRequest::new("shop", Timestamp(0));
                request.budget_bytes = 40;
                let mut import = shop.store.begin_orders(request).unwrap();
                for rows in lines.chunks(*push_rows) {
                    let text: Vec<String> = rows.iter().map(line_text).collect();
                    import.push(&shop::lines(&text.join("\n"))).unwrap();
                }
                let summary = import.commit(&|_, _| None).await.unwrap();
                let orders = orders_of_file(lines);
                let n_known = orders.keys().filter(|id| twin.contains_key(*id)).count() as u64;
                prop_assert_eq!(summary.n_orders_changed + summary.n_orders_unchanged, n_known);
                prop_assert_eq!(summary.n_orders_new, orders.len() as u64 - n_known);
                twin.extend(orders);
            }
            Deed::Purchase { order, day, customer, items } => {
                let customer_id = customer_name(*customer);
                let items: Vec<String> = items.iter().map(|item| format!("i{item}")).collect();
                let names: Vec<&str> = items.iter().map(String::as_str).collect();
                let id = format!("o{order}/{number}");
                let day = i64::from(*day);
                let name = customer_id.as_deref().unwrap_or("-");
                log.append(vec![event(&id, EventKind::Purchase, day, name, &names)]).await.unwrap();
                let lines = items.into_iter().map(|item| (item, 1)).collect();
                twin.insert(format!("o{order}"), Order { day, customer: customer_id, lines });
            }
            Deed::Seal => drop(shop.store.seal_tail(Timestamp(i64::MAX)).await.unwrap()),
        }
        compare(&shop, &twin).await?;
    }
    Ok(())
}

async fn compare(
    shop: &Shop,
    twin: &BTreeMap<String, Order>,
) -> std::result::Result<(), TestCaseError> {
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    let names: BTreeMap<u32, String> = shop
        .store
        .customers()
        .await
        .unwrap()
        .into_iter()
        .map(|customer| (customer.customer_idx, customer.customer_id))
        .collect();
    let items = view.baskets.items.view();
    let seen: Vec<(i64, Option<String>, Vec<String>)> = (0..view.baskets.len())
        .map(|row| {
            let mut ids: Vec<String> =
                items.row(row).iter().map(|&i| view.items[i as usize].id.to_string()).collect();
            ids.sort();
            let customer = names.get(&view.baskets.customers[row]).cloned();
            (view.baskets.at[row].0 / DAY_US, customer, ids)
        })
        .collect();
    prop_assert_eq!(seen, baskets_of(twin));
    Ok(())
}

#[test]
fn any_life_of_a_shop_gives_the_baskets_of_the_twin() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, seed);
    runner.run(&deeds(), |deeds| runtime.block_on(run(&deeds))).unwrap();
}

/// The language of the tests writes what the twin means.
#[test]
fn returns_are_negative_and_times_are_days() {
    let lines: OrderLines = shop::lines(&line_text(&(1, 2, 0, 3, -2)));
    assert_eq!((lines.kind[0], lines.at[0]), (LineKind::Return, Timestamp(2 * DAY_US)));
    assert_ne!(lines.at[0], NO_TIME);
    assert_eq!(lines.customer_ids.get(0), None);
}
