"""Columns, from cells to inputs of a network.

`column_builder` collects `cells` while a table is read; `numerals`, `dates`, `scales` and `values`
parse them; `detection` decides the kind of each column, with one file for each kind in `kinds`.
`table_encoder` encodes a table, `row_encoder` a single row, and `unfamiliar` counts cells unlike
those of training.
"""
