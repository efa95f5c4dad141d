//! Lines that cannot be used: counted by reason, sampled, and written out so they can be mended.

/// Why a line was set aside. The order is the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RejectReason {
    RaggedRow,
    BadEncoding,
    BadJson,
    MissingOrder,
    MissingItem,
    MissingCustomer,
    IdTooLong,
    MissingDate,
    BadDate,
    /// A date that reads only with day and month the other way round.
    OtherDayOrder,
    BadQuantity,
    BadPrice,
    /// A number that reads only with the other decimal sign.
    OtherDecimal,
    BadCurrency,
    BadValue,
    LineTooLong,
    UnknownEvent,
}

impl RejectReason {
    /// Stable code, as it stands in the report, in JSON and in the rejects file.
    pub fn code(self) -> &'static str {
        match self {
            RejectReason::RaggedRow => "ragged_row",
            RejectReason::BadEncoding => "bad_encoding",
            RejectReason::BadJson => "bad_json",
            RejectReason::MissingOrder => "missing_order",
            RejectReason::MissingItem => "missing_item",
            RejectReason::MissingCustomer => "missing_customer",
            RejectReason::IdTooLong => "id_too_long",
            RejectReason::MissingDate => "missing_date",
            RejectReason::BadDate => "bad_date",
            RejectReason::OtherDayOrder => "other_day_order",
            RejectReason::BadQuantity => "bad_quantity",
            RejectReason::BadPrice => "bad_price",
            RejectReason::OtherDecimal => "other_decimal",
            RejectReason::BadCurrency => "bad_currency",
            RejectReason::BadValue => "bad_value",
            RejectReason::LineTooLong => "line_too_long",
            RejectReason::UnknownEvent => "unknown_event",
        }
    }
}

/// One line that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// 1-based line (text formats) or row (Parquet) in the file.
    pub line: u64,
    pub reason: RejectReason,
    /// What was found and what was expected, for a person.
    pub detail: String,
    /// The order that the line belongs to, where it can be told: that order lacks a line now.
    pub order_id: Option<String>,
    /// Where that order comes from, where the line says it.
    pub source: Option<String>,
    /// The line as it stood, so that it can be mended and imported again (cut at 64 KiB).
    pub raw: String,
}
