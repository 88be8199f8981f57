"""Tables and arrays on their way to a network and back.

`read` turns a CSV or Parquet file, arrays or a data frame into a `table`: `opening` finds a
file's bytes and encoding, `dialect` how its cells are parted, `csv_file` and `parquet` give blocks
of rows, and `growing` gathers them, in memory or mapped from a file. `columns` holds cells as
numbers or words; `kinds` says what each column is, with `dates` and `scales` of ordered words.
`encode` turns the inputs into numbers, a `coded` column each, with a place for the unknown and one
for the missing; `single` does so for one row, sooner; `target` does the same for the column to
learn; `split` deals the rows to training, validation and test; `model_file` keeps a trained model
in one file. `table_model` trains one network on all of that, `trained_table` is what remains: it
predicts, and is saved and loaded; `scores` says how good it is.
"""
