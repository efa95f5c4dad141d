//! How much the blend's order counts before any tree: the exponent a of (2 + place)^−a under which
//! the choices of a head's own cases are likeliest.

use super::cases::Flat;
use rayon::prelude::*;

const EXPONENTS: [f32; 9] = [0.0, 0.25, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0];

/// The likeliest exponent; 0 without cases.
pub(super) fn of(fit: &Flat) -> f32 {
    let starts = std::iter::once(&0).chain(&fit.group_ends);
    let groups: Vec<(usize, usize)> =
        starts.zip(&fit.group_ends).map(|(&from, &end)| (from as usize, end as usize)).collect();
    let likelihood = |exponent: f32| -> f64 {
        let of_group = |&(from, end): &(usize, usize)| {
            let (places, labels) = (&fit.places[from..end], &fit.labels[from..end]);
            let rows = places.iter().zip(&fit.ln_counts[from..end]);
            let sum: f32 = rows.map(|(place, ln_count)| (exponent * place + ln_count).exp()).sum();
            let chosen = places.iter().zip(labels).find(|(_, label)| **label > 0.0);
            chosen.map_or(0.0, |(place, _)| f64::from(exponent * place - sum.ln()))
        };
        // By parts of a fixed length, so that the sum is the same for any number of threads.
        let parts = groups.par_chunks(256).map(|part| part.iter().map(of_group).sum::<f64>());
        parts.collect::<Vec<f64>>().iter().sum()
    };
    let values = EXPONENTS.map(|exponent| (likelihood(exponent), exponent));
    let best = values.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(0.0, |(_, exponent)| exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use score::ranker::features::N_FEATURES;

    /// Groups of five places; the one at `chosen` gains.
    fn groups(chosen: &[usize]) -> Flat {
        let mut flat = Flat::of(N_FEATURES);
        for &chosen in chosen {
            for place in 0..5 {
                flat.places.push(-(2.0 + place as f32).ln());
                flat.ln_counts.push(0.0);
                flat.labels.push(f32::from(u8::from(place == chosen)));
            }
            flat.group_ends.push(flat.labels.len() as u32);
        }
        flat
    }

    #[test]
    fn the_better_the_order_the_more_it_counts() {
        assert_eq!(of(&groups(&[0, 0, 0, 0])), 2.0);
        assert_eq!(of(&groups(&[4, 4, 0, 4])), 0.0);
        let (good, fair) = (of(&groups(&[0, 0, 0, 1, 2])), of(&groups(&[0, 0, 1, 2, 3])));
        assert!(good > fair && fair > 0.0, "{good} {fair}");
        assert_eq!(of(&Flat::of(N_FEATURES)), 0.0);
    }
}
