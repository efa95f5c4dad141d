"""Pair counts with scipy: binary basket x item matrix, X.T @ X. Two threads for reading."""

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

pa.set_cpu_count(2)
table = pq.read_table(
    sys.argv[1],
    columns=["basket_id", "item_id", "quantity"],
    read_dictionary=["basket_id", "item_id"],
)
table = table.filter(pc.greater(table["quantity"], 0)).unify_dictionaries().combine_chunks()


def codes(name):
    column = table[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.indices.to_numpy(), len(column.dictionary)


baskets, n_baskets = codes("basket_id")
items, n_items = codes("item_id")
ones = np.ones(len(items), dtype=np.int32)
held = csr_matrix((ones, (baskets, items)), shape=(n_baskets, n_items))
# Equal (basket, item) lines were added up: back to "holds it".
held.data[:] = 1
counts = held.T.tocsr() @ held
# The matrix is symmetric: half of what is off the diagonal.
diagonal = counts.diagonal()
n_pairs = (counts.nnz - np.count_nonzero(diagonal)) // 2
sum_counts = (int(counts.data.sum(dtype=np.int64)) - int(diagonal.sum(dtype=np.int64))) // 2
print(json.dumps({"n_pairs": int(n_pairs), "sum_counts": sum_counts}))
