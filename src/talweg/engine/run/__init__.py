"""What a training run means, whichever engine carries it out. `program` describes a run as data,
`batches` says which rows form which batch, and `snapshot` holds the state between two epochs.
"""
