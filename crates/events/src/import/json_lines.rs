//! JSON lines: one object a line, either a row or an order with its lines inside.

use serde_json::Value;

use super::cell::{Cell, Row};

/// Where the values of a file's objects stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JsonLayout {
    /// The list whose elements are the lines of an order, where there is one.
    lines: Option<String>,
    columns: Vec<JsonColumn>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct JsonColumn {
    name: String,
    path: Vec<String>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Object,
    /// Inside an element of the list of lines.
    Line,
    /// A `{key, value}` of GA4's `event_params`.
    Param,
}

/// Names of lists that hold the lines of an order.
pub(crate) const LINE_LISTS: [&str; 8] =
    ["items", "line_items", "lines", "lineitems", "lineItems", "products", "order_items", "basket"];
const MAX_DEPTH: usize = 4;

/// Most rows of a GA4 export have no items, so that a sample may not show their columns.
const GA4_ITEM: [&str; 5] = ["item_id", "item_name", "item_category", "quantity", "price"];

impl JsonLayout {
    /// Learns the columns from a sample of objects.
    pub(crate) fn of(objects: &[Value]) -> JsonLayout {
        let mut layout = JsonLayout::default();
        let is_list = |name: &str| {
            let lists = |object: &Value| object.get(name).is_some_and(Value::is_array);
            objects.iter().any(lists)
        };
        layout.lines = LINE_LISTS.into_iter().find(|name| is_list(name)).map(str::to_owned);
        let is_ga4 = |object: &Value| {
            ["event_name", "event_timestamp", "event_params"]
                .iter()
                .all(|key| !object[key].is_null())
        };
        if objects.iter().any(is_ga4) {
            layout.lines = Some("items".to_owned());
            layout.add(vec!["ecommerce".to_owned(), "transaction_id".to_owned()], Place::Object);
            for name in GA4_ITEM {
                layout.add(vec![name.to_owned()], Place::Line);
            }
        }
        for object in objects {
            layout.learn(object, &mut Vec::new(), Place::Object);
            for line in layout.lines_of(object) {
                layout.learn(line, &mut Vec::new(), Place::Line);
            }
        }
        layout
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    fn learn(&mut self, value: &Value, path: &mut Vec<String>, place: Place) {
        match value {
            Value::Object(members) if path.len() < MAX_DEPTH => {
                for (key, member) in members {
                    path.push(key.clone());
                    self.learn(member, path, place);
                    path.pop();
                }
            }
            Value::Array(params) if path.len() == 1 && path[0] == "event_params" => {
                for key in params.iter().filter_map(|param| param["key"].as_str()) {
                    self.add(vec![key.to_owned()], Place::Param);
                }
            }
            Value::Object(_) | Value::Array(_) => {}
            _ => self.add(path.clone(), place),
        }
    }

    fn add(&mut self, path: Vec<String>, place: Place) {
        if self.columns.iter().any(|known| known.place == place && known.path == path) {
            return;
        }
        let joined = path.join(".");
        let name = match (place, &self.lines) {
            (Place::Object, _) | (Place::Line, None) => joined,
            (Place::Line, Some(list)) if path.is_empty() => format!("{list}[]"),
            (Place::Line, Some(list)) => format!("{list}[].{joined}"),
            (Place::Param, _) => format!("event_params.{joined}"),
        };
        self.columns.push(JsonColumn { name, path, place });
    }

    /// The elements of the list of lines; none where there is no list.
    pub(crate) fn lines_of<'v>(&self, object: &'v Value) -> &'v [Value] {
        let list = self.lines.as_ref().and_then(|name| object.get(name));
        list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Values stand in GA4's `event_params`.
    pub(crate) fn has_params(&self) -> bool {
        self.columns.iter().any(|column| column.place == Place::Param)
    }

    /// Orders have their lines inside.
    pub(crate) fn is_nested(&self) -> bool {
        self.lines.is_some()
    }
}

/// One row: an object, and one of its lines where it has a list of them.
pub(crate) struct JsonRow<'v> {
    pub layout: &'v JsonLayout,
    pub object: &'v Value,
    pub line: Option<&'v Value>,
    pub refund: Option<RefundLine<'v>>,
    /// A column that reads as empty.
    pub without: Option<usize>,
}

