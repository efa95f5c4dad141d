use super::*;

fn assigned(unit: u64, customer: Option<u32>, is_held_out: bool, first_at_us: i64) -> Assigned {
    let arm = if is_held_out { HOLDOUT } else { OFFERS };
    Assigned { unit: UnitId(unit), customer, arm, first_at_us }
}

fn sale(at_us: i64, elsewhere: f64) -> Purchase {
    Purchase { at_us, elsewhere, n_items: 1.0, is_order: true, ..Purchase::default() }
}

fn sums(trial: &Trial, with_crossers: bool, column: usize) -> (u64, f64, u64, f64) {
    let arms = trial.arms(with_crossers, |_| {});
    (arms.offers.n(), arms.offers.sum(column), arms.holdout.n(), arms.holdout.sum(column))
}

#[test]
fn purchases_count_from_the_first_assignment_on() {
    let units = vec![assigned(1, Some(7), false, 100), assigned(2, Some(8), true, 200)];
    let mut trial = Trial::new(units, [], 50);
    let seven = trial.find(Some(7), None).unwrap();
    assert!(trial.add(seven, &sale(100, 10.0)));
    assert!(!trial.add(seven, &sale(99, 3.0)), "the period before");
    assert!(!trial.add(seven, &sale(49, 100.0)), "too long before");
    // What came back of the sale before the trial does not count against it.
    let back = Purchase { is_order: false, ..sale(99, -3.0) };
    assert!(!trial.add(seven, &back));
    assert_eq!(sums(&trial, true, ELSEWHERE), (1, 10.0, 1, 0.0));
    assert_eq!(sums(&trial, true, BEFORE), (1, 0.0, 1, 0.0));
    assert_eq!(sums(&trial, true, ORDERS), (1, 1.0, 1, 0.0));
    assert!(trial.add(seven, &sale(300, 5.0)));
    assert_eq!(sums(&trial, true, CAME_BACK), (1, 1.0, 1, 0.0));
    assert_eq!(sums(&trial, true, CONVERTED), (1, 1.0, 1, 0.0));
    assert!(trial.add(seven, &Purchase { is_order: false, ..sale(300, -5.0) }));
    assert_eq!(sums(&trial, true, RETURNED), (1, 5.0, 1, 0.0));
    assert_eq!(trial.began_at_us(), Some(100));
    assert_eq!(trial.find(Some(9), Some(UnitId(9))), None);
    assert!(!trial.add(99, &sale(300, 5.0)), "nobody");
}

#[test]
fn who_orders_again_does_so_within_days_of_the_first_whatever_comes_first() {
    let unit = |n: u64| Assigned { unit: UnitId(n), customer: None, arm: OFFERS, first_at_us: 100 };
    let mut trial = Trial::new(vec![unit(1), unit(2), unit(3)], [], 1_000);
    let person = |n: u64| trial.find(None, Some(UnitId(n))).unwrap();
    let (one, two, three) = (person(1), person(2), person(3));
    let again = |trial: &Trial| {
        let arms = trial.arms(true, |_| {});
        AGAIN.map(|column| arms.offers.sum(column))
    };
    let on = |day: i64| sale(200 + day * DAY_US, 1.0);
    trial.add(one, &on(70));
    trial.add(one, &on(0));
    assert_eq!(again(&trial), [0.0, 0.0, 1.0]);
    trial.add(one, &on(45));
    assert_eq!(again(&trial), [0.0, 1.0, 1.0]);
    trial.add(two, &on(10));
    trial.add(two, &on(40));
    assert_eq!(again(&trial), [1.0, 2.0, 2.0], "30 days to the moment");
    // What comes back and what was bought before are no orders of the trial.
    trial.add(three, &on(0));
    trial.add(three, &Purchase { is_order: false, ..on(1) });
    trial.add(three, &sale(50, 1.0));
    assert_eq!(again(&trial), [1.0, 2.0, 2.0]);
}

#[test]
fn checkouts_count_from_the_first_assignment_on() {
    let units = vec![assigned(1, Some(7), false, 100), assigned(2, Some(8), true, 200)];
    let mut trial = Trial::new(units, [], 50);
    let seven = trial.find(Some(7), None).unwrap();
    assert!(!trial.add_checkout(seven, 99, true));
    assert!(trial.add_checkout(seven, 100, true) && trial.add_checkout(seven, 150, false));
    assert!(!trial.add_checkout(99, 150, true), "nobody");
    assert_eq!(sums(&trial, true, BEGUN), (1, 2.0, 1, 0.0));
    assert_eq!(sums(&trial, true, COMPLETED), (1, 1.0, 1, 0.0));
}

