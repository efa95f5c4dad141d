//! Records packed together: a block is compressed as a whole, for records are much alike.

use super::{DecisionRecord, key_of, keys_of};
use events::Timestamp;

/// Fast, and JSON still shrinks to a fifth.
const ZSTD_LEVEL: i32 = 1;
/// Records of one block; a lookup unpacks a block.
const BLOCK_BYTES: usize = 256 << 10;

pub(super) struct Block {
    pub(super) first_at_us: i64,
    pub(super) last_at_us: i64,
    pub(super) n_records: usize,
    pub(super) keys: Vec<i64>,
    pub(super) body: Vec<u8>,
}

pub(super) fn blocks_of(records: &[DecisionRecord]) -> Vec<Block> {
    let mut blocks = Vec::new();
    // One for all blocks: each has tables of a megabyte.
    let mut compressor = compressor();
    let mut rest = records;
    while !rest.is_empty() {
        let mut n_bytes = 0;
        let n_records = rest
            .iter()
            .take_while(|record| {
                let has_room = n_bytes < BLOCK_BYTES;
                n_bytes += record.payload.len();
                has_room
            })
            .count();
        let (own, others) = rest.split_at(n_records);
        blocks.push(pack(own, &mut compressor));
        rest = others;
    }
    blocks
}

fn compressor() -> zstd::bulk::Compressor<'static> {
    zstd::bulk::Compressor::new(ZSTD_LEVEL).expect("fails on invalid parameters only")
}

/// One block of all these records.
pub(super) fn block_of(records: &[DecisionRecord]) -> Block {
    pack(records, &mut compressor())
}

fn pack(records: &[DecisionRecord], compressor: &mut zstd::bulk::Compressor<'_>) -> Block {
    let n_bytes = |record: &DecisionRecord| record.recommendation_id.len() + record.payload.len();
    let mut plain = Vec::with_capacity(records.iter().map(|record| n_bytes(record) + 20).sum());
    for record in records {
        put(&mut plain, record.recommendation_id.as_bytes());
        plain.extend_from_slice(&record.at.0.to_le_bytes());
        plain.extend_from_slice(&record.customer_idx.unwrap_or(u32::MAX).to_le_bytes());
        put(&mut plain, &record.payload);
    }
    let times = records.iter().map(|record| record.at.0);
    Block {
        first_at_us: times.clone().min().unwrap_or(i64::MAX),
        last_at_us: times.max().unwrap_or(i64::MIN),
        n_records: records.len(),
        keys: keys_of(records, key_of),
        body: compressor
            .compress(&plain)
            .expect("compression into memory fails on invalid parameters only"),
    }
}

fn put(plain: &mut Vec<u8>, bytes: &[u8]) {
    plain.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    plain.extend_from_slice(bytes);
}

/// The records of a block; `None` when it is damaged.
pub(crate) fn unpack(body: &[u8]) -> Option<Vec<DecisionRecord>> {
    let plain = zstd::stream::decode_all(body).ok()?;
    let mut rest = &plain[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let recommendation_id = String::from_utf8(take(&mut rest)?.to_vec()).ok()?;
        let at = Timestamp(i64::from_le_bytes(*split(&mut rest)?));
        let customer = u32::from_le_bytes(*split(&mut rest)?);
        let payload = take(&mut rest)?.to_vec();
        let customer_idx = (customer != u32::MAX).then_some(customer);
        let assignment = None;
        records.push(DecisionRecord { recommendation_id, at, customer_idx, assignment, payload });
    }
    Some(records)
}

fn split<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(head)
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let n_bytes = u32::from_le_bytes(*split(rest)?) as usize;
    let (head, tail) = rest.split_at_checked(n_bytes)?;
    *rest = tail;
    Some(head)
}
