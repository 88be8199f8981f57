"""From Python to machine code: every stage of compiling a tiny run, printed.

A step of the 3-4-1 network is first a graph of gates: forward, backward and update together. The
plan fuses its nodes into kernels and places the kernels in regions, between which threads meet at a
barrier. The program is LLVM IR, which LLVM compiles to machine code.
"""

import numpy as np

import talweg as tw

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)


def lower_run() -> tw.Lowered:
    net = tw.Sequential(
        tw.Dense(4, "sigmoid", bias=False), tw.Dense(1, "sigmoid", bias=False), dtype="float64"
    )
    return tw.lower(net, X, y, loss="half_sse", optimizer=tw.SGD(lr=1.0), batch_size=None)


def function(ir: str, name: str) -> list[str]:
    """The lines of one function of the IR."""
    lines = ir.splitlines()
    start = next(i for i, line in enumerate(lines) if f" @{name}(" in line and "define" in line)
    return lines[start : lines.index("}", start) + 1]


def shorten(text: str) -> str:
    return "\n".join(line if len(line) <= 80 else line[:77] + "..." for line in text.splitlines())


def main() -> None:
    program = lower_run()
    print("The graph of one step")
    print(shorten(str(program.graph)))
    print("\nThe plan: which gates share a loop, and where threads meet")
    print(shorten(program.plan))
    print("\nThe expected cost of each kernel")
    print(shorten(program.expected))
    region = function(program.ir, "step_1")
    update = max(i for i, line in enumerate(region) if "fsub" in line)
    print(
        f"\nThe update, weights - lr * gradient, among the {len(region)} lines of its region's IR"
    )
    print(shorten("\n".join(region[update - 9 : update + 3])))


if __name__ == "__main__":
    main()
