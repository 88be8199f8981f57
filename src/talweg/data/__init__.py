"""From a table in a file to a trained model and its predictions. `io/` reads files, frames and
arrays, `columns/` detects the kind of each column and encodes it as inputs, `split/` forms folds at
random, by groups or in time, and `model/` trains, tests, saves and predicts.
"""
