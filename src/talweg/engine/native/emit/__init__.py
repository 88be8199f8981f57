"""Kernels as LLVM IR. `region` writes a region of a plan as one function, kernel by kernel: `nest`
the loops of elementwise gates and reductions, `product` the calls of the routines in `gemm/`, and
an `own_kernel` itself. All write into a `frame`: the function of the region, its pointers and the
thread's share of the work. A nest has a layout (`nest_axes`) and a body (`nest_body`), in which
`accumulators` reduce. `lanes` loads and stores vectors, `bitpack` vectors of booleans, and `math/`
computes functions of them. `barrier` lets threads wait for each other, with `tickets` they take
parts of the work as they become free, and `clock` reads the time.
"""
