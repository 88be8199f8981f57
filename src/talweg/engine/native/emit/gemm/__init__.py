"""GEMM, the matrix product C (M x N) = A (M x K) B (K x N), as functions of an LLVM module.
`packing` copies panels into the order in which they are read, `tiles` holds the micro-kernels,
which keep tiles of C in registers, and `product` the loops over blocks around them.
"""
