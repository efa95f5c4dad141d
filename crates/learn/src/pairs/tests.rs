use super::*;
use events::Timestamp;

fn baskets(rows: &[(&[u32], u32)]) -> Baskets {
    Baskets {
        items: rows.iter().map(|(items, _)| items).collect(),
        at: (0..rows.len() as i64).map(Timestamp::from_seconds).collect(),
        customers: rows.iter().map(|&(_, customer)| customer).collect(),
    }
}

fn tables_of(baskets: &Baskets, n_items: usize, params: &PairParams) -> PairTables {
    let weights = BasketWeights::new(baskets, None, 1_000);
    let baskets_of = baskets.items.view().transpose(n_items);
    learn(baskets, &baskets_of, &weights, 30.0, params)
}

fn pair(tables: &PairTables, anchor: usize, item: u32) -> Option<PairStats> {
    let view = tables.pairs.view();
    let at = view.row(anchor).iter().position(|&other| other == item)?;
    Some(tables.stats[view.range(anchor)][at])
}

#[test]
fn counts_lift_and_direction_are_those_of_the_baskets() {
    let baskets = baskets(&[
        (&[0], 0),
        (&[1], 0),
        (&[0, 1], 1),
        (&[1], 2),
        (&[0], 2),
        (&[0, 2], NO_CUSTOMER),
        (&[2], NO_CUSTOMER),
        (&[0], 3),
        (&[1], 3),
    ]);
    let tables = tables_of(&baskets, 3, &PairParams::default());
    let found = pair(&tables, 0, 1).unwrap();
    assert_eq!(found.n_both, 1);
    // 5 baskets with item 0, 4 with item 1, of 9: expected 20/9.
    assert!((found.lift - 9.0 / 20.0).abs() < 1e-6);
    // Customers 0 and 3 bought item 0 first, customer 2 item 1 first, customer 1 both at once.
    assert_eq!((found.n_after, found.n_before), (2, 1));
    let back = pair(&tables, 1, 0).unwrap();
    assert_eq!((back.n_after, back.n_before), (1, 2));
    assert_eq!(back.lift, found.lift);
    // Jaccard without decay: 1 of 5 + 4 − 1.
    assert!((found.jaccard - 1.0 / 8.0).abs() < 1e-6);
    assert_eq!(tables.n_seen, 2);
}

#[test]
fn independent_items_are_not_significant_and_planted_pairs_are() {
    // Items 0 and 1 always together; items 2..12 thrown in by a fixed pattern.
    let rows: Vec<(Vec<u32>, u32)> = (0..600_u32)
        .map(|b| {
            let mut items: Vec<u32> =
                (2..12).filter(|i| (b * 31 + i * 17 + b / 7 * i) % 10 < 3).collect();
            if b % 6 == 0 {
                items.extend([0, 1]);
            }
            items.sort_unstable();
            (items, NO_CUSTOMER)
        })
        .collect();
    let rows: Vec<(&[u32], u32)> = rows.iter().map(|(items, c)| (&items[..], *c)).collect();
    let tables = tables_of(&baskets(&rows), 12, &PairParams::default());
    assert_eq!(pair(&tables, 0, 1).unwrap().is_significant, 1);
    assert_eq!(pair(&tables, 1, 0).unwrap().is_significant, 1);
    let n_false = (2..12)
        .flat_map(|a| (2..12).map(move |b| (a, b)))
        .filter(|&(a, b)| {
            pair(&tables, a, b).is_some_and(|pair| pair.is_significant == 1 && pair.lift < 1.0)
        })
        .count();
    assert_eq!(n_false, 0, "a pair seen less often than chance was called significant");
}

#[test]
fn one_common_basket_is_an_accident_however_rare_the_items() {
    let mut rows: Vec<(&[u32], u32)> = vec![(&[2], NO_CUSTOMER); 1_000];
    rows.push((&[0, 1], NO_CUSTOMER));
    let tables = tables_of(&baskets(&rows), 3, &PairParams::default());
    let found = pair(&tables, 0, 1).unwrap();
    assert!(found.g2 > 10.0);
    assert_eq!(found.is_significant, 0);
}

