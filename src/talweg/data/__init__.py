"""Tables and arrays on their way to a network and back.

`read` turns a CSV file, arrays or a data frame into a `table`; `columns` says what each column
holds; `encode` turns the inputs into numbers, with a place for the unknown and one for the
missing in every column, and `target` does the same for the column to learn; `split` deals the
rows to training, validation and test; `model_file` keeps a trained model in one file.
`table_model` trains one network on all of that, `trained_table` is what remains: it predicts,
and is saved and loaded; `scores` says how good it is.
"""
