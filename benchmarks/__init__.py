"""Timings beside other libraries and plain NumPy, measured in the same run: `make bench`."""
