//! Files of many shapes to typed records.
//!
//! [`Source`] (bytes the caller opened) -> [`ImportPlan`] (decided on a sample, shown, confirmed)
//! -> `read_…` (whole file, in parallel, in file order). The way of a byte: `source` unpacks it,
//! `encoding` makes it text, `chunk` cuts records, `text_rows` (or `parquet_rows`) makes rows of
//! typed cells, `orders` and `records` make sense of them.

mod aliases;
mod aliases_abroad;
mod attributes;
mod carry;
mod cell;
mod chunk;
mod columns;
mod date_plan;
mod date_scan;
mod dates;
mod delimited;
mod encoding;
mod event_rows;
mod fees;
mod field_read;
mod interner;
mod json_elements;
mod json_lines;
mod json_value;
mod line_kind;
mod mapping;
mod money_plan;
mod numbers;
mod order_id_reader;
mod order_identity;
mod order_parts;
mod order_slots;
mod orders;
mod parquet_rows;
mod pipeline;
mod plan;
mod planner;
mod preamble;
mod product_rows;
mod read;
mod records;
mod refunds;
mod relation_rows;
mod repeats;
mod sample_table;
mod source;
mod text_rows;

pub use columns::{Field, FileKind, Shape, fields_of};
pub use date_plan::{DatePlan, OrderEvidence};
pub use dates::{DateForm, DayOrder};
pub use encoding::Encoding;
pub use event_rows::read_events;
pub use fees::propose_kind;
pub(crate) use json_value::{FieldText, is_without_zone, read_json_amount, read_json_time};
pub use money_plan::DecimalEvidence;
pub use orders::read_orders;
pub use plan::{
    ColumnPlan, CurrencyPlan, FeeProposal, Format, IdParts, ImportPlan, OrderFrom, PlanOptions,
    TimeReader,
};
pub use read::{ReadOptions, ReadSummary};
pub use records::{RecordSink, read_customers, read_holdings, read_items};
pub use relation_rows::read_relations;
pub use repeats::{Doubt, Repeats};
pub use source::{Compression, Source};