/// Three items a basket, drawn without looking: what meets twice does so by chance.
#[test]
fn chance_is_no_evidence() {
    let mut state = 1_u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % 3_000) as u32
    };
    let rows: Vec<Vec<u32>> = (0..20_000)
        .map(|_| {
            let mut items = vec![draw(), draw(), draw()];
            items.sort_unstable();
            items.dedup();
            items
        })
        .collect();
    let rows: Vec<(&[u32], u32)> = rows.iter().map(|row| (&row[..], NO_CUSTOMER)).collect();
    let tables = tables_of(&baskets(&rows), 3_000, &PairParams::default());
    let n_twice = tables.stats.iter().filter(|pair| pair.n_both >= 2).count();
    assert!(n_twice > 500, "only {n_twice} met twice");

    assert_eq!(tables.n_tests, 3_000 * 2_999 / 2);
    assert_eq!(tables.n_significant, 0);
}

#[test]
fn a_basket_above_the_limit_counts_nowhere() {
    let sound: Vec<(&[u32], u32)> =
        vec![(&[0, 1], NO_CUSTOMER), (&[0], NO_CUSTOMER), (&[1, 2], NO_CUSTOMER)];
    let dump: Vec<u32> = (0..20).collect();
    let mut with_dump = sound.clone();
    with_dump.extend([(&dump[..], NO_CUSTOMER); 3]);
    let of = |rows: &[(&[u32], u32)]| {
        let baskets = baskets(rows);
        let weights = BasketWeights::new(&baskets, None, 10);
        let baskets_of = baskets.items.view().transpose(20);
        learn(&baskets, &baskets_of, &weights, 30.0, &PairParams::default())
    };
    let (without, with) = (of(&sound), of(&with_dump));

    assert_eq!(with.n_tests, 3);
    assert_eq!((with.n_seen, with.stats), (without.n_seen, without.stats));
}

#[test]
fn keeps_the_best_of_each_row_in_a_fixed_order() {
    let rows: Vec<Vec<u32>> = (1..40).map(|other| vec![0, other]).collect();
    let rows: Vec<(&[u32], u32)> = rows.iter().map(|row| (&row[..], NO_CUSTOMER)).collect();
    let params = PairParams { per_item: 5, ..PairParams::default() };
    let tables = tables_of(&baskets(&rows), 40, &params);
    // All alike: ties by the smaller index.
    assert_eq!(tables.pairs.view().row(0), [1, 2, 3, 4, 5]);
    assert_eq!(tables.neighbors.view().row(0), [1, 2, 3, 4, 5]);
}

#[test]
fn the_histogram_rule_is_benjamini_hochberg() {
    // Against the exact rule on the same p-values: the threshold may be stricter by one step.
    let rows: Vec<(Vec<u32>, u32)> = (0..400_u32)
        .map(|b| {
            let items = (0..25_u32).filter(|i| (b * 13 + i * 7 + (b / 5) * i) % 11 < 2).collect();
            (items, NO_CUSTOMER)
        })
        .collect();
    let rows: Vec<(&[u32], u32)> = rows.iter().map(|(items, c)| (&items[..], *c)).collect();
    let baskets = baskets(&rows);
    let params = PairParams { per_item: 25, min_baskets: 1, false_discovery_rate: 0.05 };
    let tables = tables_of(&baskets, 25, &params);
    let mut p_values = Vec::new();
    let mut g2 = Vec::new();
    let counts: Vec<u64> =
        baskets.items.view().transpose(25).offsets.windows(2).map(|p| p[1] - p[0]).collect();
    for anchor in 0..25_usize {
        let view = tables.pairs.view();
        for (&item, stats) in view.row(anchor).iter().zip(&tables.stats[view.range(anchor)]) {
            if item as usize > anchor {
                let table = PairTable::new(
                    u64::from(stats.n_both),
                    counts[anchor],
                    counts[item as usize],
                    400,
                );
                p_values.push(table.p_value());
                g2.push((table.p_value(), stats.is_significant));
            }
        }
    }
    let n_tests = 25 * 24 / 2;
    let threshold = measure::evidence::benjamini_hochberg(&mut p_values, n_tests, 0.05);
    let n_exact = g2.iter().filter(|(p, _)| threshold.is_some_and(|t| *p <= t)).count();
    let n_ours = g2.iter().filter(|(_, significant)| *significant == 1).count();
    assert!(n_ours <= n_exact, "{n_ours} found, the exact rule finds {n_exact}");
    assert!(n_exact - n_ours <= 2, "{n_ours} found, the exact rule finds {n_exact}");
    assert!(n_exact > 0, "the data has planted structure");
}
