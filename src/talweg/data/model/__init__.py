"""A model of a table. `table_model` is the entry point and `trained_table` what it returns;
between them `learnable` inspects the table, `target` encodes what is to be predicted, `recipe`
chooses defaults, `network` builds the layers, and `learning` trains the ensemble. `scores`,
`out_of_fold` and `intervals` say how good it is; `model_file` saves it.
"""
