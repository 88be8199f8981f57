"""A graph as a thing of its own: recorded once, verified, printed, run many times."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talweg.errors import GraphError
from talweg.gates import Cost
from talweg.graph.tensor import Function, Tensor, run_input
from talweg.graph.topological_order import ancestors
from talweg.lazy import cached_property


@dataclass(frozen=True)
class Graph:
    """Named inputs, named outputs, and every node between them in the order of computing.

    An engine runs it on other arrays of the same shapes and dtypes as the recorded examples.
    """

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    @cached_property
    def nodes(self) -> list[Tensor]:
        """The inputs and what the outputs are made from, inputs before users."""
        return ancestors([*self.inputs.values(), *self.outputs.values()])

    def __reduce__(self) -> Any:
        # nodes in the order of computing, so that pickle need not walk down from an output
        return _unpickled, (self.nodes, self.inputs, self.outputs)

    def cost(self) -> Cost:
        """Operations and bytes of computing every node once, nothing fused."""
        costs = [node_cost(node) for node in self.nodes if node.gate and node.varies]
        return Cost(sum(each.operations for each in costs), sum(each.bytes for each in costs))

    def __str__(self) -> str:
        return _printed(self)


def _unpickled(
    _: list[Tensor], inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
) -> Graph:
    return Graph(inputs, outputs)


def node_cost(node: Tensor) -> Cost:
    """What computing one node takes."""
    assert node.gate is not None
    inputs = (each.spec for each in node.inputs)
    return node.gate.cost(*inputs, output=node.spec, **node.settings)


def record(function: Function, *examples: Any) -> Graph:
    """The graph that `function` builds when it runs on example arrays.

    Inputs carry the names of the function's parameters; a dict of outputs keeps its names, a
    single one is called "output". Branches on values are refused with a `RecordingError`.

    >>> print(record(lambda x, y: x * y + 1.0, 2.0, 3.0))
    graph: 2 inputs, 1 output, 2 operations, 48 bytes
      %0  input x             float64[]
      %1  input y             float64[]
      %2  multiply(%0, %1)    float64[]
      %3  add(%2, 1)          float64[]     -> output
    """
    names = _parameter_names(function, len(examples))
    inputs = {name: run_input(each, name) for name, each in zip(names, examples, strict=True)}
    result = function(*inputs.values())
    outputs = dict(result) if isinstance(result, Mapping) else {"output": result}
    graph = Graph(inputs, outputs)
    verify(graph)
    return graph


def _parameter_names(function: Function, count: int) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return [f"x{i}" for i in range(count)]
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in parameters if each.kind in by_position][:count]
    numbered = (f"x{i}" for i in itertools.count(len(names)))
    unused = (name for name in numbered if name not in names)
    return names + list(itertools.islice(unused, count - len(names)))


# Verifying ----------------------------------------------------------------------------------


def verify(graph: Graph) -> None:
    """Raise a GraphError unless the graph keeps every rule that engines rely on."""
    for name, output in graph.outputs.items():
        if not isinstance(output, Tensor):
            raise GraphError(f"output {name!r} is {type(output).__name__}, not a tensor")
    known = {node.number for node in graph.inputs.values()}
    for node in graph.nodes:
        if node.gate is None:
            _verify_leaf(node, known)
        else:
            _verify_node(node)


def _verify_leaf(node: Tensor, inputs: set[int]) -> None:
    if node.recorded and node.number not in inputs:
        raise GraphError(f"{node.describe()} is an input of another recording, not of this graph")


def _verify_node(node: Tensor) -> None:
    assert node.gate is not None
    late = [each for each in node.inputs if each.number >= node.number]
    if late:
        raise GraphError(f"{node.describe()} uses {late[0].describe()}, which is made after it")
    spec = node.gate.shape(*(each.spec for each in node.inputs), **node.settings)
    if spec != node.spec:
        raise GraphError(f"{node.describe()} should be {spec} by its gate's rule")
    if node.recorded != any(each.recorded for each in node.inputs):
        raise GraphError(f"{node.describe()} is marked wrongly as recorded or not")


# Printing -----------------------------------------------------------------------------------


def _printed(graph: Graph) -> str:
    """One line a node: its position, what made it, its spec, its layer, the output it is."""
    results = {node.number for node in graph.outputs.values()}
    shown = [node for node in graph.nodes if node.number in results or not is_number(node)]
    places = {node.number: f"%{i}" for i, node in enumerate(shown)}
    outputs: dict[int, list[str]] = {}
    for name, node in graph.outputs.items():
        outputs.setdefault(node.number, []).append(name)
    rows = []
    for node in shown:
        what, place = _made_by(node, places), places[node.number]
        end = f"  layer {node.layer}" if node.layer else ""
        end += f"  -> {', '.join(outputs[node.number])}" if node.number in outputs else ""
        rows.append(f"{place:>4}  {what:<18}  {node.spec!s:<12}{end}".rstrip())
    return "\n".join([_headline(graph), *rows])


def _headline(graph: Graph) -> str:
    cost = graph.cost()
    ins, outs = len(graph.inputs), len(graph.outputs)
    return (
        f"graph: {ins} input{'s' * (ins != 1)}, {outs} output{'s' * (outs != 1)}, "
        f"{cost.operations:,} operations, {cost.bytes:,} bytes"
    )


def _made_by(node: Tensor, places: dict[int, str]) -> str:
    if node.gate is None:
        return f"{'input' if node.recorded else 'constant'} {node.name or ''}".rstrip()
    inputs = [places.get(each.number) or number_text(each) for each in node.inputs]
    settings = [f"{name}={value}" for name, value in node.settings.items()]
    return f"{node.gate.name}({', '.join(inputs + settings)})"


def is_number(node: Tensor) -> bool:
    """Whether a node is a constant number that is shown where it is used."""
    return node.gate is None and not node.varies and node.ndim == 0


def number_text(node: Tensor) -> str:
    """A constant number as a person writes it."""
    return f"{node.array.item():.6g}"
