"""One record a gate: each has all its parts, and one row in the conformance table."""

from typing import get_args

import pytest

from conformance.gates import TABLE
from talweg import gates
from talweg.gates import GATES, Cost, Spec
from talweg.gates.record import Kind

EACH_GATE = pytest.mark.parametrize("gate", GATES.values(), ids=list(GATES))


@EACH_GATE
def test_names_itself(gate) -> None:
    assert getattr(gates, gate.name) is gate
    assert gate.kind in get_args(Kind)
    assert gate.formula


@EACH_GATE
def test_has_its_rules(gate) -> None:
    assert callable(gate.shape) and callable(gate.value) and callable(gate.cost)
    assert all(gate.slopes)
    if callable(gate.backward):  # any number of inputs
        assert callable(gate.backward_rule(0)) and callable(gate.backward_rule(7))
        assert len(gate.slopes) == 1
    else:
        assert all(rule is None or callable(rule) for rule in gate.backward)
        assert {len(case.shapes) for case in TABLE[gate.name].cases} == {len(gate.backward)}
        assert len(gate.slopes) == len(gate.backward)


@EACH_GATE
def test_says_its_cost(gate) -> None:
    for case in TABLE[gate.name].cases:
        inputs = TABLE[gate.name].specs(case)
        output = gate.shape(*inputs, **case.settings)
        assert isinstance(output, Spec)
        cost = gate.cost(*inputs, output=output, **case.settings)
        assert isinstance(cost, Cost)
        assert isinstance(cost.operations, int) and cost.operations >= 0
        assert cost.bytes == sum(each.nbytes for each in inputs) + output.nbytes


def test_the_table_has_one_row_a_gate() -> None:
    assert list(TABLE) == [row.gate.name for row in TABLE.values()]
    assert set(TABLE) == set(GATES)
