//! Visits are ranked without allocating once the scratch has grown. A process of its own, since it
//! counts with an allocator of its own.
#![allow(unsafe_code)]

use score::sessions::vmis::{Vmis, VmisParams, VmisScratch};
use score::sessions::{
    DEFAULT_KIND_WEIGHTS, Head, Horizon, RankScratch, Ranker, SessionIndex, Step,
};
use score::{LeftOut, Trees};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Of this thread: what runs the tests allocates beside them.
    static N_ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands everything on to the system's allocator and only counts beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        N_ALLOCATIONS.set(N_ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const N_ITEMS: u32 = 500;
const N_SESSIONS: u32 = 4_000;
const N_STEPS: u32 = 5;

/// Sessions of five steps over 500 items, without rhyme or reason.
struct Arrays {
    offsets: Vec<u32>,
    ended_at_s: Vec<u32>,
    items: Vec<u32>,
    session_of: Vec<u32>,
    posting_offsets: Vec<u32>,
    postings: Vec<u32>,
}

fn arrays() -> Arrays {
    let n_events = N_SESSIONS * N_STEPS;
    let items: Vec<u32> =
        (0..n_events).map(|event| (event.wrapping_mul(2_654_435_761) >> 7) % N_ITEMS).collect();
    let mut postings: Vec<u32> = (0..n_events).collect();
    postings.sort_by_key(|&event| items[event as usize]);
    let before = |item: u32| postings.partition_point(|&event| items[event as usize] < item) as u32;
    Arrays {
        offsets: (0..=N_SESSIONS).map(|session| session * N_STEPS).collect(),
        ended_at_s: (0..N_SESSIONS).map(|session| session * 60).collect(),
        session_of: (0..n_events).map(|event| event / N_STEPS).collect(),
        posting_offsets: (0..=N_ITEMS).map(before).collect(),
        postings,
        items,
    }
}

#[test]
fn a_warm_scratch_ranks_without_allocating() {
    let arrays = arrays();
    let marks = vec![4_u8; arrays.items.len()];
    let index = SessionIndex {
        offsets: &arrays.offsets,
        ended_at_s: &arrays.ended_at_s,
        items: &arrays.items,
        marks: &marks,
        session_of: &arrays.session_of,
        posting_offsets: &arrays.posting_offsets,
        postings: &arrays.postings,
    };
    let index = index.checked().expect("the arrays fit each other");
    let (stats, trees) = (vec![1.0; N_ITEMS as usize * 4], Trees::default());
    let horizon = Horizon { index, n_sessions: N_SESSIONS, stats: &stats, popular: &[1, 2, 3] };
    let kind_weights = &DEFAULT_KIND_WEIGHTS;
    let ranker = Ranker {
        head: Head::Next,
        horizon,
        kind_weights,
        left_out: LeftOut::default(),
        trees: &trees,
    };
    let idf = vec![1.0; N_ITEMS as usize];
    let vmis = Vmis { index, idf: &idf, params: VmisParams::TUNED };
    let (mut scratch, mut vmis_scratch) = (RankScratch::default(), VmisScratch::default());
    let visits: Vec<Vec<Step>> =
        (0..50).map(|at| (0..at % 12 + 1).map(|n| Step::view(at * 9 + n)).collect()).collect();
    let mut ask_all = || {
        let before = N_ALLOCATIONS.get();
        let mut n_found = 0;
        for visit in &visits {
            n_found += ranker.rank(visit, 20, &mut scratch, |_| true).len();
            n_found += vmis.predict(visit, 20, &mut vmis_scratch, |_| true).len();
        }
        (n_found, N_ALLOCATIONS.get() - before)
    };
    let (n_cold, n_cold_allocations) = ask_all();
    let (n_warm, n_warm_allocations) = ask_all();
    assert_eq!(n_cold, n_warm);
    assert!(n_cold > 50 * 20 && n_cold_allocations > 0);
    assert_eq!(n_warm_allocations, 0);
}
