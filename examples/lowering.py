"""From Python to machine code: every form of a tiny run, printed.

A step of the 3-4-1 net is first a graph of gates, forward, backward and update together. The
plan groups its nodes into kernels: loops that run without a pause. The program is LLVM's text,
from which machine code is made; what is printed here is the loop of one kernel.
"""

import numpy as np

import talweg as tw

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)


def forms() -> tw.Lowered:
    net = tw.Sequential(
        tw.Dense(4, "sigmoid", bias=False), tw.Dense(1, "sigmoid", bias=False), dtype="float64"
    )
    return tw.lower(net, X, y, loss="half_sse", optimizer=tw.SGD(lr=1.0), batch_size=None)


def function(ir: str, name: str) -> list[str]:
    """The lines of one function of the program."""
    lines = ir.splitlines()
    start = next(i for i, line in enumerate(lines) if f" @{name}(" in line and "define" in line)
    return lines[start : lines.index("}", start) + 1]


def shortened(text: str) -> str:
    return "\n".join(line if len(line) <= 80 else line[:77] + "..." for line in text.splitlines())


def main() -> None:
    found = forms()
    print("The graph of one step")
    print(shortened(str(found.graph)))
    print("\nThe plan: which gates share a loop, and when threads meet")
    print(shortened(found.plan))
    print("\nWhat each kernel takes")
    print(shortened(found.expected))
    update = function(found.ir, "step_2")
    print(f"\nThe last stage, gradients and update, in LLVM IR: {len(update)} lines, the end of it")
    print(shortened("\n".join(update[-24:])))


if __name__ == "__main__":
    main()
