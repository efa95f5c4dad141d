use super::cases::{CaseSpec, blocks_of, rows_of_blocks};
use super::*;
use crate::pipeline::Learned;
use score::LeftOut;
use score::sessions::{DEFAULT_KIND_WEIGHTS, Head, RankScratch, SessionRankers, Step, StepKind};
use snapshot::{Provenance, Snapshot, SnapshotWriter};

const N_ITEMS: usize = 60;

/// Visits that go to a neighbor of an item and come back to it, a minute a step.
fn there_and_back(n_sessions: u32) -> Vec<StepRow> {
    let mut rows = Vec::new();
    for session in 0..n_sessions {
        let first = session.wrapping_mul(2_654_435_761) % N_ITEMS as u32;
        let second = (first + 1 + session % 3) % N_ITEMS as u32;
        for (at, item) in
            [first, second, first, (first + 7) % N_ITEMS as u32].into_iter().enumerate()
        {
            let at_us = (i64::from(session) * 600 + at as i64 * 60) * 1_000_000;
            rows.push(StepRow { session, item, kind: StepKind::View, at_us });
        }
    }
    rows
}

fn top(model: &SessionModel, head: Head, visit: &[u32]) -> Vec<u32> {
    let visit: Vec<Step> = visit.iter().map(|&item| Step::view(item)).collect();
    let mut scratch = RankScratch::default();
    let found = model.ranker(head).rank(&visit, 3, &mut scratch, |_| true);
    found.iter().map(|scored| scored.index).collect()
}

#[test]
fn the_ranker_learns_that_visits_come_back() {
    let log = SessionLog::of(&there_and_back(3_000));
    let params = SessionParams::default();
    let model = SessionModel::learn(&log, None, N_ITEMS, &params).unwrap();
    assert!(!model.next.is_empty(), "{}", model.note);
    for item in 0..20 {
        assert_eq!(top(&model, Head::Next, &[item, item + 1])[0], item, "{}", model.note);
        let new = top(&model, Head::Discover, &[item, item + 1]);
        assert!(!new.contains(&item) && !new.contains(&(item + 1)), "{new:?}");
    }
    let again = SessionModel::learn(&log, None, N_ITEMS, &params).unwrap();
    assert_eq!((again.next, again.discover, again.note), (model.next, model.discover, model.note));
}

#[test]
fn too_little_to_learn_from_leaves_the_plain_blend_and_says_so() {
    for n_sessions in [0, 1, 2, 50] {
        let log = SessionLog::of(&there_and_back(n_sessions));
        let params = SessionParams::default();
        let model = SessionModel::learn(&log, None, N_ITEMS, &params).unwrap();
        assert!(model.next.is_empty() && model.discover.is_empty());
        assert!(model.note.contains("plain blend"), "{}", model.note);
    }
}

/// What happens later changes no row of a case: nothing of the future is in the features.
#[test]
fn cases_know_nothing_of_what_came_after() {
    let rows = there_and_back(300);
    let mut changed = rows.clone();
    for row in changed.iter_mut().filter(|row| row.session >= 200) {
        row.item = (row.item * 7 + 5) % N_ITEMS as u32;
    }
    let limits = IndexLimits::default();
    let kind_weights = &DEFAULT_KIND_WEIGHTS;
    let spec = CaseSpec {
        head: Head::Next,
        kind_weights,
        left_out: LeftOut::default(),
        limits: &limits,
        max_cases: 1_000_000,
    };
    let [before, after] = [rows, changed].map(|rows| {
        let log = SessionLog::of(&rows);
        let table = SessionTable::of(&log, N_ITEMS, &limits);
        rows_of_blocks(&log, &table, &blocks_of(100..200, 4), &spec)
    });
    assert_eq!(before.n_asked, 300);
    assert!(before.n_groups() > 200);
    assert_eq!(before, after);
}

