"""Reports as HTML pages that open offline: of a table, a run, a sweep or a comparison. `report`
renders a page, `parts` lists the sections of each kind of report, and the `*_sections` files render
them; `page` has the building blocks, such as tables and figures.
"""
