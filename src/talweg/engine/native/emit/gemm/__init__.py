"""The matrix product C (M x N) = A (M x K) B (K x N) as functions of an LLVM module: `packing`
copies panels into the order in which they are read, `tiles` keeps tiles of C in registers, and
`product` loops over both.
"""
