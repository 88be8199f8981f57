"""The native engine compiles a whole training run to one program and calls it once. `build` runs
the phases in order: `expansion` replaces gates by their compositions where needed, `lowering/` says
what each gate becomes, `plan/` turns graphs into regions of kernels on buffers, `emit/` writes the
kernels as LLVM IR and `driver/` the run around them, `llvm/` compiles and caches the IR, and
`runtime/` calls the program on threads. `function` does the same for one graph, such as a
prediction. `checker/` instruments a program to check its addresses, for tests.
"""
