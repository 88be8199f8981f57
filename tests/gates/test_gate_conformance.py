"""Every gate of the table against its record: value, shape, gradients, NaN, in both dtypes."""

from typing import Any

import numpy as np
import pytest

import talweg as tw
from conformance.gates import TABLE, Case, Row, forward_and_back
from talweg.engine.numpy.interpreter import Interpreter
from talweg.gates import Spec
from talweg.graph import Tensor, constant, record

EACH_ROW = pytest.mark.parametrize("row", TABLE.values(), ids=list(TABLE))
BOTH_DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@EACH_ROW
@BOTH_DTYPES
def test_the_value_equals_the_reference(row: Row, dtype: str) -> None:
    close = 64 * np.finfo(dtype).eps
    for case in row.cases:
        arrays = row.inputs(case, dtype)
        value = np.asarray(row.gate.value(*arrays, **case.settings))
        wide = [each.astype(np.float64) if each.dtype.kind == "f" else each for each in arrays]
        expected = row.reference(*wide, **case.settings)
        np.testing.assert_allclose(value, expected, rtol=close, atol=close, err_msg=str(case))


@EACH_ROW
@BOTH_DTYPES
def test_the_shape_rule_gives_the_shape_of_the_value(row: Row, dtype: str) -> None:
    for case in row.cases:
        value = np.asarray(row.gate.value(*row.inputs(case, dtype), **case.settings))
        rule = row.gate.shape(*row.specs(case, dtype), **case.settings)
        assert rule == Spec(value.shape, value.dtype), case
        if value.dtype.kind == "f" and "dtype" not in case.settings:
            assert value.dtype == dtype, case


@EACH_ROW
@BOTH_DTYPES
def test_arrays_and_tensors_give_equal_results(row: Row, dtype: str) -> None:
    for case in row.cases:
        arrays = row.inputs(case, dtype)
        on_arrays = np.asarray(row.gate(*arrays, **case.settings))
        on_tensors = row.gate(*map(constant, arrays), **case.settings)
        assert on_arrays.dtype == on_tensors.dtype, case
        np.testing.assert_array_equal(on_arrays, on_tensors.value, str(case))


@EACH_ROW
def test_first_and_second_gradients_agree_with_finite_differences(row: Row) -> None:
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
def test_an_input_that_is_not_differentiable_has_no_backward_rule(row: Row) -> None:
    for case in row.cases:
        for i in set(range(len(case.shapes))) - set(row.differentiable):
            assert row.gate.backward_rule(i) is None


@EACH_ROW
@BOTH_DTYPES
def test_a_gradient_has_the_shape_and_dtype_of_its_input(row: Row, dtype: str) -> None:
    for case in row.cases:
        inputs = [constant(each) for each in row.inputs(case, dtype)]
        found = forward_and_back(row, case)(*inputs)
        for i, each in enumerate(each for each in inputs if each.spec.is_float):
            assert found.get(f"gradient {i}", each).spec == each.spec, case


@EACH_ROW
@BOTH_DTYPES
def test_the_interpreter_gives_the_same_bits(row: Row, dtype: str) -> None:
    for case in row.cases:
        function, others = forward_and_back(row, case), row.inputs(case, dtype, seed=1)
        graph = record(function, *row.inputs(case, dtype))
        eager = function(*map(constant, others))
        found = Interpreter(graph)(**dict(zip(graph.inputs, others, strict=True)))
        for name, value in found.items():
            assert np.asarray(value).dtype == eager[name].dtype, (case, name)
            assert np.asarray(value).tobytes() == eager[name].value.tobytes(), (case, name)


@EACH_ROW
@BOTH_DTYPES
def test_nan_passes_through(row: Row, dtype: str) -> None:
    for case in row.cases if row.keeps_nan else ():
        for i, array in enumerate(arrays := row.inputs(case, dtype)):
            poisoned = [np.full_like(each, np.nan) if each is array else each for each in arrays]
            value = row.gate(*poisoned, **case.settings)
            if array.size:
                assert np.isnan(value).sum() >= min(array.size, np.size(value)), (case, i)
