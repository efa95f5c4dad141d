//! Rows on their way from the parsers to the segments, spread over the partitions of their order
//! keys: in memory up to a budget, above it in one temporary file.
//!
//! Record of a row (all integers as in [`super::varint`]):
//! ```text
//! order        number of the order in its chunk; the next unused one is followed by
//!              key (16 bytes), first row, id length, id, customer + 1, location + 1,
//!              currency + 1, extra, time
//! extra        0, or 1 followed by source, order taken back from (16 bytes), time of sending
//! flags        bits 0-1 line kind, 2 customer follows, 3 time differs, 4 no price,
//!              5 quantity in whole units, 6 price in hundredths, 7 location and currency follow
//! [customer + 1] [location + 1, currency + 1] [time - time of the order] item quantity [price]
//! ```

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use events::LineKind;
use events::amount::MICROS;
use events::import::Doubt;

use super::identity::Extra;
use super::varint::{self, Reader};
use crate::disk::{Disk, DiskFile};
use crate::error::{Error, Result};
use crate::order_key::{N_PARTITIONS, OrderKey};
use crate::orders::{LineRow, NO_CODE, NO_PRICE};

const CENT: i64 = MICROS / 100;
const NEW_CUSTOMER: u8 = 1 << 2;
const OTHER_TIME: u8 = 1 << 3;
const WITHOUT_PRICE: u8 = 1 << 4;
const WHOLE_UNITS: u8 = 1 << 5;
const HUNDREDTHS: u8 = 1 << 6;
const NEW_PLACE: u8 = 1 << 7;

/// What the first row of an order says of the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpilledOrder<'a> {
    pub(super) key: OrderKey,
    pub(super) id: &'a str,
    pub(super) first_row: u64,
    pub(super) extra: Extra,
}

/// The codes of one row that belong to its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attribution {
    pub(super) customer: u32,
    pub(super) location: u32,
    pub(super) currency: u32,
}

/// Writes the rows of one push for one partition.
pub(super) struct ChunkEncoder<'a> {
    buffer: &'a mut Vec<u8>,
    n_orders: u32,
}

impl<'a> ChunkEncoder<'a> {
    /// A chunk begins with the number of its file and of its rows.
    pub(super) fn start(buffer: &'a mut Vec<u8>, file_no: u32, n_rows: u64) -> ChunkEncoder<'a> {
        varint::put(buffer, u64::from(file_no));
        varint::put(buffer, n_rows);
        ChunkEncoder { buffer, n_orders: 0 }
    }

    /// Announces an order; the number to use for its rows. A row of it must follow at once.
    pub(super) fn order(&mut self, order: SpilledOrder<'_>, of: Attribution, at_us: i64) -> u32 {
        let buffer = &mut *self.buffer;
        varint::put(buffer, u64::from(self.n_orders));
        buffer.extend_from_slice(&order.key.0.to_le_bytes());
        varint::put(buffer, order.first_row);
        varint::put(buffer, order.id.len() as u64);
        buffer.extend_from_slice(order.id.as_bytes());
        for code in [of.customer, of.location, of.currency] {
            varint::put(buffer, u64::from(code.wrapping_add(1)));
        }
        let extra = order.extra;
        varint::put(buffer, u64::from(extra != Extra::NONE));
        if extra != Extra::NONE {
            varint::put(buffer, u64::from(extra.source));
            buffer.extend_from_slice(&extra.refers.0.to_le_bytes());
            buffer.extend_from_slice(&extra.sent_at_us.to_le_bytes());
        }
        buffer.extend_from_slice(&at_us.to_le_bytes());
        self.n_orders += 1;
        self.n_orders - 1
    }

    /// A row of an order announced before (not the row that announced it).
    pub(super) fn order_again(&mut self, number: u32) {
        varint::put(self.buffer, u64::from(number));
    }

    /// `first` and `first_at_us` are those that the order was announced with.
    #[inline]
    pub(super) fn line(
        &mut self,
        line: &LineRow,
        of: Attribution,
        first: Attribution,
        first_at_us: i64,
    ) {
        let buffer = &mut *self.buffer;
        let new_customer = of.customer != first.customer && of.customer != NO_CODE;
        let new_place = (of.location, of.currency) != (first.location, first.currency);
        let whole = line.quantity % MICROS == 0;
        let hundredths = line.unit_price % CENT == 0;
        let without_price = line.unit_price == NO_PRICE;
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        buffer.push(
            line.kind as u8
                | flag(new_customer, NEW_CUSTOMER)
                | flag(line.at_us != first_at_us, OTHER_TIME)
                | flag(without_price, WITHOUT_PRICE)
                | flag(whole, WHOLE_UNITS)
                | flag(hundredths, HUNDREDTHS)
                | flag(new_place, NEW_PLACE),
        );
        if new_customer {
            varint::put(buffer, u64::from(of.customer.wrapping_add(1)));
        }
        if new_place {
            varint::put(buffer, u64::from(of.location.wrapping_add(1)));
            varint::put(buffer, u64::from(of.currency.wrapping_add(1)));
        }
        if line.at_us != first_at_us {
            varint::put_signed(buffer, line.at_us.wrapping_sub(first_at_us));
        }
        varint::put(buffer, u64::from(line.item));
        varint::put_signed(buffer, if whole { line.quantity / MICROS } else { line.quantity });
        if !without_price {
            varint::put_signed(
                buffer,
                if hundredths { line.unit_price / CENT } else { line.unit_price },
            );
        }
    }
}

/// One order as one chunk saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderEntry {
    pub(super) key: OrderKey,
    pub(super) file_no: u32,
    pub(super) first_row: u64,
    pub(super) id_start: u32,
    pub(super) id_len: u32,
    pub(super) of: Attribution,
    pub(super) extra: Extra,
    /// Who and where, by the lines that were sold.
    pub(super) sold: Sold,
}

