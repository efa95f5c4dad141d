//! Whether learning stays within the memory that it tells beforehand. A process of its own, since
//! the operating system counts by process; where it does not count, there is nothing to check.
#![allow(clippy::unwrap_used)]

use events::Timestamp;
use events::time::DAY_US;
use history::{Baskets, HistoryView, ItemEntry, NO_CUSTOMER};
use learn::ranker::RankerParams;
use learn::{Params, Silent, memory_needed_bytes};

/// The most memory that this process has had so far, in bytes.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

/// Baskets of 5 to 34 items out of 1,500, without rhyme or reason.
fn shop(n_baskets: u64) -> HistoryView {
    let mut state = 1_u64;
    let mut next = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % limit
    };
    let basket = |_| {
        let n = 5 + next(30);
        let mut items: Vec<u32> = (0..n).map(|_| next(1_500) as u32).collect();
        items.sort_unstable();
        items.dedup();
        items
    };
    let items = (0..n_baskets).map(basket).collect();
    let at = (0..n_baskets as i64).map(|hour| Timestamp(hour * DAY_US / 24)).collect();
    HistoryView {
        items: (0..1_500)
            .map(|item| ItemEntry { id: item.to_string().into(), ..ItemEntry::default() })
            .collect(),
        baskets: Baskets { items, at, customers: vec![NO_CUSTOMER; n_baskets as usize] },
        ..HistoryView::default()
    }
}

#[test]
fn learning_takes_no_more_memory_than_it_said() {
    let view = shop(5_000);
    let Some(before) = peak_bytes() else {
        println!("skipped: this system does not tell the memory of a process");
        return;
    };
    // What is told for a ranker is the most that it can take: it is checked on its own below.
    let ranker = RankerParams { max_cases: 0, ..RankerParams::default() };
    let params =
        Params { ease_max_items: 600, ease_lambda: Some(10.0), ranker, ..Params::default() };
    let params = params.check().unwrap();
    let needed = memory_needed_bytes(&view, &params);
    let learned = learn::learn(&view, &params, &Silent).unwrap();
    let taken = peak_bytes().unwrap() - before;
    println!("told {needed} bytes, taken {taken}");
    assert!(learned.provenance.parameters["tuning"].starts_with("inner split"));
    // Code, stacks and what the allocator keeps are not counted.
    assert!(taken < needed + needed / 10 + (16 << 20), "told {needed} bytes, taken {taken}");
    assert!(needed < 2 * taken, "told {needed} bytes, taken only {taken}");
    let ranker = RankerParams { max_cases: 300, ..RankerParams::default() };
    let params =
        Params { ease_max_items: 600, ease_lambda: Some(10.0), ranker, ..Params::default() };
    let params = params.check().unwrap();
    let needed = memory_needed_bytes(&view, &params);
    let learned = learn::learn(&view, &params, &Silent).unwrap();
    let taken = peak_bytes().unwrap() - before;
    assert!(learned.provenance.parameters.contains_key("ranker.many"));
    assert!(taken < needed + needed / 10 + (16 << 20), "told {needed} bytes, taken {taken}");
}
