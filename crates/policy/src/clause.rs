//! A condition → clauses, any of which suffices, each apart by side: what is asked of items alone,
//! of the request alone, and what needs both.
//!
//! Negations and disjunctions are only taken apart where they mix the sides. In Kleene's logic, as
//! in two values, `and` distributes over `or` and De Morgan holds, so nothing changes its meaning.

use crate::predicate::Predicate;

/// Clauses of one policy; a condition that would fall into more stays whole, and is asked of each
/// candidate.
const MAX_CLAUSES: usize = 16;

/// All parts must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clause {
    pub(crate) items: Vec<Predicate>,
    pub(crate) request: Vec<Predicate>,
    pub(crate) mixed: Vec<Predicate>,
}

pub(crate) fn clauses(condition: &Predicate) -> Vec<Clause> {
    let taken_apart = apart(condition, false).unwrap_or_else(|| vec![vec![condition.clone()]]);
    taken_apart.into_iter().map(clause_of).collect()
}

fn clause_of(parts: Vec<Predicate>) -> Clause {
    let mut clause = Clause::default();
    for part in parts {
        let scope = part.scope();
        if scope.is_mixed() {
            clause.mixed.push(part);
        } else if scope.request {
            clause.request.push(part);
        } else {
            clause.items.push(part);
        }
    }
    clause
}

/// A disjunction of conjunctions; `None`: too many of them.
fn apart(condition: &Predicate, is_negated: bool) -> Option<Vec<Vec<Predicate>>> {
    let whole = |condition: &Predicate| match is_negated {
        true => Predicate::Not(condition.clone().into()),
        false => condition.clone(),
    };
    if !condition.scope().is_mixed() {
        // A conjunction of one side is of one side too; but one of constants may go anywhere.
        return Some(vec![vec![whole(condition)]]);
    }
    match (condition, is_negated) {
        (Predicate::Not(inner), _) => apart(inner, !is_negated),
        (Predicate::And(list), false) | (Predicate::Or(list), true) => {
            let mut product = vec![Vec::new()];
            for part in list {
                let part = apart(part, is_negated)?;
                if MAX_CLAUSES < product.len() * part.len() {
                    return None;
                }
                product = product
                    .iter()
                    .flat_map(|left| part.iter().map(|right| joined(left, right)))
                    .collect();
            }
            Some(product)
        }
        (Predicate::Or(list), false) | (Predicate::And(list), true) => {
            let mut sum = Vec::new();
            for part in list {
                sum.extend(apart(part, is_negated)?);
                if MAX_CLAUSES < sum.len() {
                    return None;
                }
            }
            Some(sum)
        }
        _ => Some(vec![vec![whole(condition)]]),
    }
}

fn joined(left: &[Predicate], right: &[Predicate]) -> Vec<Predicate> {
    left.iter().chain(right).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typing::condition;

    /// How many parts of items, request and both each clause has.
    fn parts(text: &str) -> Vec<(usize, usize, usize)> {
        let clauses = clauses(&condition(text).expect(text));
        clauses.iter().map(|c| (c.items.len(), c.request.len(), c.mixed.len())).collect()
    }

    #[test]
    fn sides_are_kept_apart() {
        assert_eq!(parts("item.price < 3 and item.stock > 1"), [(1, 0, 0)]);
        assert_eq!(parts("item.price < 3 and cart.lines > 1"), [(1, 1, 0)]);
        assert_eq!(parts("item.price < 3 or cart.lines > 1"), [(1, 0, 0), (0, 1, 0)]);
        assert_eq!(parts("not (item.price < 3 and cart.lines > 1)"), [(1, 0, 0), (0, 1, 0)]);
        assert_eq!(parts("not (item.price < 3 or cart.lines > 1)"), [(1, 1, 0)]);
        assert_eq!(parts("item.price < cart.total and cart.lines > 1"), [(0, 1, 1)]);
        assert_eq!(parts("true"), [(1, 0, 0)]);
        let product = "(item.price < 3 or cart.lines > 1) and (item.stock > 3 or cart.units > 1)";
        assert_eq!(parts(product), [(2, 0, 0), (1, 1, 0), (1, 1, 0), (0, 2, 0)]);
    }

    #[test]
    fn what_would_fall_into_too_many_stays_whole() {
        let both = "(item.price < 3 or cart.lines > 1)";
        assert_eq!(parts(&[both; 4].join(" and ")).len(), 16);
        assert_eq!(parts(&[both; 9].join(" and ")), [(0, 0, 1)]);
    }
}
