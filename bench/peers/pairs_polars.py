"""Pair counts with Polars: dense ids, self-join on the basket, group by. Two threads."""

import json
import os
import sys

os.environ["POLARS_MAX_THREADS"] = "2"

import polars as pl  # noqa: E402  the thread count is read when it is loaded

lines = (
    pl.scan_parquet(sys.argv[1])
    .filter(pl.col("quantity") > 0)
    .select("basket_id", "item_id")
    .unique()
    .select(
        basket=pl.col("basket_id").rank("dense").cast(pl.UInt32),
        item=pl.col("item_id").rank("dense").cast(pl.UInt32),
    )
    .collect()
    .lazy()
)
pairs = (
    lines.join(lines, on="basket", suffix="_other")
    .filter(pl.col("item") < pl.col("item_other"))
    .group_by("item", "item_other")
    .agg(n=pl.len())
    .select(n_pairs=pl.len(), sum_counts=pl.col("n").cast(pl.Int64).sum())
    .collect(engine="streaming")
)
print(json.dumps({name: int(pairs[name][0]) for name in ("n_pairs", "sum_counts")}))
