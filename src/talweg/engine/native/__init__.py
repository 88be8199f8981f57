"""The native engine: a whole run compiled to one function and called once, in stages that can each
be printed. `outline` makes the number of rows an unknown; `plan` groups nodes into kernels and
places their buffers; `nest` and `product` write kernels as LLVM IR (`ir`), `driver` the run around
them; `compiler` and `cache` make machine code of it, and `launch` calls it on threads.
"""
