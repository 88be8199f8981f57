"""The native engine compiles a whole training run to one program and calls it once.

The folders form a line: each needs only those before it. Read them in this order.

    llvm/      LLVM IR as text, its compiler, and the cache of machine code
    ir/        what the phases hand on: sizes in N, views of buffers, nodes and their lowerings,
               kernels; a `SymbolicGraph` is a graph for any number of rows N
    plan/      from a symbolic graph to a `Plan`: regions of kernels on buffers
    emit/      kernels as LLVM IR
    lowering/  one entry for each gate: row rule, form, replica rule
    driver/    the loop of epochs and steps around the kernels, as LLVM IR
    runtime/   the memory of a run, and the call of its program on threads
    checker/   a check of each address, for tests

`build` joins them: it looks up the lowering of each gate, and runs the phases in order. `function`
compiles one graph, such as a prediction, and `engine` is the interface that callers see.
`control_block` lists the words that program and Python share, `stopping_graph` makes a graph of the
stopping rules, and `processor` writes the instructions of families of processors.

The axis of length N of a node is its row axis; a node has one if row i of its value needs only row
i of its inputs. Such nodes are computed by rows: each thread takes blocks of rows through all of
them without waiting. Other nodes, such as sums over the rows, are computed by outputs: each thread
computes a part of the result from all rows. A region is a part of a step that is computed in one of
these ways, and barriers part the regions.

An example: a step of a dense layer w (8, 4) on a batch x (N, 8) with targets y (N, 4) at the
learning rate r, from the recorded graph to LLVM IR.

    h = x w,  g = 2 (h - y) / N,  w' = w - r (x^T g)

`ir/symbolic_graph` merges the graphs recorded for 32 and for 33 rows: h and g get the shape (N, 4),
and the last divisor becomes N. In `lowering/`, matmul is a contraction, transpose a view, and
subtract, multiply and divide are maps. `plan/row_analysis` gives h and g the row axis 0; x^T g is a
sum over the rows and has none, and neither has w'. `plan/groups` puts maps of one shape in one nest
of loops, and makes nests of both products, since they are small. `plan/planner` gives them buffers
and views: x^T is a view of x, w' is written over w, and r stays where the caller has it. `print`
shows the plan, with the inputs and the results of each kernel:

    by rows
      nest [N, 4, 8] over 2: matmul
          x w -> matmul6
      nest [N, 4]: subtract multiply divide
          matmul6 y -> divide9
    by outputs
      0: nest [8, 4, N] over 2: matmul
          x divide9 -> matmul11
      1: nest [8, 4]: multiply subtract
          r matmul11 w -> w

`plan/arenas` keeps one block of rows of matmul6 for each thread, since only the region by rows
needs it, and all rows of divide9. `emit/region` writes a function for each region, with a barrier
between the levels 0 and 1, and `emit/nest` the loops of each nest. `driver/epoch` calls them for
each batch: the first on the thread's blocks of rows, the second after a barrier.
"""
