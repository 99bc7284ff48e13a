"""Lists, out and in, as text files (CSV) and spreadsheets (XLSX); and what is peculiar to lists of products.

`text_file` and `workbook` know the two formats, `sheet` makes rows of texts of them, `keeping` keeps those between the
steps. Of products: `exports.download`; `imports.look` (what a list would do, by `compare`) and `imports.apply` (all of
it or nothing). What stands in a cell, either way, is said by `cells` and, for barcodes, by `codes`.
"""
