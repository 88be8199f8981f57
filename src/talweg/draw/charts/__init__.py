"""Charts as SVG with a text alternative. Each file draws one chart and defines its `Figure`: the
record of `insight` that it shows, its label and its caption. `figures` lists them all, for pages
and golden pictures. The charts share `canvas`, `scale`, `plots`, `bars`, `matrix`, `unit_square`
and `settings_axis`.
"""
