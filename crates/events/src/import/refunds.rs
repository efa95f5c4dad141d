//! Refunds inside their orders, as Shopify's REST API nests them: `refunds[].refund_line_items[]`.

use serde_json::Value;

use super::columns::{Field, Shape};
use super::json_lines::{JsonLayout, JsonRow, RefundLine};
use super::line_kind::is_void;
use super::plan::ImportPlan;

/// Adds a row for each line that a refund of this order takes back. Where refunds name lines, an
/// order that is refunded whole was sold and came back: its status says no more than its refunds,
/// which keep an identity of their own from the first of them on. One that was cancelled or voided
/// brought nothing, and has nothing to take back.
pub(crate) fn add_refunds<'v>(
    plan: &ImportPlan,
    layout: &'v JsonLayout,
    object: &'v Value,
    rows: &mut Vec<JsonRow<'v>>,
) {
    let status = object["financial_status"].as_str().unwrap_or("");
    let is_refunded = status.eq_ignore_ascii_case("refunded");
    let brought_nothing =
        !object["cancelled_at"].is_null() || (is_void(status, Shape::Shopify) && !is_refunded);
    let refunds = list(object, "refunds");
    if brought_nothing || refunds.iter().all(|r| list(r, "refund_line_items").is_empty()) {
        return;
    }
    let without = plan.column_of(Field::Status);
    for row in rows.iter_mut() {
        row.without = without;
    }
    // A column that the file lacks is overridden nowhere.
    let column = |field| plan.column_of(field).unwrap_or(usize::MAX);
    let (time, quantity) = (column(Field::Timestamp), column(Field::Quantity));
    for refund in refunds {
        let at = ["created_at", "processed_at"].iter().find_map(|name| refund.get(*name));
        let at = at.filter(|at| !at.is_null());
        for taken in list(refund, "refund_line_items") {
            let Some(line) = line_of(layout, object, taken) else { continue };
            let refund = RefundLine {
                id: &refund["id"],
                at: at.map_or((usize::MAX, &Value::Null), |at| (time, at)),
                quantity: (quantity, &taken["quantity"]),
            };
            rows.push(JsonRow { layout, object, line: Some(line), refund: Some(refund), without });
        }
    }
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// The line of the order that is taken back: whole beside its number, or found by it.
fn line_of<'v>(layout: &JsonLayout, object: &'v Value, taken: &'v Value) -> Option<&'v Value> {
    let by_id = || {
        let id = &taken["line_item_id"];
        layout.lines_of(object).iter().find(|line| !id.is_null() && line["id"] == *id)
    };
    taken.get("line_item").filter(|line| line.is_object()).or_else(by_id)
}
