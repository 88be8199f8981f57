"""Mathematical functions as straight-line vector code of tested accuracy. `functions` holds their
table, `primitives` what they share, and `power` and `trigonometry` the longer ones.
"""
