//! What an order's id is made of, where a number alone does not tell one order from another.
//!
//! Tills number their receipts anew every day, each till and each shop for itself. There the
//! number, the place and the day together are the identity. What is told by the names of the
//! columns and by options alone is the same for every file of that till, whatever its rows: so
//! files that overlap and files that come every night name the same orders.

use super::columns::{Field, FileKind, Recognition, Shape, squeeze};
use super::plan::{IdParts, ImportPlan, OrderFrom, PlanOptions};

/// Names of numbers that tills give: never unique beyond the till and the day.
const TILL_NUMBERS: &str = "receiptno receiptnr receiptnum receiptnumber ticketno ticketnr \
     ticketnum ticketnumber bonnr bonno bonnummer kassenbonnr kassenbonnummer kassabonnummer \
     bonnetjenr numticket numeroticket numerodeticket numerodoticket numeroscontrino nscontrino \
     nrparagonu numerparagonu";

/// One part of an id after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdPart {
    Column(usize),
    Day,
}

impl ImportPlan {
    /// What stands in an order's id after its first part, in this order.
    pub(crate) fn id_parts(&self) -> Vec<IdPart> {
        let mut parts: Vec<IdPart> =
            self.order_columns.iter().skip(1).map(|&column| IdPart::Column(column)).collect();
        if let OrderFrom::With(with) = self.order_from {
            let column = |field| self.column_of(field).map(IdPart::Column);
            if with.location {
                parts.extend(column(Field::LocationId));
            }
            parts.extend(column(Field::TillId));
            parts.extend(with.day.then_some(IdPart::Day));
        }
        parts
    }

    /// The id alone makes an order, and nobody said so.
    pub fn trusts_ids(&self) -> bool {
        self.kind == FileKind::Orders
            && self.order_from == OrderFrom::Column
            && self.order_columns.is_empty()
            && self.shape != Shape::Alongside
    }

    /// The sample alone shows that the ids do not tell orders apart, and nobody said otherwise.
    pub fn refuses_repeats(&self) -> bool {
        self.trusts_ids() && self.repeats.is_common()
    }
}

/// What makes an order in a file with these columns.
pub(crate) fn order_from(
    kind: FileKind,
    names: &[String],
    found: &Recognition,
    options: &PlanOptions,
) -> OrderFrom {
    let is_told = options.map.iter().any(|(field, _)| field.trim() == Field::OrderId.as_str());
    if kind != FileKind::Orders
        || options.order_from != OrderFrom::Column
        || is_told
        || found.shape != Shape::Generic
    {
        return options.order_from;
    }
    let is_number = found.column(Field::OrderId).is_some_and(|column| {
        let name = squeeze(&names[column]);
        TILL_NUMBERS.split_ascii_whitespace().any(|number| number == name)
    });
    let location = found.column(Field::LocationId).is_some();
    let has_place = location || found.column(Field::TillId).is_some();
    if is_number && has_place && found.column(Field::Timestamp).is_some() {
        OrderFrom::With(IdParts { location, day: true })
    } else {
        OrderFrom::Column
    }
}

/// The columns of `--map order_id=a+b`. `None`: this names one column, or none at all.
pub(crate) fn composite(
    wanted: &str,
    position: impl Fn(&str) -> Option<usize>,
) -> Option<Result<Vec<usize>, String>> {
    if !wanted.contains('+') {
        return None;
    }
    let find = |name: &str| position(name.trim()).ok_or_else(|| name.trim().to_owned());
    Some(wanted.split('+').map(find).collect())
}

/// The parts that `--order-from` asks for must be there.
pub(crate) fn missing_part(found: &Recognition, order_from: OrderFrom) -> Option<Field> {
    let OrderFrom::With(with) = order_from else { return None };
    let needed = [(with.location, Field::LocationId), (with.day, Field::Timestamp)];
    let lacks = |&(is_needed, field): &(bool, Field)| is_needed && found.column(field).is_none();
    needed.into_iter().find(lacks).map(|(_, field)| field)
}

/// Says what makes an order, where it is more than an id.
pub(crate) fn describe(plan: &ImportPlan) -> Option<String> {
    let is_composite = !plan.order_columns.is_empty();
    if !is_composite && !matches!(plan.order_from, OrderFrom::With(_)) {
        return None;
    }
    let first = plan.order_columns.first().map(|&column| plan.columns[column].name.as_str());
    let mut names = vec![first.unwrap_or_else(|| plan.column_name(Field::OrderId)).to_owned()];
    names.extend(plan.id_parts().iter().map(|part| match part {
        IdPart::Column(column) => plan.columns[*column].name.clone(),
        IdPart::Day => "the day".to_owned(),
    }));
    let last = names.pop().unwrap_or_default();
    Some(format!("one order is one {} and {last}", names.join(", ")))
}
