"""Tables and arrays on their way to a network and back.

`read` turns a file, arrays or a data frame into a `table`: `files` finds its bytes, also those
of a pipe, `opening` their encoding, `dialect` how cells are parted and `layout` which columns they
lie in, by the `header` and by what a model `expected`. `csv_file` and `parquet` give blocks of
rows, which `growing` gathers, in memory or mapped from a file; `json_file` and `workbook` give
whole tables, and `foreign` names what is none. `columns` holds cells as
numbers or words; `kinds` says what each column is, with `dates` and `scales` of ordered words.
`encode` turns the inputs into numbers, a `coded` column each, with a place for the unknown and one
for the missing, or codes where levels are many, for which the `network` learns embeddings; `single`
does so for one row, sooner; `target` does the same for what to learn, a column or several.
`learnable` looks at a table before anything is learned, `timeline` finds whether its rows are in
order of time, `counters` which columns only number them, `dealing` deals rows to folds,
`packing` keeps the inputs of a large table in a fraction of their bytes, and `learning` trains the
members of an ensemble, by the `recipe` for a table of that size; `learning_in_time` does so where
rows are in order of time. `training` puts these together, and `periods` keep what it found in time.
`table_model` does all of that; `trained_table` is what remains: it predicts, and `model_file` keeps
it in one file. `judged`,
`scores` and `intervals` say how good it is.
"""
