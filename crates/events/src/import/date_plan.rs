//! Decides on a sample how the dates of a column are written.

use super::date_scan::parse_parts;
use super::dates::{DateForm, DayOrder, Parts};

/// What is known about the dates of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePlan {
    /// `None`: the file types its dates (Parquet).
    pub form: Option<DateForm>,
    /// Forms that some of the sample's rows have instead.
    pub other_forms: Vec<DateForm>,
    /// A value of the main form.
    pub example: String,
    /// The order in which figures are read; `None` where the file contradicts itself.
    pub day_order: Option<DayOrder>,
    pub evidence: OrderEvidence,
}

/// Why day and month are read in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvidence {
    /// No date of the sample depends on it.
    NotNeeded,
    Told,
    /// Figures above 12 in one of the two places.
    Figures,
    /// Read this way the rows are in order of time, and the other way they are not.
    Sequence,
    /// Every date of the sample reads both ways.
    Assumed,
    /// The sample holds both orders.
    Contradiction,
}

impl OrderEvidence {
    pub fn as_str(self) -> &'static str {
        match self {
            OrderEvidence::NotNeeded => "no date depends on it",
            OrderEvidence::Told => "as told",
            OrderEvidence::Figures => "days above 12 show it",
            OrderEvidence::Sequence => "the rows are in order of time that way",
            OrderEvidence::Assumed => "assumed: every date reads both ways",
            OrderEvidence::Contradiction => {
                "the file holds both orders: dates that read both ways are rejected"
            }
        }
    }
}

/// What else speaks for an order where the dates themselves do not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DateHints {
    pub told: Option<DayOrder>,
    /// American zone or currency.
    pub is_american: bool,
}

impl DatePlan {
    /// Nothing in the sample shows the order of day and month beyond doubt: the rest of the file
    /// may.
    pub(crate) fn is_open_to_doubt(&self) -> bool {
        use OrderEvidence::{Assumed, NotNeeded, Sequence};
        match self.evidence {
            Assumed | Sequence => true,
            // Elsewhere a stray date in figures is a mistake of its row.
            NotNeeded => self.form == Some(DateForm::Numeric),
            _ => false,
        }
    }
}

/// A share of one in a hundred is no typing error any more.
const CONTRADICTION_RATIO: f64 = 0.01;

pub(crate) fn plan_dates(values: &[&str], hints: DateHints) -> Option<DatePlan> {
    let mut tally = Tally::default();
    for value in values {
        tally.add(value);
    }
    let (form, _) = *tally.forms.iter().max_by_key(|(_, n)| *n)?;
    let other_forms = tally.forms.iter().map(|(form, _)| *form).filter(|f| *f != form).collect();
    let (day_order, evidence) = decide_order(&tally, hints);
    let example = tally.examples.iter().find(|(of, _)| *of == form)?.1.clone();
    Some(DatePlan { form: Some(form), other_forms, example, day_order, evidence })
}

#[derive(Default)]
struct Tally {
    forms: Vec<(DateForm, usize)>,
    examples: Vec<(DateForm, String)>,
    n_day_first: usize,
    n_month_first: usize,
    /// Numeric dates that read both ways: as day/month and as month/day, in file order.
    ambiguous: Vec<(i64, i64)>,
    has_half_days: bool,
}

impl Tally {
    fn add(&mut self, value: &str) {
        let day_first = parse_parts(value, Some(DayOrder::DayFirst));
        let parts = match day_first.or_else(|_| parse_parts(value, Some(DayOrder::MonthFirst))) {
            Ok(parts) => parts,
            Err(_) => return,
        };
        match self.forms.iter_mut().find(|(form, _)| *form == parts.form) {
            Some((_, n)) => *n += 1,
            None => {
                self.forms.push((parts.form, 1));
                self.examples.push((parts.form, value.trim().to_owned()));
            }
        }
        if let Some((first, second)) = parts.figures {
            self.add_figures(value, parts, first, second);
        }
    }

    fn add_figures(&mut self, value: &str, parts: Parts, first: u32, second: u32) {
        self.has_half_days |= value.trim_end().ends_with(['M', 'm']);
        match (first > 12, second > 12) {
            (true, _) => self.n_day_first += 1,
            (_, true) => self.n_month_first += 1,
            // 01/01 reads the same both ways.
            _ if first == second => {}
            _ => {
                let month_first = parse_parts(value, Some(DayOrder::MonthFirst));
                if let Ok(other) = month_first {
                    self.ambiguous.push((parts.day, other.day));
                }
            }
        }
    }
}

