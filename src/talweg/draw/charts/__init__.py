"""Charts as SVG text, each with a text alternative. A file draws one chart and holds its `Figure`:
which record of `insight` it shows, its label and its caption. `figures` lists them all, for the
pages and for the golden pictures. `canvas`, `scale`, `plots`, `bars`, `unit_square` and
`settings_axis` are what charts are made of.
"""
