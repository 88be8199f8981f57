"""Which rows train and which rows judge. `deal` forms folds at random, by groups or in time,
`timeline` finds whether rows are ordered in time, and `periods` records what was found along it.
"""
