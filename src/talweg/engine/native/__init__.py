"""The native engine compiles a whole training run to one native program and calls it once.
`plan/` turns graphs into kernels and places their buffers, `emit/` writes the kernels as LLVM IR
and `driver/` the run around them, `llvm/` compiles and caches the IR, and `runtime/` calls the
program on threads. `checker/` instruments a program to check its addresses, for tests. `build`
runs these phases in order.
"""
