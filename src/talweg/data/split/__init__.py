"""Which rows train and which rows test. `folds` splits rows at random or by groups; `timeline`
finds out whether they are in chronological order, from the times that `times` reads in their cells.
`split_rows` holds encoded rows, fold after fold, and `periods` the scores of successive periods.
"""