#[test]
fn visits_of_one_customer_are_one_person_with_the_first_arm() {
    // A guest in the holdout who turns out to be customer 7, assigned to offers later.
    let units = vec![
        assigned(2, Some(7), false, 200),
        assigned(1, None, true, 100),
        assigned(3, None, false, 150),
    ];
    let mut trial = Trial::new(units, [(UnitId(1), 7), (UnitId(1), 8)], 0);
    assert_eq!((trial.n_persons(), trial.n_crossers()), (2, 1));
    let seven = trial.find(Some(7), None);
    assert_eq!(seven, trial.find(None, Some(UnitId(1))));
    assert_eq!(seven, trial.find(Some(7), Some(UnitId(3))), "the customer comes first");
    assert!(trial.add(seven.unwrap(), &sale(120, 4.0)));
    assert_eq!(sums(&trial, true, ELSEWHERE), (1, 0.0, 1, 4.0));
    assert_eq!(sums(&trial, false, ELSEWHERE), (1, 0.0, 0, 0.0), "crossers are left out");
}

#[test]
fn a_sale_of_which_only_the_date_is_known_counts_on_the_day_of_the_assignment() {
    let mut trial = Trial::new(vec![assigned(1, None, false, 150)], [], 500);
    let of_date = |at_us| Purchase { within_us: 100, ..sale(at_us, 4.0) };
    assert!(trial.add(0, &of_date(100)), "the same day");
    assert!(!trial.add(0, &of_date(0)), "the day before");
    assert!(!trial.add(0, &of_date(50)), "it ended when the assignment came");
    assert_eq!(sums(&trial, true, ELSEWHERE), (1, 4.0, 0, 0.0));
    assert_eq!(sums(&trial, true, BEFORE), (1, 8.0, 0, 0.0));
}

#[test]
fn who_was_assigned_before_the_window_is_neither_in_it_nor_unknown() {
    let units = vec![
        assigned(1, Some(7), true, 100),
        assigned(2, Some(7), false, 900),
        assigned(3, Some(8), false, 900),
        assigned(4, None, true, 950),
        assigned(5, None, false, 200),
    ];
    let mut trial = Trial::new(units, [], 0).since(500);
    assert_eq!((trial.n_persons(), trial.n_crossers()), (2, 0));
    assert_eq!(trial.began_at_us(), Some(900));
    assert_eq!(trial.find(Some(7), Some(UnitId(4))), None, "seven is older");
    assert!(trial.is_older(Some(7), None) && trial.is_older(None, Some(UnitId(5))));
    assert!(!trial.is_older(Some(8), Some(UnitId(5))) && !trial.is_older(Some(99), None));
    let eight = trial.find(Some(8), None).unwrap();
    assert!(trial.add(eight, &sale(950, 3.0)));
    let four = trial.find(None, Some(UnitId(4))).unwrap();
    assert!(trial.add(four, &sale(960, 5.0)));
    assert_eq!(sums(&trial, true, ELSEWHERE), (1, 3.0, 1, 5.0));
}

#[test]
fn of_three_arms_two_are_compared_and_a_crosser_counts_in_the_first() {
    let of = |unit, customer, arm, first_at_us| Assigned {
        unit: UnitId(unit),
        customer: Some(customer),
        arm,
        first_at_us,
    };
    // Seven was in arm 2 before arm 1; eight is in arm 1, nine in arm 0, ten crossed 0 and 2.
    let units = vec![
        of(1, 7, 1, 200),
        of(2, 7, 2, 100),
        of(3, 8, 1, 100),
        of(4, 9, 0, 100),
        of(5, 10, 0, 100),
        of(6, 10, 2, 300),
    ];
    let mut trial = Trial::new(units, [], 0);
    for customer in 7..=10 {
        let person = trial.find(Some(customer), None).unwrap();
        trial.add(person, &sale(400, f64::from(customer)));
    }
    assert_eq!((sums(&trial, true, REVENUE), trial.n_crossers()), ((1, 8.0, 2, 19.0), 1));
    assert_eq!(sums(&trial, false, REVENUE), (1, 8.0, 1, 9.0));
    trial.compare_arms(2, 0);
    assert_eq!((sums(&trial, true, REVENUE), trial.n_crossers()), ((1, 7.0, 2, 19.0), 2));
    assert_eq!(trial.filled(REVENUE), [7.0, 9.0, 10.0]);
    assert_eq!(trial.n_crossers_of_all(), 2);
}

#[test]
fn caps_change_what_is_summed() {
    let mut trial = Trial::new(vec![assigned(1, None, false, 0)], [], 0);
    trial.add(0, &sale(5, 1_000.0));
    let arms = trial.arms(true, |row| row[ELSEWHERE] = row[ELSEWHERE].min(10.0));
    assert_eq!((arms.offers.sum(ELSEWHERE), arms.offers.sum(ITEMS)), (10.0, 1.0));
    assert_eq!(trial.filled(ELSEWHERE), [1_000.0]);
}
