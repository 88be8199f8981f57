"""The native engine compiles a whole training run to one program and calls it once.

Read its folders in this order, in which each needs only those before it. `llvm/` writes and
compiles LLVM IR and caches the code. `ir/` has the data that all phases share, from sizes that may
depend on the number of rows N of a batch to kernels. `plan/` turns a graph of symbolic shapes into
regions of kernels on buffers, `emit/` writes kernels as LLVM IR, `lowering/` has one entry for each
gate, and `driver/` writes the loop of epochs and steps around the kernels. `runtime/` calls the
program on threads, and `checker/` checks its addresses, for tests. `build` joins them all and
traces an example; `function` compiles one graph, such as a prediction, and `engine` is the
interface. `control_block` lists the words that program and Python share, `stopping_graph` makes a
graph of the stopping rules, and `processor` writes the instructions of families of processors. The
axis of length N of a node is its row axis; a node has one if row i of its value needs only row i of
its inputs. Such nodes are computed by rows: each thread takes blocks of rows through all of them
without waiting. Other nodes, such as sums over the rows, are computed by outputs: each thread
computes a part of the result from all rows. A region is a part of a step that is computed in one of
these ways, and barriers part the regions.
"""
