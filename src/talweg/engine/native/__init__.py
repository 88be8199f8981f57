"""The native engine compiles a whole training run to one program and calls it once.

`build` runs the phases in order: `expansion` replaces gates by their compositions where needed,
`plan/symbolic_shapes` makes the number of rows N of a batch a symbol (a `SymbolicGraph`),
`lowering/` says what each gate becomes, `plan/` turns graphs into regions of kernels on buffers,
`emit/` writes the kernels as LLVM IR and `driver/` the run around them, `llvm/` compiles and caches
the IR, and `runtime/` calls the program on threads. The axis of length N of a node is its row axis;
a node has one if row i of its value needs only row i of its inputs. Such nodes are computed by
rows: each thread takes blocks of rows through all of them without waiting. Other nodes, such as
sums over the rows, are computed by outputs: each thread computes a part of the result from all
rows. A region is a part of a step that is computed in one of these ways, and barriers part the
regions; `plan/row_analysis` has an example. `function` compiles one graph, such as a prediction.
`checker/` instruments a program to check its addresses, for tests. `control_block` lists the
words that program and Python share, `stopping_graph` makes a graph of the stopping rules, and
`processor` writes the instructions of families of processors.
"""
