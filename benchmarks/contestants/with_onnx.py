"""ONNX Runtime, for predictions: the network as a graph of Gemm and Relu."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import Contestant
from benchmarks.problems import Array, Problem


class Session(Contestant):
    """`run` with an array: as fast as bound arrays (10 to 11 us); OrtValues take 100 us."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        providers = ["CPUExecutionProvider"]
        model = _model(problem).SerializeToString()
        self.session = onnxruntime.InferenceSession(model, options, providers=providers)

    def run(self, epochs: int) -> None:
        for _ in range(epochs):
            self.prediction = self.session.run(None, {"x": self.problem.X})[0]

    def result(self) -> list[Array]:
        return [self.prediction]


def _model(problem: Problem) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    inputs = [numpy_helper.from_array(weight, f"w{i}") for i, weight in enumerate(problem.start)]
    nodes, x = [], "x"
    for i in range(0, len(inputs), 2):
        nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"w{i + 1}"], [f"z{i}"]))
        x = f"z{i}"
        if i < len(inputs) - 2:
            nodes.append(helper.make_node("Relu", [x], [f"r{i}"]))
            x = f"r{i}"
    rows, columns = problem.X.shape
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, size])
        for name, size in (("x", columns), (x, problem.case.sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], inputs)
    # an opset and a file version that older runtimes can read
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