/// What the lines of an order that were sold say of customer and location.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sold {
    pub(super) customer: u32,
    pub(super) location: u32,
    pub(super) is_any: bool,
    pub(super) doubt: Doubt,
}

impl Sold {
    const NOTHING: Sold = Sold {
        customer: NO_CODE,
        location: NO_CODE,
        is_any: false,
        doubt: Doubt { customers: false, locations: false, days: false },
    };

    /// What is unknown contradicts nothing.
    #[inline]
    fn add_line(&mut self, customer: u32, location: u32) {
        self.is_any = true;
        if (self.customer, self.location) == (customer, location) {
            return;
        }
        self.doubt.customers |= is_other(&mut self.customer, customer);
        self.doubt.locations |= is_other(&mut self.location, location);
    }

    pub(super) fn add(&mut self, other: &Sold) {
        if other.is_any {
            self.add_line(other.customer, other.location);
            self.doubt.customers |= other.doubt.customers;
            self.doubt.locations |= other.doubt.locations;
        }
    }
}

fn is_other(known: &mut u32, code: u32) -> bool {
    if *known == NO_CODE {
        *known = code;
    }
    code != NO_CODE && code != *known
}

/// All rows of one partition in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Partition {
    pub(super) entries: Vec<OrderEntry>,
    pub(super) texts: Vec<u8>,
    pub(super) lines: Vec<LineRow>,
    /// For each line its place in `entries`.
    pub(super) entry_of: Vec<u32>,
    /// For each line what its row says its price is in.
    pub(super) currency_of: Vec<u32>,
}

impl Partition {
    pub(super) fn decode(&mut self, bytes: &[u8]) {
        let mut reader = Reader::new(bytes);
        // Time and attribution that each order of the chunk was announced with.
        let mut announced = Vec::new();
        while !reader.is_empty() {
            let file_no = reader.take() as u32;
            let n_rows = reader.take();
            let first_entry = self.entries.len();
            announced.clear();
            for _ in 0..n_rows {
                let number = reader.take() as usize;
                let entry = first_entry + number;
                if number == announced.len() {
                    let at_us = self.decode_order(&mut reader, file_no);
                    announced.push((at_us, self.entries[entry].of));
                }
                let entry_row = &mut self.entries[entry];
                let (line, own) = decode_line(&mut reader, &mut entry_row.of, announced[number]);
                if line.kind == LineKind::Sale {
                    entry_row.sold.add_line(own.customer, own.location);
                }
                self.entry_of.push(entry as u32);
                self.currency_of.push(own.currency);
                self.lines.push(line);
            }
        }
    }

    fn decode_order(&mut self, reader: &mut Reader<'_>, file_no: u32) -> i64 {
        let key = reader.bytes(16).try_into().expect("sixteen bytes were asked for");
        let first_row = reader.take();
        let id_len = reader.take() as usize;
        let id_start = self.texts.len() as u32;
        self.texts.extend_from_slice(reader.bytes(id_len));
        let mut code = || (reader.take() as u32).wrapping_sub(1);
        let of = Attribution { customer: code(), location: code(), currency: code() };
        let extra = if reader.take() == 0 { Extra::NONE } else { decode_extra(reader) };
        self.entries.push(OrderEntry {
            key: OrderKey(u128::from_le_bytes(key)),
            file_no,
            first_row,
            id_start,
            id_len: id_len as u32,
            of,
            extra,
            sold: Sold::NOTHING,
        });
        i64::from_le_bytes(reader.bytes(8).try_into().expect("eight bytes were asked for"))
    }
}

fn decode_extra(reader: &mut Reader<'_>) -> Extra {
    let source = reader.take() as u32;
    let refers = reader.bytes(16).try_into().expect("sixteen bytes were asked for");
    let sent_at = reader.bytes(8).try_into().expect("eight bytes were asked for");
    Extra {
        source,
        refers: OrderKey(u128::from_le_bytes(refers)),
        sent_at_us: i64::from_le_bytes(sent_at),
    }
}

