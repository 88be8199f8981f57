"""A trace: every number of backpropagation, as a table that a learner can follow."""

import numpy as np
import pytest

import talweg as tw
from talweg.graph import tensor

PRODUCT_OF_A_SUM = """\
node  gate      inputs  value  local derivatives  gradient
x     variable          -2                        -4
y     variable          5                         -4
z     variable          -4                        3
q     add       x, y    3      d/dx 1, d/dy 1     -4
f     multiply  q, z    -12    d/dq -4, d/dz 3    1"""

SIGMOID_NEURON = """\
node  gate      inputs      value     local derivatives     gradient
w0    variable              2                               -0.196612
x0    variable              -1                              0.393224
w1    variable              -3                              -0.393224
x1    variable              -2                              -0.589836
w2    variable              -3                              0.196612
w0x0  multiply  w0, x0      -2        d/dw0 -1, d/dx0 2     0.196612
w1x1  multiply  w1, x1      6         d/dw1 -2, d/dx1 -3    0.196612
sum   add       w0x0, w1x1  4         d/dw0x0 1, d/dw1x1 1  0.196612
dot   add       sum, w2     1         d/dsum 1, d/dw2 1     0.196612
neg   multiply  -1, dot     -1        d/ddot -1             -0.196612
exp   exp       neg         0.367879  d/dneg 0.367879       -0.534447
den   add       exp, 1      1.36788   d/dexp 1              -0.534447
f     divide    1, den      0.731059  d/dden -0.534447      1"""

ARRAYS = """\
node  gate        inputs  value              local derivatives                          gradient
W     variable            [[1 1 1] [1 1 1]]                                             [[0 1 2] [0 1 2]]
v     variable            [[0] [1] [2]]                                                 [[2] [2] [2]]
n2    matmul      W, v    [[3] [3]]          d/dW g v^T, d/dv W^T g  [[1] [1]]
out   reduce_sum  n2      6                  d/dn2 1                                    1"""  # noqa: E501


def variables(**values: float) -> list[tw.Tensor]:
    return [tensor(value, name=name) for name, value in values.items()]


def test_a_product_of_a_sum() -> None:
    x, y, z = variables(x=-2.0, y=5.0, z=-4.0)
    assert str(tw.trace(((x + y).named("q") * z).named("f"))) == PRODUCT_OF_A_SUM


def test_a_sigmoid_neuron() -> None:
    w0, x0, w1, x1, w2 = variables(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)
    total = ((w0 * x0).named("w0x0") + (w1 * x1).named("w1x1")).named("sum")
    power = tw.exp((-1 * (total + w2).named("dot")).named("neg")).named("exp")
    assert str(tw.trace((1 / (power + 1).named("den")).named("f"))) == SIGMOID_NEURON


def test_arrays() -> None:
    W, v = tensor(np.ones((2, 3)), name="W"), tensor(np.arange(3.0)[:, None], name="v")
    lines = [line.split() for line in str(tw.trace((W @ v).sum().named("out"))).splitlines()]
    assert lines == [line.split() for line in ARRAYS.splitlines()]


def test_a_row_holds_its_numbers() -> None:
    x, y = variables(x=4.0, y=-3.0)
    row = tw.trace((x * y).named("f"))["f"]
    assert (row.gate, row.inputs, row.value, row.gradient) == ("multiply", ("x", "y"), -12, 1)
    assert row.slopes == (-3, 4)


def test_large_arrays_are_shown_by_shape_and_range() -> None:
    assert "10x10 in 0..99" in str(tw.trace(tensor(np.arange(100.0).reshape(10, 10)).sum()))


def test_the_gradient_is_that_of_the_traced_output() -> None:
    """Earlier gradients of a larger graph or of another graph do not matter."""
    x, y = variables(x=3.0, y=2.0)
    part = (x * y).named("part")
    (part * part).backward()
    assert tw.trace(part)["part"].gradient == 1
    assert tw.trace(part)["x"].gradient == 2
    (x * 5).backward()
    assert tw.trace(part)["x"].gradient == 2


def test_an_unknown_row_is_refused() -> None:
    (x,) = variables(x=3.0)
    with pytest.raises((tw.TalwegError, KeyError), match="wieght"):
        tw.trace(x * 2)["wieght"]


def test_a_row_without_a_gradient_shows_none() -> None:
    """An output of several numbers, after another backward; and a bool."""
    x = tensor([1.0, 2.0], name="x")
    (x * 3).sum().backward()
    assert tw.trace(x * 2)["x"].gradient is None
    assert tw.trace(x[0] > 0)["x"].gradient is None
