//! How far lists reach into what is sold: the same figures for every protocol that lists items.

use serde_json::{Map, Value, json};

/// Places of a list that count.
pub(crate) const BREADTH_LEN: usize = 10;

/// How far the first ten places reach into what is sold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Breadth {
    /// Share of the items with sales that stand on at least one list.
    pub coverage: f64,
    /// Mean sales of what is listed over those of what was bought: above 1, best-sellers are listed
    /// more than they are bought.
    pub popularity_bias: f64,
}

impl Breadth {
    /// `n_sales`: sales of each item; `listed`: the first ten of every list; `bought`: what they
    /// were to hold.
    pub(crate) fn of(
        n_sales: &[u32],
        listed: impl Iterator<Item = u32> + Clone,
        bought: impl Iterator<Item = u32>,
    ) -> Breadth {
        let mut is_listed = vec![false; n_sales.len()];
        listed.clone().for_each(|item| is_listed[item as usize] = true);
        let n_sold = n_sales.iter().filter(|&&n| n > 0).count();
        let n_listed = is_listed.iter().zip(n_sales).filter(|(on, n)| **on && **n > 0).count();
        let (of_listed, of_bought) = (mean_sales(listed, n_sales), mean_sales(bought, n_sales));
        Breadth {
            coverage: n_listed as f64 / n_sold.max(1) as f64,
            popularity_bias: if of_bought > 0.0 { of_listed / of_bought } else { 0.0 },
        }
    }

    pub(crate) fn write(&self, line: &mut Map<String, Value>) {
        line.insert("coverage@10".into(), json!(self.coverage));
        line.insert("popularity_bias@10".into(), json!(self.popularity_bias));
    }
}

fn mean_sales(items: impl Iterator<Item = u32>, n_sales: &[u32]) -> f64 {
    let (sum, n) = items
        .fold((0.0, 0.0), |(sum, n), item| (sum + f64::from(n_sales[item as usize]), n + 1.0_f64));
    sum / n.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_best_sellers_cover_little_and_lean_to_them() {
        // Item 3 never sold: that it is listed covers nothing.
        let n_sales = [8, 4, 2, 0, 2];
        let listed = [0, 0, 1, 3];
        let breadth = Breadth::of(&n_sales, listed.into_iter(), [1, 2, 4, 0].into_iter());
        assert_eq!(breadth.coverage, 2.0 / 4.0);
        assert_eq!(breadth.popularity_bias, (20.0 / 4.0) / (16.0 / 4.0));
        let none = Breadth::of(&n_sales, std::iter::empty(), std::iter::empty());
        assert_eq!(none, Breadth::default());
    }
}
