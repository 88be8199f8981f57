"""What a run or a model says of itself, in words and numbers.

`words` puts a trained table into sentences: what it found, how it compares with a trivial
predictor, what to look at next. `look` looks into it on rows with a known target: which columns
it relies on (`importance`), how the prediction follows them (`dependence`), which rows it gets most
wrong (`mistakes`), all of `encoded` rows. `curves` needs predictions alone: how well probabilities
rank, and how far they can be believed. `comparison` puts several models side by side.
"""
