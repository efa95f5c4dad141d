//! One thread reads, several parse, the caller takes the results in file order.
//!
//! Memory is bounded by tickets: the reader needs one for each piece, and gets it back when the
//! caller has taken that piece's result. So a slow caller or a slow piece stops the reader.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};

use crate::Error;

/// More do not pay: unpacking and the caller are the limit long before.
const MAX_WORKERS: usize = 16;

/// Threads to parse with; 0 asks for as many as there are processors.
pub(crate) fn n_workers(asked: usize) -> usize {
    let available = || std::thread::available_parallelism().map_or(1, |n| n.get());
    let n = if asked == 0 { available() } else { asked };
    n.clamp(1, MAX_WORKERS)
}

type Numbered<T> = (u64, T);
/// A result, or the panic of the worker, which goes on in the calling thread.
type Outcome<T> = std::thread::Result<T>;

/// Runs `next` (pieces, in order), `make_worker` (one parser a thread) and `take` (results, in
/// order). Whether a result is handed over never depends on timing: everything before the first
/// error of `next` is.
pub(crate) fn run<P, T, N, M, W>(
    n_workers: usize,
    next: N,
    make_worker: M,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Error>
where
    P: Send,
    T: Send,
    N: FnMut() -> Result<Option<P>, Error> + Send,
    M: Fn() -> W + Sync,
    W: FnMut(P) -> T,
{
    let n_tickets = 2 * n_workers + 2;
    let (ticket_sender, tickets) = sync_channel::<()>(n_tickets);
    for _ in 0..n_tickets {
        ticket_sender.send(()).expect("the receiver lives in this function");
    }
    let (piece_sender, pieces) = sync_channel::<Numbered<P>>(n_workers);
    let (result_sender, results) = channel::<Numbered<Outcome<T>>>();
    // Shared by the workers alone: when the last of them ends, the reader's next piece is refused.
    let pieces = Arc::new(Mutex::new(pieces));
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_all(next, &tickets, &piece_sender));
        for _ in 0..n_workers {
            let (pieces, result_sender) = (Arc::clone(&pieces), result_sender.clone());
            let make_worker = &make_worker;
            scope.spawn(move || work(&pieces, make_worker(), &result_sender));
        }
        drop((pieces, result_sender));
        let flow = take_in_order(&results, &ticket_sender, &mut take);
        // Without tickets the reader ends, then the workers: nobody waits for ever.
        drop(ticket_sender);
        drop(results);
        match reader.join() {
            Ok(result) => result.map(|()| flow),
            Err(panic) => resume_unwind(panic),
        }
    })
}

fn read_all<P>(
    mut next: impl FnMut() -> Result<Option<P>, Error>,
    tickets: &Receiver<()>,
    pieces: &SyncSender<Numbered<P>>,
) -> Result<(), Error> {
    let mut number = 0;
    while tickets.recv().is_ok() {
        let Some(piece) = next()? else { return Ok(()) };
        if pieces.send((number, piece)).is_err() {
            return Ok(());
        }
        number += 1;
    }
    Ok(())
}

fn work<P, T>(
    pieces: &Mutex<Receiver<Numbered<P>>>,
    mut parse: impl FnMut(P) -> T,
    results: &Sender<Numbered<Outcome<T>>>,
) {
    loop {
        let Ok(received) = pieces.lock().map(|receiver| receiver.recv()) else { return };
        let Ok((number, piece)) = received else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| parse(piece)));
        let is_panic = outcome.is_err();
        if results.send((number, outcome)).is_err() || is_panic {
            return;
        }
    }
}

fn take_in_order<T>(
    results: &Receiver<Numbered<Outcome<T>>>,
    tickets: &SyncSender<()>,
    take: &mut impl FnMut(T) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    while let Ok((number, result)) = results.recv() {
        waiting.insert(number, result);
        while let Some(result) = waiting.remove(&next) {
            next += 1;
            take(result.unwrap_or_else(|panic| resume_unwind(panic)))?;
            // The reader may be gone already.
            let _ = tickets.try_send(());
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_numbers(n_workers: usize, n: u64, stop_at: u64, fail_at: u64) -> (Vec<u64>, bool) {
        let mut next = 0;
        let mut taken = Vec::new();
        let result = run(
            n_workers,
            || {
                if next == fail_at {
                    return Err(Error::Empty { name: "numbers".into() });
                }
                next += 1;
                Ok((next <= n).then_some(next))
            },
            || {
                |piece: u64| {
                    // Uneven work, so that results come out of order.
                    let spins = if piece.is_multiple_of(7) { 20_000 } else { 10 };
                    (0..spins).fold(piece, |sum, i| std::hint::black_box(sum ^ i ^ i))
                }
            },
            |result| {
                taken.push(result);
                if result == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        (taken, result.is_ok())
    }

    #[test]
    fn results_come_in_file_order_for_any_number_of_threads() {
        for n_workers in [1, 2, 8] {
            let (taken, ok) = run_numbers(n_workers, 500, u64::MAX, u64::MAX);
            assert!(ok);
            assert_eq!(taken, (1..=500).collect::<Vec<_>>());
        }
    }

    #[test]
    fn all_before_an_error_is_handed_over_and_nothing_after_a_stop() {
        assert_eq!(run_numbers(3, 500, u64::MAX, 100), ((1..=100).collect(), false));
        let (taken, ok) = run_numbers(3, 500, 40, u64::MAX);
        assert!(ok);
        assert_eq!(taken, (1..=40).collect::<Vec<_>>());
    }
}
