use super::*;

const DAYS: (i32, i32) = (-60, 28);

/// Revenue net of returns from day 0 on: from offers, and from elsewhere. `offers` answers visits.
fn live(
    world: &World,
    customer: u32,
    offers: &dyn Fn(&Life<'_>, &Visit) -> Vec<u32>,
) -> (f64, f64, Vec<i32>) {
    let mut life = Life::new(world, customer, DAYS);
    let (mut from_offers, mut elsewhere, mut days) = (0.0, 0.0, Vec::new());
    while let Some(visit) = life.next_visit(DAYS.1) {
        let shown = if visit.day < 0 { Vec::new() } else { offers(&life, &visit) };
        let outcome = life.respond(&visit, &shown);
        days.push(visit.day);
        for line in outcome.lines.iter().filter(|line| visit.day >= 0 && !line.is_returned) {
            *(if line.is_from_offer { &mut from_offers } else { &mut elsewhere }) += line.revenue();
        }
    }
    (from_offers, elsewhere, days)
}

/// Complements of what is in the cart.
fn fitting(life: &Life<'_>, visit: &Visit) -> Vec<u32> {
    let items = &life.world_for_tests().catalog.items;
    visit.anchors.iter().filter_map(|&anchor| items[anchor as usize].complement).take(4).collect()
}

#[test]
fn the_same_seed_is_the_same_life_and_another_is_not() {
    for kind in WorldKind::ALL {
        let lives = |seed| {
            let world = World::new(kind, seed);
            (0..200).map(|customer| live(&world, customer, &fitting)).collect::<Vec<_>>()
        };
        assert_eq!(lives(3), lives(3));
        assert_ne!(lives(3), lives(4));
    }
}

/// Chance is common to both lives: until the first offer, and where no offer is taken and nobody
/// is put off, both are the same.
#[test]
fn offers_that_nobody_takes_change_nothing() {
    for kind in WorldKind::ALL {
        let deaf = Nature {
            takes_complement: 0.0,
            takes_need: 0.0,
            takes_other: 0.0,
            takes_wanted: 0.0,
            put_off_share: 0.0,
            ..Nature::of(kind)
        };
        let world = World::new(kind, 5).with_nature(deaf);
        for customer in 0..300 {
            let with = live(&world, customer, &fitting);
            assert_eq!(with, live(&world, customer, &|_, _| Vec::new()), "{customer}");
            assert_eq!(with.0, 0.0);
        }
    }
}

#[test]
fn offers_earn_displace_and_put_off() {
    for kind in WorldKind::ALL {
        let world = World::new(kind, 11);
        let (mut offers, mut elsewhere, mut n_fewer, mut n_more) = (0.0, 0.0, 0, 0);
        for customer in 0..3_000 {
            let with = live(&world, customer, &fitting);
            let without = live(&world, customer, &|_, _| Vec::new());
            assert_eq!(without.0, 0.0, "nothing comes from offers where there are none");
            offers += with.0;
            elsewhere += with.1 - without.1;
            n_fewer += usize::from(with.2.len() < without.2.len());
            n_more += usize::from(with.2.len() > without.2.len());
        }
        let told = format!("{kind:?}: offers {offers:.0}, elsewhere {elsewhere:.0}");
        assert!(offers > 0.0 && elsewhere < 0.0 && -elsewhere < offers, "{told}");
        assert!(n_fewer > 0 && n_more == 0, "{told}: {n_fewer} come less, {n_more} more often");
    }
}

#[test]
fn who_is_shown_much_takes_less_of_each_slate() {
    let world = World::new(WorldKind::Shop, 2);
    let mut life = (0..500)
        .map(|customer| Life::new(&world, customer, DAYS))
        .find(|life| !life.is_guest())
        .expect("a customer");
    let visit = life.next_visit(DAYS.1).expect("a visit");
    let before = life.takes_for_tests(&visit, 7);
    (0..5).for_each(|_| drop(life.respond(&visit, &[200])));
    assert!(life.takes_for_tests(&visit, 7) < 0.6 * before);
}

#[test]
fn a_bank_sells_nothing_twice_and_a_menu_replaces_its_parts() {
    let bank = World::new(WorldKind::Bank, 9);
    for customer in 0..2_000 {
        let mut life = Life::new(&bank, customer, (-600, 0));
        let mut kept = Vec::new();
        while let Some(visit) = life.next_visit(0) {
            let outcome = life.respond(&visit, &[3, 4, 5, 6]);
            kept.extend(outcome.lines.iter().filter(|l| !l.is_returned).map(|l| l.item));
        }
        let n_kept = kept.len();
        kept.sort_unstable();
        kept.dedup();
        assert_eq!(kept.len(), n_kept, "{customer}");
    }
    let eager = Nature {
        takes_complement: 9.0,
        takes_need: 9.0,
        takes_other: 9.0,
        ..Nature::of(WorldKind::Restaurant)
    };
    let restaurant = World::new(WorldKind::Restaurant, 9).with_nature(eager);
    let menu = restaurant.catalog.items.iter().position(|i| &*i.item_id == "menu-large");
    let menu = menu.expect("on the card") as u32;
    let (mut n_parts, mut n_parts_without) = (0, 0);
    for customer in 0..500 {
        let mut life = Life::new(&restaurant, customer, DAYS);
        let Some(visit) = life.next_visit(DAYS.1) else { continue };
        let parts = |outcome: &Outcome| {
            let group = |line: &&Taken| restaurant.catalog.items[line.item as usize].group < 3;
            outcome.lines.iter().filter(group).count()
        };
        n_parts_without += parts(&life.clone().respond(&visit, &[]));
        let outcome = life.respond(&visit, &[menu]);
        if outcome.lines.iter().any(|line| line.item == menu && line.is_from_offer) {
            n_parts += parts(&outcome);
        }
    }
    assert!(n_parts * 2 < n_parts_without, "{n_parts} of {n_parts_without}");
}

/// The largest of 5,000 customers spends many times the mean; the top hundredth a good part of all.
#[test]
fn spending_has_a_heavy_tail() {
    let world = World::new(WorldKind::Shop, 1);
    let mut spent: Vec<f64> =
        (0..5_000).map(|customer| live(&world, customer, &|_, _| Vec::new()).1).collect();
    spent.sort_unstable_by(f64::total_cmp);
    let all: f64 = spent.iter().sum();
    let top: f64 = spent[4_950..].iter().sum();
    assert!(spent[4_999] > 25.0 * all / 5_000.0, "{}", spent[4_999]);
    assert!((0.12..0.6).contains(&(top / all)), "{}", top / all);
}
