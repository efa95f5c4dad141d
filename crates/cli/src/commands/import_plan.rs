//! What an import will do: the plan, for a person and for machines.

use crate::show;
use events::import::{
    ColumnPlan, CurrencyPlan, Field, FileKind, ImportPlan, OrderEvidence, OrderFrom,
};
use serde_json::{Value, json};

/// Columns without a field that a plan shows; JSON has all.
const MAX_OTHER_COLUMNS: usize = 40;

fn currency_text(plan: &ImportPlan) -> String {
    match plan.currency {
        CurrencyPlan::Column { otherwise: Some(currency) } => {
            format!("by a column, where empty {currency}")
        }
        CurrencyPlan::Column { otherwise: None } => "by a column".into(),
        CurrencyPlan::Symbol(currency) => format!("{currency}, by the symbol beside the prices"),
        CurrencyPlan::Told(currency) => format!("{currency}, as told"),
        CurrencyPlan::Unknown => "not known (tell it with --currency)".into(),
    }
}

fn dates_text(plan: &ImportPlan) -> String {
    let Some(dates) = &plan.dates else { return "none in the file".into() };
    let evidence = dates.evidence.as_str();
    let order = match dates.day_order {
        _ if dates.evidence == OrderEvidence::NotNeeded => String::new(),
        Some(order) => format!(", read as {} ({evidence})", order.as_str()),
        None => format!(", {evidence}"),
    };
    format!("like {}{order}; time zone {}", dates.example, plan.time_zone)
}

/// `None` where the file has no column of numbers.
fn numbers_text(plan: &ImportPlan) -> Option<String> {
    let numbers =
        [Field::Quantity, Field::UnitPrice, Field::LineTotal, Field::Cost, Field::RegularPrice];
    let is_number = |field: Option<Field>| field.is_some_and(|field| numbers.contains(&field));
    let sign = if plan.decimal == b',' { "comma" } else { "point" };
    plan.columns
        .iter()
        .any(|column| is_number(column.field))
        .then(|| format!("decimal {sign} ({})", plan.decimal_evidence.as_str()))
}

/// What becomes of a column that no field stands for.
fn without_field(plan: &ImportPlan) -> &'static str {
    match plan.kind {
        FileKind::Items | FileKind::Customers => "attribute",
        _ => "not used",
    }
}

/// All columns with a field, and as many of the others as one can read; how many are left out.
fn columns_shown(plan: &ImportPlan) -> (Vec<&ColumnPlan>, usize) {
    let mut n_others = 0;
    let shown: Vec<&ColumnPlan> = plan
        .columns
        .iter()
        .filter(|column| {
            n_others += usize::from(column.field.is_none());
            column.field.is_some() || n_others <= MAX_OTHER_COLUMNS
        })
        .collect();
    let n_more = plan.columns.len() - shown.len();
    (shown, n_more)
}

/// The plan as a table, on standard output for a dry run and beside it otherwise.
pub(crate) fn show_plan(plan: &ImportPlan, is_result: bool) -> anyhow::Result<()> {
    let mut text = format!(
        "{}: {}, {}, {}\n  dates: {}\n  currency: {}\n",
        plan.name,
        plan.format.describe(),
        plan.compression.as_str(),
        plan.encoding.as_str(),
        dates_text(plan),
        currency_text(plan),
    );
    if let Some(numbers) = numbers_text(plan) {
        text.push_str(&format!("  numbers: {numbers}\n"));
    }
    match plan.order_from {
        OrderFrom::Column | OrderFrom::With(_) => {}
        OrderFrom::IdAlone => text.push_str("  orders: each order id is one order, as told\n"),
        OrderFrom::Session => text.push_str("  orders: a session is an order\n"),
        OrderFrom::CustomerAndTime => {
            text.push_str("  orders: what a customer bought at one time is an order\n");
        }
    }
    let mut table = show::table(&["column", "is", "first value", "note"], &[]);
    let (shown, n_more) = columns_shown(plan);
    for column in shown {
        let field = column.field.map_or(without_field(plan), |field| field.as_str());
        let example: String = column.example.chars().take(40).collect();
        show::row(&mut table, &[column.name.clone(), field.into(), example, column.note.clone()]);
    }
    text.push_str(&table.to_string());
    if n_more > 0 {
        let what = without_field(plan);
        text.push_str(&format!("\n  and {n_more} more columns: {what}"));
    }
    for fee in plan.fees.iter().take(12) {
        text.push_str(&format!(
            "\n  {} {}: taken as {} ({})",
            fee.item_id,
            fee.title,
            fee.kind.as_str(),
            fee.why
        ));
    }
    for note in &plan.notes {
        text.push_str(&format!("\n  note: {note}"));
    }
    if is_result { show::line(text) } else { show_note(&text) }
}

fn show_note(text: &str) -> anyhow::Result<()> {
    show::note(text);
    Ok(())
}

pub(crate) fn plan_json(plan: &ImportPlan) -> Value {
    let columns: Vec<Value> = plan
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "field": column.field.map(|field| field.as_str()),
                "example": column.example, "note": column.note,
            })
        })
        .collect();
    let fees: Vec<Value> = plan
        .fees
        .iter()
        .map(|fee| json!({"item_id": fee.item_id, "title": fee.title, "why": fee.why}))
        .collect();
    json!({
        "file": plan.name,
        "format": plan.format.describe(),
        "compression": plan.compression.as_str(),
        "encoding": plan.encoding.as_str(),
        "dates": dates_text(plan),
        "time_zone": plan.time_zone,
        "currency": currency_text(plan),
        "numbers": numbers_text(plan),
        "doubtful_orders": plan.repeats.n_doubtful,
        "sampled_orders": plan.repeats.n_orders,
        "columns": columns,
        "fees": fees,
        "notes": plan.notes,
    })
}
