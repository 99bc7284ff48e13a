"""The store file: one JSON document of stores, what they sell and every pricing rule.

`load.load` upserts it, `dump.dump` writes it. On the way in: `decode` (JSON) -> `shape` (typed entries, every fault
with its path) -> `stored` (what the database holds of it) -> `references` (what must exist) -> `compare` and `timeline`
(the difference) -> `write` (prepared rows in one short transaction).
"""
