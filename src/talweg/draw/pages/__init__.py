"""Reports as HTML pages that open offline: of a run (`report`), a table (`table_report`), a sweep
and a comparison. `page` builds the parts of a page, and `facts` is the plain data that a report
of a run shows.
"""
