"""From a table in a file to a trained model and its predictions. `io/` reads files, frames and
arrays, `columns/` finds what each column is and encodes it as inputs, `split/` forms folds at
random, by groups or in time, and `model/` trains, tests, saves and predicts.
"""
