"""A recorded graph: recorded once, verified, printed, and run many times."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talweg.errors import GraphError, counted
from talweg.gates import Cost, Gate
from talweg.graph.node import ancestors
from talweg.graph.tensor import Function, Tensor, run_input
from talweg.lazy import cached_property


@dataclass(frozen=True, eq=False)  # a graph equals itself alone, since == on tensors is a gate
class Graph:
    """Named inputs, named outputs, and the nodes between them in topological order.

    An engine runs it on other arrays of the shapes and dtypes of the recorded examples.
    """

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    @cached_property
    def nodes(self) -> list[Tensor]:
        """The inputs and everything that the outputs depend on, inputs before users."""
        return ancestors([*self.inputs.values(), *self.outputs.values()])

    @property
    def gates(self) -> set[Gate]:
        """The gates of its nodes."""
        return {node.gate for node in self.nodes if node.gate}

    def __reduce__(self) -> Any:
        # in topological order, so that pickle does not recurse from an output to its inputs
        return _unpickled, (self.nodes, self.inputs, self.outputs)

    def cost(self) -> Cost:
        """Operations and bytes to compute every node once, without fusion."""
        costs = [node_cost(node) for node in self.nodes if node.gate and node.varies]
        return Cost(sum(cost.operations for cost in costs), sum(cost.bytes for cost in costs))

    def __str__(self) -> str:
        return _printed(self)


def _unpickled(
    _: list[Tensor], inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
) -> Graph:
    return Graph(inputs, outputs)


def node_cost(node: Tensor) -> Cost:
    """Operations and bytes to compute one node."""
    assert node.gate is not None
    inputs = (source.spec for source in node.inputs)
    return node.gate.cost(*inputs, output=node.spec, **node.settings)


def record(function: Function, *examples: Any) -> Graph:
    """The graph that `function` builds when it runs on example arrays.

    Inputs have the names of the function's parameters. A function that returns a dict names its
    outputs; a single output is called "output". Branches on values raise a `RecordingError`.

    >>> print(record(lambda x, y: x * y + 1.0, 2.0, 3.0))
    graph: 2 inputs, 1 output, 2 operations, 48 bytes
      %0  input x             float64[]
      %1  input y             float64[]
      %2  multiply(%0, %1)    float64[]
      %3  add(%2, 1)          float64[]     -> output
    """
    names = _parameter_names(function, len(examples))
    inputs = {name: run_input(example, name) for name, example in zip(names, examples, strict=True)}
    result = function(*inputs.values())
    outputs = dict(result) if isinstance(result, Mapping) else {"output": result}
    graph = Graph(inputs, outputs)
    verify(graph)
    return graph


def _parameter_names(function: Function, count: int) -> list[str]:
    """The names of the first positional parameters; x0, x1, ... if there are none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return [f"x{i}" for i in range(count)]
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in by_position][:count]
    numbered = (f"x{i}" for i in itertools.count(len(names)))
    unused = (name for name in numbered if name not in names)
    return names + list(itertools.islice(unused, count - len(names)))


# Verification -------------------------------------------------------------------------------


def verify(graph: Graph) -> None:
    """Raise a GraphError unless the graph has the properties that engines rely on."""
    for name, output in graph.outputs.items():
        if not isinstance(output, Tensor):
            raise GraphError(f"output {name!r} is {type(output).__name__}, not a tensor")
    inputs = {node.number for node in graph.inputs.values()}
    for node in graph.nodes:
        if node.gate is None:
            _verify_leaf(node, inputs)
        else:
            _verify_node(node)


def _verify_leaf(node: Tensor, inputs: set[int]) -> None:
    if node.recorded and node.number not in inputs:
        raise GraphError(f"{node.describe()} is an input of another recording, not of this graph")


def _verify_node(node: Tensor) -> None:
    assert node.gate is not None
    late = [source for source in node.inputs if source.number >= node.number]
    if late:
        raise GraphError(f"{node.describe()} uses {late[0].describe()}, which is made after it")
    spec = node.gate.shape(*(source.spec for source in node.inputs), **node.settings)
    if spec != node.spec:
        raise GraphError(
            f"{node.describe()} is {node.spec}, but its gate's shape rule gives {spec}"
        )
    if node.recorded != any(source.recorded for source in node.inputs):
        raise GraphError(f"{node.describe()}: its mark `recorded` contradicts its inputs")


# Printing -----------------------------------------------------------------------------------


def _printed(graph: Graph) -> str:
    """One line for each node: its label, gate, spec and layer, and the output that it is."""
    results = {node.number for node in graph.outputs.values()}
    shown = [node for node in graph.nodes if node.number in results or not is_number(node)]
    labels = {node.number: f"%{i}" for i, node in enumerate(shown)}
    outputs: dict[int, list[str]] = {}
    for name, node in graph.outputs.items():
        outputs.setdefault(node.number, []).append(name)
    rows = []
    for node in shown:
        label = labels[node.number]
        end = f"  layer {node.layer}" if node.layer else ""
        end += f"  -> {', '.join(outputs[node.number])}" if node.number in outputs else ""
        rows.append(f"{label:>4}  {_call(node, labels):<18}  {node.spec!s:<12}{end}".rstrip())
    return "\n".join([_headline(graph), *rows])


def _headline(graph: Graph) -> str:
    cost = graph.cost()
    inputs, outputs = counted(len(graph.inputs), "input"), counted(len(graph.outputs), "output")
    return f"graph: {inputs}, {outputs}, {cost.operations:,} operations, {cost.bytes:,} bytes"


def _call(node: Tensor, labels: dict[int, str]) -> str:
    """The node as a call of its gate, or what kind of leaf it is."""
    if node.gate is None:
        return f"{'input' if node.recorded else 'constant'} {node.name or ''}".rstrip()
    inputs = [labels.get(source.number) or number_text(source) for source in node.inputs]
    settings = [f"{name}={value}" for name, value in node.settings.items()]
    return f"{node.gate.name}({', '.join(inputs + settings)})"


def is_number(node: Tensor) -> bool:
    """Whether a node is a constant number, which is printed where it is used."""
    return node.gate is None and not node.varies and node.ndim == 0


def number_text(node: Tensor) -> str:
    """A constant number as text."""
    return f"{node.array.item():.6g}"
