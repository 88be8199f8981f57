"""What a model of a table predicts: `base` says what every kind of target offers, each kind has a
file, and `table` lists the kinds and chooses one for the cells of a table.
"""
