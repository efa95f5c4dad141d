//! Rows on their way from one step of a join to the next, spread over partitions: in memory up to a
//! budget, and beyond it in one temporary file that has no name. The system takes it back when the
//! report ends, however it ends: nothing is ever left to remove.

use super::row::{Reader, Row};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::PathBuf;

/// Where spills lie, over how many partitions, and what the buffers of one may take.
#[derive(Clone, Debug)]
pub(crate) struct SpillPlan {
    pub(crate) dir: PathBuf,
    pub(crate) n_partitions: usize,
    pub(crate) buffer_bytes: usize,
}

impl SpillPlan {
    pub(crate) fn partition_of(&self, key: u64) -> usize {
        (mix(key) % self.n_partitions as u64) as usize
    }

    pub(crate) fn open<R: Row>(&self) -> Spill<R> {
        Spill {
            plan: self.clone(),
            buffers: vec![Vec::new(); self.n_partitions],
            n_buffered: 0,
            file: None,
            n_written: 0,
            blocks: vec![Vec::new(); self.n_partitions],
            fault: None,
            rows: PhantomData,
        }
    }
}

/// Spreads keys that follow each other; the finalizer of MurmurHash3 (A. Appleby).
fn mix(mut key: u64) -> u64 {
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53_u64] {
        key = (key ^ (key >> 33)).wrapping_mul(factor);
    }
    key ^ (key >> 33)
}

/// Rows of one kind.
#[derive(Debug)]
pub(crate) struct Spill<R> {
    plan: SpillPlan,
    buffers: Vec<Vec<u8>>,
    n_buffered: usize,
    file: Option<File>,
    n_written: u64,
    /// For each partition the places of its blocks in the file, in order.
    blocks: Vec<Vec<(u64, usize)>>,
    /// Why the file could not be written: told when the rows are asked for, for who pushes them
    /// stands inside a reading of the store.
    fault: Option<io::Error>,
    rows: PhantomData<fn(R)>,
}

impl<R: Row> Spill<R> {
    /// Rows of one key stay in their order.
    pub(crate) fn push(&mut self, key: u64, row: &R) {
        self.push_to(self.plan.partition_of(key), row);
    }

    pub(crate) fn partition_of(&self, key: u64) -> usize {
        self.plan.partition_of(key)
    }

    pub(crate) fn push_to(&mut self, partition: usize, row: &R) {
        if self.fault.is_some() {
            return;
        }
        let buffer = &mut self.buffers[partition];
        let before = buffer.len();
        row.put(buffer);
        self.n_buffered += buffer.len() - before;
        if self.n_buffered >= self.plan.buffer_bytes {
            self.fault = self.relieve().err();
        }
    }

    fn relieve(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(&self.plan.dir)?),
        };
        for (buffer, blocks) in self.buffers.iter_mut().zip(&mut self.blocks) {
            if buffer.is_empty() {
                continue;
            }
            file.write_all(buffer)?;
            blocks.push((self.n_written, buffer.len()));
            self.n_written += buffer.len() as u64;
            buffer.clear();
        }
        self.n_buffered = 0;
        Ok(())
    }

    /// Ends the writing; an error when not all could be written.
    pub(crate) fn finish(self) -> Result<Spilled<R>> {
        let Spill { plan, buffers, file, blocks, fault, rows, .. } = self;
        match fault {
            Some(source) => Err(spill_error(&plan, source)),
            None => Ok(Spilled { plan, buffers, file, blocks, rows }),
        }
    }
}

/// What was written, to be read by partition as often as is asked.
#[derive(Debug)]
pub(crate) struct Spilled<R> {
    plan: SpillPlan,
    buffers: Vec<Vec<u8>>,
    file: Option<File>,
    blocks: Vec<Vec<(u64, usize)>>,
    rows: PhantomData<fn(R)>,
}

impl<R: Row> Spilled<R> {
    /// Gives the rows of a partition, in the order in which they were pushed.
    pub(crate) fn each(&self, partition: usize, mut give: impl FnMut(R)) -> Result<()> {
        let mut block = Vec::new();
        for &(offset, n_bytes) in &self.blocks[partition] {
            block.resize(n_bytes, 0);
            let mut file = self.file.as_ref().expect("blocks are written to the file only");
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.read_exact(&mut block))
                .map_err(|source| spill_error(&self.plan, source))?;
            each_row(&block, &mut give);
        }
        each_row(&self.buffers[partition], &mut give);
        Ok(())
    }
}

fn each_row<R: Row>(bytes: &[u8], give: &mut impl FnMut(R)) {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        give(R::take(&mut reader));
    }
}

fn spill_error(plan: &SpillPlan, source: io::Error) -> Error {
    let path = plan.dir.clone();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
        _ => Error::Spill { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_by_partition_in_their_order_from_memory_and_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        for buffer_bytes in [1 << 20, 100] {
            let plan = SpillPlan { dir: dir.path().to_owned(), n_partitions: 5, buffer_bytes };
            let mut spill = plan.open::<(u64, i64)>();
            (0..1_000_u64).for_each(|i| spill.push(i % 10, &(i % 10, i as i64 * 1_000_003)));
            let spilled = spill.finish().unwrap();
            assert_eq!(spilled.file.is_some(), buffer_bytes == 100);
            let mut all = Vec::new();
            for partition in 0..5 {
                let mut last = [i64::MIN; 10];
                spilled
                    .each(partition, |(key, value)| {
                        assert_eq!(plan.partition_of(key), partition);
                        assert!(last[key as usize] < value, "out of order");
                        last[key as usize] = value;
                        all.push(value);
                    })
                    .unwrap();
            }
            all.sort_unstable();
            let expected: Vec<i64> = (0..1_000).map(|i| i * 1_000_003).collect();
            assert_eq!(all, expected);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "no file has a name");
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_when_the_rows_are_asked_for() {
        let dir = PathBuf::from("/nowhere/at/all");
        let plan = SpillPlan { dir, n_partitions: 2, buffer_bytes: 10 };
        let mut spill = plan.open::<u64>();
        (0..100).for_each(|i| spill.push(i, &u64::MAX));
        let error = spill.finish().unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }
}
