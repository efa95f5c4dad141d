"""EASE fit with numpy: float64, OpenBLAS. FILE LAMBDA; reads the same Parquet as ours.

H. Steck, "Embarrassingly shallow autoencoders for sparse data", 2019: with P the inverse of
G + lambda I, the weight from i to j is -P_ij / P_jj, and 0 on the diagonal.
"""

import json
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

pa.set_cpu_count(2)
ridge = float(sys.argv[2])
table = pq.read_table(sys.argv[1], columns=["basket_id", "item_id", "quantity"])
table = table.filter(pc.greater(table["quantity"], 0))


def codes(name):
    column = table[name].combine_chunks().dictionary_encode()
    return column.indices.to_numpy(), len(column.dictionary)


baskets, n_baskets = codes("basket_id")
items, n_items = codes("item_id")
held = csr_matrix((np.ones(len(items)), (baskets, items)), shape=(n_baskets, n_items))
held.data[:] = 1

started = time.perf_counter()
gram = np.asarray((held.T.tocsr() @ held).todense())
gram_s = time.perf_counter() - started
started = time.perf_counter()
gram[np.diag_indices(n_items)] += ridge
inverse = np.linalg.inv(gram)
weights = inverse / -np.diag(inverse)
np.fill_diagonal(weights, 0.0)
solve_s = time.perf_counter() - started
print(
    json.dumps(
        {
            "n_items": n_items,
            "gram_s": gram_s,
            "solve_s": solve_s,
            "fit_s": gram_s + solve_s,
            "sum_weights": float(weights.sum()),
        }
    )
)
