"""The intermediate representation, between a recorded graph and LLVM IR: data that all later
folders share. `size` has sizes that may depend on the number of rows N, `view` buffers and views of
them, and `kernel` the base of all kernels. `node` has the nodes of a graph and the `Lowering` that
says what a gate becomes: a view, a map, a reduction, a contraction, an assembly, or a kernel of its
own. `symbolic_graph` makes a graph of such nodes from a recorded one. `nest` and `product` are the
kernels that the planner makes.
"""
