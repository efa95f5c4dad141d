//! Weights as a snapshot may hold them.

use score::{Blend, CartSize};

#[test]
fn weights_that_cannot_be_give_way_to_the_default() {
    let good: Vec<f32> = (0..15).map(|at| at as f32 / 8.0).collect();
    assert_eq!(Blend::from_flat(&good).to_flat(), good);
    let with = |at: usize, value: f32| {
        let mut flat = good.clone();
        flat[at] = value;
        flat
    };
    for bad in [
        Vec::new(),
        good[..14].to_vec(),
        vec![0.5; 16],
        with(0, f32::NAN),
        with(14, f32::INFINITY),
        with(7, -0.25),
    ] {
        assert_eq!(Blend::from_flat(&bad), Blend::default(), "{bad:?}");
    }
}

#[test]
fn the_size_of_the_cart_chooses_the_weights() {
    let sizes: Vec<usize> = [0, 1, 2, 4, 5, 1_000].map(|n| CartSize::of(n) as usize).to_vec();
    assert_eq!(sizes, [0, 0, 1, 1, 2, 2]);
}
