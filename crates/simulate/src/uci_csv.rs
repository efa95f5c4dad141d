//! Orders as the UCI Online Retail file writes them:
//! `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country`, returns
//! with a `C` before the invoice number, no customer where unknown.

use std::io::Write;

use events::Timestamp;

use crate::Error;
use crate::catalog::Catalog;
use crate::orders::{Line, OrderStream};

const HEADER: &[u8] =
    b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
/// The first invoice of the real file, and a number below its first customer.
pub const FIRST_INVOICE: u64 = 536_365;
pub const FIRST_CUSTOMER: u64 = 12_346;
const BUFFER: usize = 1 << 20;

/// Writes all that is left of the stream; answers the number of rows.
pub fn write(stream: &mut OrderStream, to: &mut dyn Write) -> Result<u64, Error> {
    let fields = item_fields(stream.catalog());
    let mut buffer = Vec::with_capacity(BUFFER + 4096);
    buffer.extend_from_slice(HEADER);
    let mut date = DateText::new();
    let mut n_rows = 0;
    while let Some(lines) = stream.next_order() {
        for line in lines {
            write_line(&mut buffer, line, &fields[line.item as usize], &mut date);
        }
        n_rows += lines.len() as u64;
        if buffer.len() >= BUFFER {
            to.write_all(&buffer)?;
            buffer.clear();
        }
    }
    to.write_all(&buffer)?;
    to.flush()?;
    Ok(n_rows)
}

/// `StockCode,Description,` of each item, quoted where needed.
fn item_fields(catalog: &Catalog) -> Vec<Box<[u8]>> {
    let quoted = |title: &str| {
        if title.contains([',', '"', '\n']) {
            format!("\"{}\"", title.replace('"', "\"\""))
        } else {
            title.to_owned()
        }
    };
    let field = |item: &crate::catalog::Item| format!("{},{},", item.item_id, quoted(&item.title));
    catalog.items.iter().map(|item| field(item).into_bytes().into()).collect()
}

fn write_line(buffer: &mut Vec<u8>, line: &Line, item: &[u8], date: &mut DateText) {
    if line.is_return {
        buffer.push(b'C');
    }
    push_number(buffer, FIRST_INVOICE + line.order);
    buffer.push(b',');
    buffer.extend_from_slice(item);
    if line.quantity < 0 {
        buffer.push(b'-');
    }
    push_number(buffer, u64::from(line.quantity.unsigned_abs()));
    buffer.push(b',');
    buffer.extend_from_slice(date.of(line.at));
    buffer.push(b',');
    push_number(buffer, u64::from(line.unit_price_cents / 100));
    let cents = line.unit_price_cents % 100;
    buffer.extend_from_slice(&[b'.', b'0' + (cents / 10) as u8, b'0' + (cents % 10) as u8, b',']);
    if let Some(customer) = line.customer {
        push_number(buffer, FIRST_CUSTOMER + u64::from(customer));
    }
    buffer.push(b',');
    buffer.extend_from_slice(line.country.as_bytes());
    buffer.push(b'\n');
}

fn push_number(buffer: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[at..]);
}

/// `2010-12-01 08:26:00`, kept for as long as the time stays the same.
struct DateText {
    at: Timestamp,
    text: Vec<u8>,
}

impl DateText {
    fn new() -> DateText {
        DateText { at: Timestamp(i64::MIN), text: Vec::new() }
    }

    fn of(&mut self, at: Timestamp) -> &[u8] {
        if self.at != at {
            self.at = at;
            // A time outside jiff's years −9999 to 9999 is written as seconds since 1970.
            self.text = match jiff::Timestamp::from_microsecond(at.0) {
                Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string().into_bytes(),
                Err(_) => (at.0 / 1_000_000).to_string().into_bytes(),
            };
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{Extent, OrdersSpec, orders};

    fn spec() -> OrdersSpec {
        let extent = Extent::Rows(5_000);
        OrdersSpec { extent, n_items: 400, n_customers: 90, ..OrdersSpec::shop(0, 5) }
    }

    /// The obvious twin: split each record with a slow reader that knows quotes, compare.
    #[test]
    fn what_is_written_reads_back() {
        let mut bytes = Vec::new();
        let n_rows = write(&mut orders(spec()).unwrap(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut records = text.lines().map(split_record);
        assert_eq!(records.next().unwrap().join(",").as_bytes(), &HEADER[..HEADER.len() - 1]);
        let stream = orders(spec()).unwrap();
        let items: Vec<(String, String)> = stream
            .catalog()
            .items
            .iter()
            .map(|item| (item.item_id.to_string(), item.title.to_string()))
            .collect();
        let mut n_read = 0;
        for (line, record) in stream.zip(records.by_ref()) {
            let (item_id, title) = items[line.item as usize].clone();
            let expected = [
                format!("{}{}", if line.is_return { "C" } else { "" }, 536_365 + line.order),
                item_id,
                title,
                line.quantity.to_string(),
                line.at.to_string().replace('T', " ").replace('Z', ""),
                format!("{:.2}", f64::from(line.unit_price_cents) / 100.0),
                line.customer.map_or(String::new(), |c| (12_346 + c).to_string()),
                line.country.to_owned(),
            ];
            assert_eq!(record, expected);
            n_read += 1;
        }
        assert_eq!((n_rows, n_read, records.next()), (5_000, 5_000, None));
        assert!(text.contains("\"\"") && text.contains(",-"));
    }

    fn split_record(record: &str) -> Vec<String> {
        let mut fields = vec![String::new()];
        let (mut is_quoted, mut before) = (false, ' ');
        for c in record.chars() {
            let field = fields.last_mut().unwrap();
            match c {
                // The second of two quotes within quotes stands for one.
                '"' if !is_quoted && before == '"' => {
                    field.push('"');
                    is_quoted = true;
                }
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => fields.push(String::new()),
                other => field.push(other),
            }
            before = if c == '"' && before == '"' { ' ' } else { c };
        }
        fields
    }

    #[test]
    fn a_writer_that_fails_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error = write(&mut orders(spec()).unwrap(), &mut Full).unwrap_err();
        assert!(matches!(error, Error::Write(_)), "{error}");
    }
}
