"""Columns, from cells to inputs of a network. `column_builder` gathers `cells` while a table is
read, `kinds` decides what each column is, with `numerals`, `dates`, `values` and ordered
`scales`; `coded` holds one class for each kind of input, `encode` encodes a table and
`row_encoder` one row.
"""
