"""What a training run means, whichever engine carries it out. `program` describes a run as data,
`rows` and `batches` say which rows form which batch, and `session` says what happens around the
epochs: stopping, best weights, snapshots and the `outcome`. `loop` takes epochs and steps in
Python, by `graph_steps` or another method of `steps`; `engine` is what an engine implements.
`values` finds the node that made a number non-finite, and `blas_threads` limits NumPy's threads.
"""
