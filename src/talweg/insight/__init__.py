"""What a run or a model says of itself, in words and numbers: what it found, how it compares
with a trivial predictor, and what to look at next.
"""