/// What a refund inside an order says other than the order and the line it takes back.
#[derive(Clone, Copy)]
pub(crate) struct RefundLine<'v> {
    pub id: &'v Value,
    /// Column and value.
    pub at: (usize, &'v Value),
    pub quantity: (usize, &'v Value),
}

impl Row for JsonRow<'_> {
    fn refund_id(&self) -> Cell<'_> {
        self.refund.map_or(Cell::Absent, |refund| cell_of(refund.id))
    }

    /// Not by the columns, which are those of a sample.
    fn attributes(&self) -> Option<&serde_json::Map<String, Value>> {
        self.object.get(super::attributes::MAP)?.as_object()
    }

    fn cell(&self, column: usize) -> Cell<'_> {
        if self.without == Some(column) {
            return Cell::Absent;
        }
        if let Some(refund) = &self.refund {
            for (at, value) in [refund.at, refund.quantity] {
                if at == column {
                    return cell_of(value);
                }
            }
        }
        let Some(column) = self.layout.columns.get(column) else { return Cell::Absent };
        let start = match column.place {
            Place::Object => Some(self.object),
            Place::Line => self.line,
            Place::Param => return param(self.object, &column.path[0]),
        };
        let value =
            start.and_then(|start| column.path.iter().try_fold(start, |at, key| at.get(key)));
        value.map_or(Cell::Absent, cell_of)
    }
}

fn param<'v>(object: &'v Value, key: &str) -> Cell<'v> {
    let params = object["event_params"].as_array().map_or(&[][..], Vec::as_slice);
    let found = params.iter().find(|param| param["key"] == key);
    let Some(values) = found.and_then(|param| param["value"].as_object()) else {
        return Cell::Absent;
    };
    values.values().map(cell_of).find(|cell| !cell.is_absent()).unwrap_or(Cell::Absent)
}

pub(crate) fn cell_of(value: &Value) -> Cell<'_> {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => Cell::Absent,
        Value::Bool(value) => Cell::Bool(*value),
        Value::String(text) => Cell::from_text(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Cell::Int(value),
            (None, Some(value)) => Cell::Float(value),
            (None, None) => Cell::Absent,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> (Vec<String>, Vec<String>) {
        let objects: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let layout = JsonLayout::of(&objects);
        let names = layout.names();
        let mut shown = Vec::new();
        for object in &objects {
            let lines: Vec<Option<&Value>> = match layout.is_nested() {
                true => layout.lines_of(object).iter().map(Some).collect(),
                false => vec![None],
            };
            for line in lines {
                let row = JsonRow { layout: &layout, object, line, refund: None, without: None };
                let mut buffer = String::new();
                let cells = (0..names.len())
                    .map(|i| row.cell(i).text(&mut buffer).unwrap_or("-").to_owned());
                shown.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
        (names, shown)
    }

    #[test]
    fn nested_orders_give_a_row_a_line() {
        let (names, shown) = rows(
            r#"{"id":7,"customer":{"id":"c"},"items":[{"sku":"a","price":2.5},{"sku":"b"}]}
{"id":8,"items":[],"note":null}"#,
        );
        assert_eq!(names, ["customer.id", "id", "items[].price", "items[].sku", "note"]);
        assert_eq!(shown, ["c|7|2.5|a|-", "c|7|-|b|-"]);
    }

    #[test]
    fn lists_of_plain_ids_and_flat_rows() {
        assert_eq!(rows(r#"{"o":1,"items":["a","b"]}"#).1, ["1|a", "1|b"]);
        let (names, shown) = rows(r#"{"order_id":"x","sku":5}"#);
        assert_eq!((names.join(","), shown), ("order_id,sku".into(), vec!["x|5".into()]));
    }

    #[test]
    fn event_params_of_ga4() {
        let (names, shown) = rows(
            "{\"event_name\":\"purchase\",\"event_params\":[{\"key\":\"transaction_id\",\
            \"value\":{\"string_value\":\"T1\",\"int_value\":null}}]}",
        );
        assert_eq!(names, ["event_name", "event_params.transaction_id"]);
        assert_eq!(shown, ["purchase|T1"]);
    }
}
