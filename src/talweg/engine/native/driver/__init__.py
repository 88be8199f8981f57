"""The training loop around the kernels, in LLVM IR: `main` loops over epochs, `row_order` shuffles,
`batch_rows` gathers the rows of a batch, `epoch` runs the steps, and `epoch_end` evaluates, keeps
the best weights and applies the stopping rules. `run_plans` holds the plans of a run's graphs, and
`base` what all writers of functions share.
"""
