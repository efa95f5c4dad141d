use super::*;
use std::collections::{HashMap, HashSet};

fn spec(extent: Extent) -> OrdersSpec {
    OrdersSpec { extent, n_items: 2_000, n_customers: 500, ..OrdersSpec::shop(10_000, 42) }
}

fn lines(spec: OrdersSpec) -> Vec<Line> {
    orders(spec).unwrap().collect()
}

#[test]
fn the_same_seed_gives_the_same_lines() {
    let once = lines(spec(Extent::Rows(20_000)));
    assert_eq!(once, lines(spec(Extent::Rows(20_000))));
    assert_ne!(once, lines(OrdersSpec { seed: 43, ..spec(Extent::Rows(20_000)) }));
}

/// What today's code makes of seed 42. A change here changes every published benchmark input.
#[test]
fn the_first_lines_never_change() {
    let told: Vec<String> = orders(spec(Extent::Rows(20_000)))
        .unwrap()
        .take(4)
        .map(|line| {
            let Line { order, is_return, item, customer, quantity, unit_price_cents, at, country } =
                line;
            let who = format!("{order} {is_return} {item} {customer:?}");
            format!("{who} {quantity} {unit_price_cents} {at} {country}")
        })
        .collect();
    assert_eq!(
        told,
        [
            "0 false 992 Some(232) 1 639 2024-01-01T08:00:00Z United Kingdom",
            "0 false 629 Some(232) 6 4369 2024-01-01T08:00:00Z United Kingdom",
            "1 false 888 Some(143) 1 39 2024-01-01T08:26:00Z United Kingdom",
            "1 false 1380 Some(143) 2 79 2024-01-01T08:26:00Z United Kingdom",
        ]
    );
}

#[test]
fn the_extent_is_exact() {
    assert_eq!(lines(spec(Extent::Rows(12_345))).len(), 12_345);
    assert_eq!(lines(spec(Extent::Rows(0))).len(), 0);
    let all = lines(spec(Extent::Orders(777)));
    let distinct: HashSet<u64> = all.iter().map(|line| line.order).collect();
    assert_eq!(distinct.len(), 777);
}

#[test]
fn orders_are_contiguous_and_times_rise_within_the_span() {
    let spec = spec(Extent::Rows(30_000));
    let (start, days) = (spec.start, f64::from(spec.span_days));
    let all = lines(spec);
    for pair in all.windows(2) {
        assert!(pair[0].order == pair[1].order || pair[0].order + 1 == pair[1].order);
        assert!(pair[0].at <= pair[1].at);
        assert!(pair[0].order != pair[1].order || pair[0].at == pair[1].at);
        assert!(pair[0].order != pair[1].order || pair[0].customer == pair[1].customer);
    }
    let last = all[all.len() - 1].at.days_since(start);
    assert!(last > days - 1.0 && last < days, "{last}");
}

#[test]
fn shares_are_as_asked() {
    let all = lines(spec(Extent::Rows(100_000)));
    let share = |count: usize| count as f64 / all.len() as f64;
    let returns = share(all.iter().filter(|line| line.is_return).count());
    let anonymous = share(all.iter().filter(|line| line.customer.is_none()).count());
    assert!((0.015..0.025).contains(&returns), "{returns}");
    assert!((0.18..0.22).contains(&anonymous), "{anonymous}");
    let n_orders = all[all.len() - 1].order + 1;
    let mean = all.len() as f64 / n_orders as f64;
    assert!((2.8..3.6).contains(&mean), "{mean}");
}

#[test]
fn a_return_takes_back_what_its_customer_bought() {
    let mut sold: HashMap<(Option<u32>, u32), i32> = HashMap::new();
    let mut n_returns = 0;
    for line in lines(spec(Extent::Rows(50_000))) {
        assert_eq!(line.quantity < 0, line.is_return);
        let most = sold.entry((line.customer, line.item)).or_insert(0);
        if line.is_return {
            n_returns += 1;
            assert!(*most >= -line.quantity, "{line:?}");
        } else {
            *most = (*most).max(line.quantity);
        }
    }
    assert!(n_returns > 500);
}

/// Items of one group meet in a basket far more often than chance would have it.
#[test]
fn the_planted_groups_show() {
    let mut stream = orders(spec(Extent::Orders(5_000))).unwrap();
    let (mut n_pairs, mut n_same) = (0_u32, 0_u32);
    while let Some(order) = stream.next_order().map(<[Line]>::to_vec) {
        for (at, one) in order.iter().enumerate() {
            for other in order[at + 1..].iter().filter(|other| other.item != one.item) {
                let group = |line: &Line| stream.catalog().items[line.item as usize].group;
                n_pairs += 1;
                n_same += u32::from(group(one) == group(other));
            }
        }
    }
    let share = f64::from(n_same) / f64::from(n_pairs);
    assert!(share > 0.25, "{share} of {n_pairs}");
}

#[test]
fn impossible_histories_are_refused() {
    let base = spec(Extent::Rows(10));
    for bad in [
        OrdersSpec { n_items: 0, ..base.clone() },
        OrdersSpec { n_customers: 0, ..base.clone() },
        OrdersSpec { span_days: 0, ..base.clone() },
        OrdersSpec { mean_basket_size: 0.5, ..base.clone() },
        OrdersSpec { mean_basket_size: f64::NAN, ..base.clone() },
        OrdersSpec { anonymous_share: 1.5, ..base.clone() },
        OrdersSpec { return_share: -0.1, ..base.clone() },
    ] {
        assert!(matches!(orders(bad), Err(Error::Spec { .. })));
    }
}
