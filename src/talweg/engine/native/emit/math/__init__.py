"""Mathematical functions as straight-line vector code, with tested accuracy: `functions` holds
the table of all of them, `parts` what they share, `power` and `trigonometry` the longer ones.
"""
