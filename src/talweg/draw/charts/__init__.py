"""Charts as SVG text, each with its text alternative: `plots` (lines and points), `bars`,
`histogram`, `confusion_matrix`, `unit_plot`, `lr_curve` and those of a `sweep`. `canvas` holds
what they share and `scale` maps numbers to positions.
"""
