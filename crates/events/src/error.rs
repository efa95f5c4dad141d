//! What can go wrong with a whole file. Rows that cannot be used are no errors: see
//! [`crate::Reject`].

use std::io;

/// A file that cannot be read or understood. Variants are what a caller does about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The medium failed: the disk, the pipe, a directory in place of a file.
    #[error("cannot read {name} at byte {offset}: {source}")]
    Read { name: String, offset: u64, source: io::Error },

    /// The file ends too early: fetch it again.
    #[error(
        "{name} is cut off: the {container} data ends in the middle at byte {offset}; \
         fetch or export the file again"
    )]
    Truncated { name: String, container: &'static str, offset: u64 },

    /// The file is damaged inside: fetch it again.
    #[error("{name} is damaged: {container} data near byte {offset} is invalid ({detail})")]
    Corrupt { name: String, container: &'static str, offset: u64, detail: String },

    #[error("{name} is empty: it holds no header and no rows")]
    Empty { name: String },

    #[error("{name} holds a header ({header}) but no rows")]
    HeaderOnly { name: String, header: String },

    /// Nothing that can be imported: a workbook, a picture, an archive.
    #[error("{name} is {found}; {advice}")]
    UnknownFormat { name: String, found: String, advice: String },

    /// Text, but no columns.
    #[error(
        "{name} has one column only ({first_line}); columns may be separated by comma, semicolon, \
         tab or |: tell the right one with --delimiter"
    )]
    WrongDelimiter { name: String, first_line: String },

    #[error(
        "{name} has no column for {fields}; found: {found}{unknown}; say which is which with \
         {advice}"
    )]
    MissingColumn { name: String, fields: String, found: String, unknown: String, advice: String },

    #[error("--map {field}=…: there is no such field; the fields are: {valid}")]
    UnknownField { field: String, valid: String },

    #[error("--map {field}={column}: {name} has no such column; it has: {found}")]
    UnknownColumn { name: String, field: String, column: String, found: String },

    #[error("--time-zone {zone}: not a time zone of the IANA database, such as Europe/London")]
    UnknownTimeZone { zone: String },

    /// The sample left day and month open, and the rest of the file shows that they were read the
    /// wrong way round.
    #[error(
        "{name}:{line}: {detail}. The file's beginning reads both ways; this row shows that it is \
         {shown}: import it with --day-order {option}"
    )]
    OtherDayOrder {
        name: String,
        line: u64,
        detail: String,
        shown: &'static str,
        option: &'static str,
    },

    /// The sample left the decimal sign open, and the rest of the file shows that it was read with
    /// the wrong one.
    #[error(
        "{name}:{line}: {detail}. Nothing in the file's beginning shows the decimal sign; this row \
         shows that it is a {shown}: import it with --decimal {shown}"
    )]
    OtherDecimal { name: String, line: u64, detail: String, shown: &'static str },

    /// The plan was made for another kind of file than it is used for.
    #[error("{name} was planned as {planned}, and cannot be read as {asked}")]
    OtherPlan { name: String, planned: &'static str, asked: &'static str },
}
