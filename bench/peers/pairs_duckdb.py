"""Pair counts with DuckDB: dense ids, self-join on the basket, group by. Two threads."""

import json
import sys

import duckdb

connection = duckdb.connect()
connection.execute("SET threads = 2")
connection.execute(
    """
    CREATE TEMP TABLE named AS
    SELECT DISTINCT basket_id, item_id FROM read_parquet(?) WHERE quantity > 0
    """,
    [sys.argv[1]],
)
connection.execute(
    """
    CREATE TEMP TABLE lines AS
    WITH baskets AS (SELECT basket_id, (row_number() OVER ())::INTEGER AS basket
                     FROM (SELECT DISTINCT basket_id FROM named)),
         items AS (SELECT item_id, (row_number() OVER ())::INTEGER AS item
                   FROM (SELECT DISTINCT item_id FROM named))
    SELECT basket, item FROM named JOIN baskets USING (basket_id) JOIN items USING (item_id)
    """
)
n_pairs, sum_counts = connection.execute(
    """
    SELECT count(*), coalesce(sum(n), 0) FROM (
        SELECT a.item AS one, b.item AS other, count(*) AS n
        FROM lines a JOIN lines b ON a.basket = b.basket AND a.item < b.item
        GROUP BY one, other
    )
    """
).fetchone()
print(json.dumps({"n_pairs": int(n_pairs), "sum_counts": int(sum_counts)}))