#[test]
fn of_many_cases_some_are_asked() {
    let log = SessionLog::of(&there_and_back(200));
    let limits = IndexLimits::default();
    let table = SessionTable::of(&log, N_ITEMS, &limits);
    let kind_weights = &DEFAULT_KIND_WEIGHTS;
    let spec = CaseSpec {
        head: Head::Next,
        kind_weights,
        left_out: LeftOut::default(),
        limits: &limits,
        max_cases: 150,
    };
    let rows = rows_of_blocks(&log, &table, &blocks_of(100..200, 5), &spec);
    assert!((120..=150).contains(&rows.n_asked), "{}", rows.n_asked);
}

/// Four of ten visits put z in the cart, six of ten look at y: a cart event that counts double
/// would put z first.
#[test]
fn kinds_of_steps_weigh_what_the_data_says() {
    let learned = |kind| {
        let mut rows = Vec::new();
        for session in 0..4_000_u32 {
            let first = session / 5 % 20;
            let (item, kind) =
                if session % 5 < 3 { (first + 20, StepKind::View) } else { (first + 40, kind) };
            let at_us = i64::from(session) * 600_000_000;
            rows.push(StepRow { session, item: first, kind: StepKind::View, at_us });
            rows.push(StepRow { session, item, kind, at_us: at_us + 1_000_000 });
        }
        let log = SessionLog::of(&rows);
        SessionModel::learn(&log, None, N_ITEMS, &SessionParams::default()).unwrap().kind_weights
    };
    assert_eq!(learned(StepKind::Cart), [1.0; 3]);
    assert_eq!(learned(StepKind::View), DEFAULT_KIND_WEIGHTS);
}

#[test]
fn memory_bounds_what_is_learned_from() {
    let params = SessionParams::default();
    let small = params.clone().within(24_000_000);
    assert_eq!((small.max_steps, small.max_cases), (300_000, 1_000));
    assert_eq!(params.clone().within(u64::MAX), params);
}

/// Statistics as they were at a moment: item 0 in three sessions, come back to in one.
#[test]
fn statistics_are_those_of_the_moment() {
    let row = |session, item, day: i64| StepRow {
        session,
        item,
        kind: StepKind::View,
        at_us: day * 86_400_000_000,
    };
    let rows = [row(0, 0, 0), row(0, 1, 0), row(0, 0, 0), row(1, 0, 2), row(2, 0, 4), row(3, 1, 9)];
    let table = SessionTable::of(&SessionLog::of(&rows), 3, &IndexLimits::default());
    let stats = ItemStats::at(&table.view(), 3);
    let expected = 1.0 + (-1.0_f32).exp() + (-2.0_f32).exp();
    assert_eq!((stats.values[0], stats.values[3]), (3.0, 1.0 / 5.0));
    assert!((stats.values[1] - expected).abs() < 1e-6, "{:?}", stats.values);
    assert_eq!(stats.popular, [0, 1]);
    assert_eq!(ItemStats::at(&table.view(), 0).values, [0.0; 12]);
}

fn learned() -> Learned {
    let provenance = Provenance::default();
    let mut writer = SnapshotWriter::new(&provenance);
    let ids: Vec<String> = (0..N_ITEMS).map(|item| format!("i{item}")).collect();
    snapshot::tables::write_ids(&mut writer, ids.iter().map(String::as_str));
    for (name, zeros) in [("item.kind", vec![0_u8; N_ITEMS]), ("item.flags", vec![0; N_ITEMS])] {
        writer.add(name, &zeros);
    }
    for name in ["item.price", "item.cost", "item.stock"] {
        writer.add(name, &[i64::MIN; N_ITEMS]);
    }
    for name in ["item.variant_of", "item.category"] {
        writer.add(name, &[u32::MAX; N_ITEMS]);
    }
    for name in ["item.title", "item.image"] {
        snapshot::StringTable::write(&mut writer, name, ids.iter().map(|_| ""));
    }
    writer.add("item.currency", &[[0_u8; 4]; N_ITEMS]);
    writer.add("item.n_baskets", &[0_u32; N_ITEMS]);
    writer.add("item.trend", &[0.0_f32; N_ITEMS]);
    Learned { writer, provenance }
}

