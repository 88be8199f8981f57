"""The reports of runs, sweeps, trained tables and comparisons, as records that JSON can hold.

`describe` makes a `run_report`, a `sweep_report` or a `table_report`; `comparison` puts several
models side by side. `inspection` examines a model on `encoded` rows with a known target: the
`importance` of columns, the partial `dependence` on them, and the largest `mistakes`. `predictions`
and `curves` hold errors, ranking and calibration. The `*_sentences` files and `notes` put results
into words, and `record` writes JSON.
"""
