//! Sparse rows with a value beside each index: sections `<name>.offsets`, `.items`, `.values`.

use crate::container::{Container, Section};
use crate::{Error, SnapshotWriter};
use bytemuck::Pod;
use sparse::{Csr, CsrView};

/// A sparse table of `V`, checked when opened.
#[derive(Debug)]
pub struct Rows<V> {
    offsets: Section<u64>,
    items: Section<u32>,
    values: Section<V>,
}

impl<V: Pod> Rows<V> {
    pub fn write(writer: &mut SnapshotWriter, name: &str, rows: &Csr, values: &[V]) {
        assert_eq!(rows.indices.len(), values.len(), "table `{name}`: one value an index");
        writer.add(&format!("{name}.offsets"), &rows.offsets);
        writer.add(&format!("{name}.items"), &rows.indices);
        writer.add(&format!("{name}.values"), values);
    }

    /// A table of `n_rows` rows, or an absent one (then every row is empty).
    pub fn open(
        container: &Container,
        name: &str,
        n_rows: usize,
        n_columns: usize,
    ) -> Result<Rows<V>, Error> {
        let table = Rows::open_any_rows(container, name, n_columns)?;
        let found = table.n_rows(container);
        if found == n_rows || container.view(&table.offsets).is_empty() {
            Ok(table)
        } else {
            Err(container.corrupt(format!("`{name}` has {found} rows, not {n_rows}")))
        }
    }

    pub fn open_any_rows(
        container: &Container,
        name: &str,
        n_columns: usize,
    ) -> Result<Rows<V>, Error> {
        let table = Rows {
            offsets: container.section(&format!("{name}.offsets"))?,
            items: container.section(&format!("{name}.items"))?,
            values: container.section(&format!("{name}.values"))?,
        };
        let (offsets, items) = (container.view(&table.offsets), container.view(&table.items));
        let n_values = container.view(&table.values).len();
        if offsets.is_empty() && items.is_empty() && n_values == 0 {
            return Ok(table);
        }
        let n_columns = n_columns.try_into().unwrap_or(u32::MAX);
        CsrView::checked(offsets, items, n_columns)
            .map_err(|fault| container.corrupt(format!("`{name}`: {fault:?}")))?;
        if n_values == items.len() {
            Ok(table)
        } else {
            Err(container.corrupt(format!("`{name}` has not one value an index")))
        }
    }

    pub fn n_rows(&self, container: &Container) -> usize {
        container.view(&self.offsets).len().saturating_sub(1)
    }

    /// Offsets, indices and values as they lie; all empty for an absent table.
    pub fn parts<'a>(&self, container: &'a Container) -> (&'a [u64], &'a [u32], &'a [V]) {
        let (items, values) = (container.view(&self.items), container.view(&self.values));
        (container.view(&self.offsets), items, values)
    }

    #[inline]
    pub fn row<'a>(&self, container: &'a Container, row: usize) -> (&'a [u32], &'a [V]) {
        let offsets = container.view(&self.offsets);
        if offsets.is_empty() {
            return (&[], &[]);
        }
        let range = offsets[row] as usize..offsets[row + 1] as usize;
        (&container.view(&self.items)[range.clone()], &container.view(&self.values)[range])
    }
}
