//! What people see: tables, numbers, errors.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
pub(crate) use decide::words::grouped as count;
use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// The chain of causes, innermost last, each said once.
pub(crate) fn error(error: &anyhow::Error) {
    let mut text = String::from("error: ");
    let mut last = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if last.contains(&cause) {
            continue;
        }
        if !last.is_empty() {
            text.push_str("\n  because: ");
        }
        text.push_str(&cause);
        last = cause;
    }
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A remark beside the data.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Data.
pub(crate) fn line(text: impl Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// A table with these heads; columns in `right` are numbers.
pub(crate) fn table(heads: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(heads.to_vec());
    let width = if std::io::stdout().is_terminal() { None } else { Some(140) };
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_content_arrangement(ContentArrangement::Dynamic);
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

pub(crate) fn row(table: &mut Table, cells: &[String]) {
    table.add_row(cells.iter().map(Cell::new));
}

/// Bytes for people.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
