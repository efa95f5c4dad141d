use super::*;
use crate::ranker::features::{FEATURES, N_COMMON_FEATURES};
use crate::ranker::schema;
use crate::trees::Tree;

/// One row for each (bought, worth): worth is the blend's score.
fn rows(of: &[(bool, f32)]) -> Vec<Row> {
    let row = |&(bought, worth): &(bool, f32)| {
        let mut row = [0.0; N_FEATURES];
        row[Feature::Weight as usize] = f32::from(u8::from(bought));
        row[Feature::Blend as usize] = worth;
        row
    };
    of.iter().map(row).collect()
}

/// Scores 2 above a worth of one half, else 0.
fn head() -> Trees {
    let tree = Tree {
        features: vec![Feature::Blend as u16],
        thresholds: vec![0.5],
        nan_left: vec![true],
        children: vec![[!0, !1]],
        leaves: vec![0.0, 2.0],
    };
    Trees::new(N_FEATURES, 0.0, &[tree]).unwrap()
}

fn heads(reorder: f32) -> Heads {
    let gate = Trees::new(N_GATE_FEATURES, (reorder / (1.0 - reorder)).ln(), &[]).unwrap();
    let temperatures = [1.0, 2.0];
    Heads { discover: head(), replenish: head(), gate, temperatures, ..Heads::default() }
}

fn scores(heads: &Heads, of: &[(bool, f32)]) -> Vec<f32> {
    let mut scratch = RankScratch { rows: rows(of), ..RankScratch::default() };
    heads.score(&mut scratch);
    scratch.scores().to_vec()
}

#[test]
fn the_gate_shares_out_between_the_heads_and_each_among_its_own() {
    let found = scores(&heads(0.25), &[(false, 1.0), (true, 1.0), (false, 0.0), (true, 0.0)]);
    let e = std::f32::consts::E;
    let expected = [
        0.75 * e * e / (e * e + 1.0),
        0.25 * e / (e + 1.0),
        0.75 / (e * e + 1.0),
        0.25 / (e + 1.0),
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn the_gate_says_nothing_where_all_are_of_one_kind() {
    for bought in [false, true] {
        let found = scores(&heads(0.25), &[(bought, 1.0), (bought, 0.0)]);
        assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{found:?}");
    }
    assert!(scores(&heads(0.25), &[]).is_empty());
}

#[test]
fn a_shift_moves_the_share_of_re_orders_alone() {
    let of = [(false, 1.0), (true, 1.0), (false, 0.0), (true, 0.0)];
    let (plain, mut shifted) = (scores(&heads(0.25), &of), heads(0.25));
    shifted.shift = 3.0_f32.ln();
    let moved = scores(&shifted, &of);
    assert!((moved[1] + moved[3] - 0.5).abs() < 1e-6, "{moved:?}");
    assert!((moved[0] / moved[2] - plain[0] / plain[2]).abs() < 1e-4);
}

#[test]
fn the_prior_is_the_order_of_the_blend_and_falls_behind_it() {
    let mut heads = heads(0.5);
    heads.priors = [1.0, 0.0];
    let mut of = rows(&[(false, 0.0), (false, 0.0), (false, 0.0)]);
    for (row, place) in of.iter_mut().zip([0.0, 2.0, f32::NAN]) {
        row[Feature::BlendRank as usize] = place;
    }
    let mut scratch = RankScratch { rows: of, ..RankScratch::default() };
    heads.score(&mut scratch);
    // 1/2, 1/4 and 1/302, shared out.
    let sum = 0.5 + 0.25 + 1.0 / 302.0;
    for (found, expected) in scratch.scores().iter().zip([0.5, 0.25, 1.0 / 302.0]) {
        assert!((found - expected / sum).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn a_mix_is_read_as_it_was_written_or_not_at_all() {
    let heads = Heads { shift: -0.5, priors: [0.7, 1.2], serves: [false, true], ..heads(0.5) };
    let mut read = Heads::default();
    assert!(read.set_mix(&heads.mix()));
    assert_eq!((read.mix(), read.serves), (heads.mix(), [false, true]));
    for (at, wrong) in [(0, -1.0), (1, 0.0), (2, f32::NAN), (4, f32::INFINITY)] {
        let mut mix = heads.mix();
        mix[at] = wrong;
        assert!(!Heads::default().set_mix(&mix), "{mix:?}");
    }
    assert!(!Heads::default().set_mix(&[1.0]));
}

#[test]
fn every_feature_has_a_name_and_the_mark_follows_from_them() {
    assert_eq!(FEATURES[N_COMMON_FEATURES - 1], "bought_age_gap");
    assert_eq!(FEATURES.len(), N_FEATURES);
    let mut names = FEATURES.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), N_FEATURES);
    // Snapshots of before segments were known bear this mark.
    assert_eq!(schema(N_COMMON_FEATURES), 0xbfd3_b27b_aff0_e769);
}
