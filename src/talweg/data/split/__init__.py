"""Which rows train and which rows test. `folds` splits rows at random or by groups; `timeline`
finds out whether they are in chronological order, by what `times` reads in their cells.
`split_rows` holds encoded rows, fold after fold, and `periods` the scores along the time.
"""