#[test]
fn what_is_served_is_what_was_learned() {
    let rows = there_and_back(2_000);
    let params = SessionParams::default();
    let mut learned = learned();
    add_sessions(&mut learned, &rows, N_ITEMS, &params).unwrap();
    let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
    assert!(snapshot.provenance().parameters["sessions"].starts_with("2000 sessions"));
    let rankers = SessionRankers::of(&snapshot).unwrap();
    let model = SessionModel::learn(&SessionLog::of(&rows), None, N_ITEMS, &params).unwrap();
    let mut scratch = RankScratch::default();
    for (head, item) in [(Head::Next, 3), (Head::Discover, 3), (Head::Next, 40)] {
        let visit = [Step::view(item), Step::view(item + 1)];
        let served = rankers.ranker(&snapshot, head).rank(&visit, 3, &mut scratch, |_| true);
        let served: Vec<u32> = served.iter().map(|scored| scored.index).collect();
        assert_eq!(served, top(&model, head, &[item, item + 1]));
    }
}

#[test]
fn without_steps_nothing_is_added() {
    let mut learned = learned();
    let before = learned.writer.to_bytes();
    add_sessions(&mut learned, &[], N_ITEMS, &SessionParams::default()).unwrap();
    assert_eq!(learned.writer.to_bytes(), before);
    let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
    assert_eq!(SessionRankers::of(&snapshot).unwrap(), SessionRankers::default());
}

/// A robot that looks at a hundred thousand things, a second apart, beside people.
#[test]
fn a_bot_changes_nothing_of_what_people_are_shown() {
    let people = there_and_back(3_000);
    let first = people.len() as u32;
    let bot = (0..100_000_u32).map(|at| StepRow {
        session: first,
        item: at.wrapping_mul(2_654_435_761) % N_ITEMS as u32,
        kind: StepKind::View,
        at_us: i64::from(at) * 1_000_000,
    });
    let mut rows = people.clone();
    rows.extend(bot);
    let shown = |rows: &[StepRow]| {
        let log = SessionLog::of(rows);
        let model = SessionModel::learn(&log, None, N_ITEMS, &SessionParams::default()).unwrap();
        let tops: Vec<u32> =
            (0..20).map(|item| top(&model, Head::Next, &[item, item + 1])[0]).collect();
        (tops, model.table.n_left_out)
    };
    assert_eq!(shown(&rows), (shown(&people).0, 1));
}

#[test]
fn visits_of_ten_thousand_steps_are_cut_or_left_out_and_never_fail() {
    let mut rows = there_and_back(2_000);
    for long in 0..5 {
        let steps = (0..10_000_u32).map(|at| StepRow {
            session: 2_000 + long,
            item: (at / 3 + long) % N_ITEMS as u32,
            kind: if at % 50 == 0 { StepKind::Purchase } else { StepKind::View },
            // A pause of an hour each hundred steps.
            at_us: (i64::from(at) * 20 + i64::from(at / 100) * 3_600) * 1_000_000,
        });
        rows.extend(steps);
    }
    let whole = SessionLog::of(&rows);
    let params = SessionParams::default();
    let model = SessionModel::learn(&whole, None, N_ITEMS, &params).unwrap();
    assert_eq!(model.table.n_left_out, 5);
    let cut = SessionLog::cut_at_pauses(&rows, params.max_pause_s);
    let model = SessionModel::learn(&cut, None, N_ITEMS, &params).unwrap();
    assert_eq!((cut.len(), model.table.n_left_out), (2_500, 0));
    assert!(!top(&model, Head::Next, &[1, 2]).is_empty());
    // Asked with as long a visit, it answers.
    let visit: Vec<u32> = (0..10_000).map(|at| at % N_ITEMS as u32).collect();
    assert!(!top(&model, Head::Next, &visit).is_empty());
}
