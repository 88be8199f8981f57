"""Every gate, in both dtypes and in awkward shapes: what its record says is what it does."""

from typing import Any

import numpy as np
import pytest
from gate_table import TABLE, Case, Row

import talweg as tw
from talweg.engine.interpreter import Interpreter
from talweg.gates import Spec
from talweg.graph import Tensor, gradients, record, tensor

EACH_ROW = pytest.mark.parametrize("row", TABLE.values(), ids=list(TABLE))
BOTH_DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def floats(arrays: list[Any]) -> list[int]:
    return [i for i, each in enumerate(arrays) if each.dtype.kind == "f"]


def forward_and_back(row: Row, case: Case, arrays: list[Any]) -> Any:
    """A function of the float inputs alone: the gate's output and the gradient by each."""
    free = floats(arrays)

    def function(*inputs: Tensor) -> dict[str, Tensor]:
        given = dict(zip(free, inputs, strict=True))
        output = row.gate(*(given.get(i, each) for i, each in enumerate(arrays)), **case.settings)
        if output.dtype.kind != "f" or not inputs:
            return {"output": output}
        total = output * np.cos(np.arange(output.size, dtype=output.dtype)).reshape(output.shape)
        found = gradients(total.sum(), inputs)
        return {"output": output} | {f"gradient {i}": each for i, each in enumerate(found)}

    return function


@EACH_ROW
@BOTH_DTYPES
def test_value_is_the_reference(row: Row, dtype: str) -> None:
    close = 64 * np.finfo(dtype).eps
    for case in row.cases:
        arrays = row.inputs(case, dtype)
        value = np.asarray(row.gate.value(*arrays, **case.settings))
        wide = [each.astype(np.float64) if each.dtype.kind == "f" else each for each in arrays]
        expected = row.reference(*wide, **case.settings)
        np.testing.assert_allclose(value, expected, rtol=close, atol=close, err_msg=str(case))


@EACH_ROW
@BOTH_DTYPES
def test_shape_rule_is_the_values(row: Row, dtype: str) -> None:
    for case in row.cases:
        arrays = row.inputs(case, dtype)
        value = np.asarray(row.gate.value(*arrays, **case.settings))
        rule = row.gate.shape(*row.specs(case, dtype), **case.settings)
        assert rule == Spec(value.shape, value.dtype), case
        if value.dtype.kind == "f" and row.gate.kind != "convert":
            assert value.dtype == dtype, case


@EACH_ROW
@BOTH_DTYPES
def test_arrays_and_tensors_give_the_same(row: Row, dtype: str) -> None:
    for case in row.cases:
        arrays = row.inputs(case, dtype)
        on_arrays = np.asarray(row.gate(*arrays, **case.settings))
        on_tensors = row.gate(*map(tw.constant, arrays), **case.settings)
        assert on_arrays.dtype == on_tensors.dtype
        np.testing.assert_array_equal(on_arrays, on_tensors.value, str(case))


@EACH_ROW
def test_gradients_are_right_twice(row: Row) -> None:
    for case in row.cases:
        arrays = row.inputs(case)
        free = [i for i in row.differentiable if i < len(arrays)]

        def function(*inputs: Tensor, case: Case = case, arrays: Any = arrays, free=free) -> Tensor:
            given = dict(zip(free, inputs, strict=True))
            operands = [given.get(i, each) for i, each in enumerate(arrays)]
            return row.gate(*operands, **case.settings)

        if free:
            tw.check_gradients(function, *(arrays[i] for i in free), order=2)


@EACH_ROW
def test_what_cannot_be_followed_has_no_rule(row: Row) -> None:
    for case in row.cases:
        for i in set(range(len(case.shapes))) - set(row.differentiable):
            assert row.gate.backward_rule(i) is None


@EACH_ROW
@BOTH_DTYPES
def test_gradient_is_like_its_input(row: Row, dtype: str) -> None:
    for case in row.cases:
        arrays = row.inputs(case, dtype)
        inputs = [tensor(arrays[i]) for i in floats(arrays)]
        found = forward_and_back(row, case, arrays)(*inputs)
        for i, each in enumerate(inputs):
            assert found.get(f"gradient {i}", each).spec == each.spec, case


@EACH_ROW
@BOTH_DTYPES
def test_interpreter_agrees_bit_for_bit(row: Row, dtype: str) -> None:
    for case in row.cases:
        arrays, others = row.inputs(case, dtype), row.inputs(case, dtype, seed=1)
        free = floats(arrays)
        fixed = [
            other if i in free else each for i, (each, other) in enumerate(zip(arrays, others))
        ]
        graph = record(forward_and_back(row, case, fixed), *(arrays[i] for i in free))
        names = dict(zip(graph.inputs, (others[i] for i in free), strict=True))
        eager = forward_and_back(row, case, fixed)(*(tensor(others[i]) for i in free))
        for name, value in Interpreter(graph)(**names).items():
            assert np.asarray(value).tobytes() == eager[name].value.tobytes(), (case, name)


@EACH_ROW
@BOTH_DTYPES
def test_nan_passes_through(row: Row, dtype: str) -> None:
    for case in row.cases if row.keeps_nan else ():
        for i, array in enumerate(arrays := row.inputs(case, dtype)):
            if array.size:
                poisoned = array.copy()
                poisoned.flat[-1] = np.nan
                operands = [*arrays[:i], poisoned, *arrays[i + 1 :]]
                value = row.gate(*operands, **case.settings)
                assert not np.size(value) or row_has_nan(value, row), (case, i)


def row_has_nan(value: Any, row: Row) -> bool:
    # a slice may leave the last element out
    return bool(np.isnan(value).any()) or row.gate.name == "take_slice"
