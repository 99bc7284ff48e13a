"""Lists of prices, out and in.

`exports` writes them; of one that comes in, `entries` reads the rows, `compare` says what they would do, and `imports`
does it, all or nothing. Files, sheets and their keeping are those of `catalog.lists`.
"""
