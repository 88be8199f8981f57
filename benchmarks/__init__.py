"""Timings of talweg, other libraries and plain NumPy, taken in the same run: `make bench`."""
