"""What a model of a table predicts: `base` is the interface of all kinds of targets, each kind has
a file, and `table` lists the kinds and chooses one for the cells of a table.
"""
