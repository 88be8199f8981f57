"""A model of a table. `table_model` is the entry point, and `trained_table` is what it leaves.
Between them, `inspected` looks at the table, `targets/` encodes what is to be predicted,
`training_data` splits and encodes the rows, `recipe` chooses defaults, `network` builds the layers,
and `training` trains the ensemble by `learning`. `scores`, `out_of_fold` and `intervals` say how
good it is; `model_file` saves it.
"""