fn decide_order(tally: &Tally, hints: DateHints) -> (Option<DayOrder>, OrderEvidence) {
    use DayOrder::{DayFirst, MonthFirst};
    if let Some(told) = hints.told {
        return (Some(told), OrderEvidence::Told);
    }
    let fallback = if hints.is_american || tally.has_half_days { MonthFirst } else { DayFirst };
    let (n_day, n_month) = (tally.n_day_first, tally.n_month_first);
    if n_day + n_month > 0 {
        let minority_ratio = n_day.min(n_month) as f64 / (n_day + n_month) as f64;
        if minority_ratio >= CONTRADICTION_RATIO {
            return (None, OrderEvidence::Contradiction);
        }
        let order = if n_day > n_month { DayFirst } else { MonthFirst };
        return (Some(order), OrderEvidence::Figures);
    }
    if tally.ambiguous.is_empty() {
        return (Some(fallback), OrderEvidence::NotNeeded);
    }
    let day_first = n_turns(tally.ambiguous.iter().map(|both| both.0));
    let month_first = n_turns(tally.ambiguous.iter().map(|both| both.1));
    // Clearly in order one way, clearly not the other way.
    if day_first + 3 <= month_first && day_first * 5 <= month_first {
        return (Some(DayFirst), OrderEvidence::Sequence);
    }
    if month_first + 3 <= day_first && month_first * 5 <= day_first {
        return (Some(MonthFirst), OrderEvidence::Sequence);
    }
    (Some(fallback), OrderEvidence::Assumed)
}

/// How many months a file in order of time would seem to leap: steps between neighbours of more
/// than 20 days, in either direction. The wrong order leaps by a month whenever the day changes.
fn n_turns(days: impl Iterator<Item = i64>) -> usize {
    let mut last = None;
    let mut n = 0;
    for day in days {
        n += usize::from(last.is_some_and(|last: i64| last.abs_diff(day) > 20));
        last = Some(day);
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: &str) {
        let hints = DateHints { told: None, is_american: false };
        let got = plan_dates(values, hints).map_or("none".to_owned(), |plan| {
            format!(
                "{:?} {:?} {:?} {:?}",
                plan.form.unwrap(),
                plan.other_forms,
                plan.day_order,
                plan.evidence
            )
        });
        assert_eq!(got, expected, "for {values:?}");
    }

    #[test]
    fn order_is_shown_by_figures_above_12() {
        check(&["13/01/2010", "01/02/2010"], "Numeric [] Some(DayFirst) Figures");
        check(&["12/1/2010 8:26", "12/13/2010 9:00"], "Numeric [] Some(MonthFirst) Figures");
        check(&["13/01/2010", "01/13/2010"], "Numeric [] None Contradiction");
        check(&["2010-12-01"], "YearFirst [] Some(DayFirst) NotNeeded");
        check(&["apple", ""], "none");
    }

    #[test]
    fn a_typing_error_is_no_contradiction() {
        let mut values = vec!["12/13/2010"; 200];
        values.push("13/12/2010");
        check(&values, "Numeric [] Some(MonthFirst) Figures");
    }

    #[test]
    fn order_is_shown_by_the_sequence_of_rows() {
        let values = ["1/2/2010", "2/2/2010", "3/2/2010", "4/2/2010", "5/2/2010", "6/2/2010"];
        check(&values, "Numeric [] Some(DayFirst) Sequence");
        let values = ["2/1/2010", "2/2/2010", "2/3/2010", "2/4/2010", "2/5/2010", "2/6/2010"];
        check(&values, "Numeric [] Some(MonthFirst) Sequence");
    }

    #[test]
    fn what_reads_both_ways_is_assumed_and_said() {
        check(&["1/2/2010"], "Numeric [] Some(DayFirst) Assumed");
        check(&["1/2/2010 1:05 PM"], "Numeric [] Some(MonthFirst) Assumed");
        let hints = DateHints { told: None, is_american: true };
        let plan = plan_dates(&["1/2/2010"], hints).unwrap();
        assert_eq!(plan.day_order, Some(DayOrder::MonthFirst));
        let hints = DateHints { told: Some(DayOrder::MonthFirst), is_american: false };
        assert_eq!(plan_dates(&["1/2/2010"], hints).unwrap().evidence, OrderEvidence::Told);
    }

    #[test]
    fn several_forms_are_named() {
        check(
            &["2010-12-01", "2010-12-02", "01.12.2010", "Dec 1, 2010"],
            "YearFirst [Numeric, MonthName] Some(DayFirst) Assumed",
        );
    }
}
