"""Kernels as LLVM IR. `stage` writes one parallel stage of a step as a function, `nest` the loops
of elementwise gates and reductions, `lookup` gathers and scatters, `gemm/` matrix products, and
`math/` the vectorised mathematical functions.
"""
