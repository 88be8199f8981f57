"""A model of a table. `table_model` is the entry point, and `trained_table` the result. Between
them, `inspected` reads the table, `targets/` encodes the target, `training_data` splits and encodes
the rows, `recipe` chooses defaults, `network` builds the layers, and `training` trains the ensemble
by `learning`. `out_of_fold`, `scores` and `intervals` measure its errors; `model_file` saves it.
"""
