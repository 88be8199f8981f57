"""ONNX Runtime, for predictions: the net as a graph of Gemm and Relu."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import Contestant
from benchmarks.problems import Array, Problem


class Session(Contestant):
    """`run` with an array, which beat OrtValues (100 us) and met bound arrays (10 to 11 us)."""

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

    inputs = [numpy_helper.from_array(each, f"w{i}") for i, each in enumerate(problem.start)]
    nodes, x = [], "x"
    for place in range(0, len(inputs), 2):
        nodes.append(helper.make_node("Gemm", [x, f"w{place}", f"w{place + 1}"], [f"z{place}"]))
        x = f"z{place}"
        if place < len(inputs) - 2:
            nodes.append(helper.make_node("Relu", [x], [f"r{place}"]))
            x = f"r{place}"
    rows, columns = problem.X.shape
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, size])
        for name, size in (("x", columns), (x, problem.case.sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], inputs)
    # an opset and a file version that runtimes of several years read
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