/// A line and what its own row says of the order.
#[inline]
fn decode_line(
    reader: &mut Reader<'_>,
    of: &mut Attribution,
    (order_at_us, mut own): (i64, Attribution),
) -> (LineRow, Attribution) {
    let flags = reader.byte();
    if flags & NEW_CUSTOMER != 0 {
        let customer = (reader.take() as u32).wrapping_sub(1);
        if of.customer == NO_CODE {
            of.customer = customer;
        }
        own.customer = customer;
    }
    if flags & NEW_PLACE != 0 {
        own.location = (reader.take() as u32).wrapping_sub(1);
        own.currency = (reader.take() as u32).wrapping_sub(1);
        for (slot, code) in [(&mut of.location, own.location), (&mut of.currency, own.currency)] {
            if *slot == NO_CODE {
                *slot = code;
            }
        }
    }
    let offset_us = if flags & OTHER_TIME != 0 { reader.take_signed() } else { 0 };
    let item = reader.take() as u32;
    let unit = if flags & WHOLE_UNITS != 0 { MICROS } else { 1 };
    let quantity = reader.take_signed() * unit;
    let unit_price = if flags & WITHOUT_PRICE != 0 {
        NO_PRICE
    } else {
        reader.take_signed() * if flags & HUNDREDTHS != 0 { CENT } else { 1 }
    };
    let kind = LineKind::from_code(flags & 3).expect("two bits hold the four kinds");
    let at_us = order_at_us.wrapping_add(offset_us);
    (LineRow { item, kind, unit_price, at_us, quantity }, own)
}

/// The buffers of all partitions and the file that takes what does not fit.
pub(super) struct Spill {
    path: PathBuf,
    buffers: Vec<Vec<u8>>,
    n_buffered: usize,
    budget_bytes: usize,
    file: Option<Box<dyn DiskFile>>,
    n_written: u64,
    /// For each partition the (offset, length) of its blocks in the file, in order.
    blocks: Vec<Vec<(u64, usize)>>,
}

impl Spill {
    pub(super) fn new(path: PathBuf, budget_bytes: usize) -> Spill {
        Spill {
            path,
            buffers: vec![Vec::new(); N_PARTITIONS],
            n_buffered: 0,
            budget_bytes,
            file: None,
            n_written: 0,
            blocks: vec![Vec::new(); N_PARTITIONS],
        }
    }

    /// Hands the buffer of a partition to `write`.
    #[inline]
    pub(super) fn append(&mut self, partition: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let buffer = &mut self.buffers[partition];
        let before = buffer.len();
        write(buffer);
        self.n_buffered += buffer.len() - before;
    }

    /// Moves everything to the file when the budget is used up.
    pub(super) fn relieve(&mut self, disk: &dyn Disk) -> Result<()> {
        if self.n_buffered < self.budget_bytes {
            return Ok(());
        }
        if self.file.is_none() {
            let file = disk.create(&self.path).map_err(Error::io("create the file", &self.path))?;
            self.file = Some(file);
        }
        let file = self.file.as_mut().expect("made just above");
        for (buffer, blocks) in self.buffers.iter_mut().zip(&mut self.blocks) {
            if buffer.is_empty() {
                continue;
            }
            file.write_all(buffer).map_err(Error::io("write to", &self.path))?;
            blocks.push((self.n_written, buffer.len()));
            self.n_written += buffer.len() as u64;
            buffer.clear();
        }
        self.n_buffered = 0;
        Ok(())
    }

    /// Did rows go to the file?
    pub(super) fn has_spilled(&self) -> bool {
        self.file.is_some()
    }

    /// The rows of a partition that are in memory.
    pub(super) fn peek(&self, partition: usize) -> Partition {
        let mut rows = Partition::default();
        rows.decode(&self.buffers[partition]);
        rows
    }

    /// Ends the writing.
    pub(super) fn finish(mut self) -> Result<SpillReader> {
        let file = match self.file.take() {
            Some(mut file) => {
                file.flush().map_err(Error::io("write to", &self.path))?;
                let opened =
                    File::open(&self.path).map_err(Error::io("open the file", &self.path))?;
                Some(Mutex::new(opened))
            }
            None => None,
        };
        let buffers = self.buffers.into_iter().map(Mutex::new).collect();
        Ok(SpillReader { path: self.path, file, buffers, blocks: self.blocks })
    }
}

/// Gives each partition once, to any thread.
pub(super) struct SpillReader {
    path: PathBuf,
    file: Option<Mutex<File>>,
    buffers: Vec<Mutex<Vec<u8>>>,
    blocks: Vec<Vec<(u64, usize)>>,
}

impl SpillReader {
    pub(super) fn take(&self, number: usize) -> Result<Partition> {
        let mut partition = Partition::default();
        let mut block = Vec::new();
        for &(offset, n_bytes) in &self.blocks[number] {
            block.resize(n_bytes, 0);
            let file = self.file.as_ref().expect("blocks are written to the file only");
            read_at(file, &self.path, offset, &mut block)?;
            partition.decode(&block);
        }
        let rest = std::mem::take(
            &mut *self.buffers[number].lock().unwrap_or_else(|poison| poison.into_inner()),
        );
        partition.decode(&rest);
        Ok(partition)
    }
}

fn read_at(file: &Mutex<File>, path: &Path, offset: u64, block: &mut [u8]) -> Result<()> {
    let mut file = file.lock().unwrap_or_else(|poison| poison.into_inner());
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.read_exact(block))
        .map_err(Error::io("read", path))
}
