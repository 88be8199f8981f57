"""Kernels as LLVM IR. `region` writes a region of a plan as one function, kernel by kernel: `nest`
the loops of elementwise gates and reductions, `product` the calls of the routines in `gemm/`, and
an `own_kernel` itself. `frame` is what they share, `math/` has the vectorized functions.
"""
