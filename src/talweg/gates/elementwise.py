"""Elementwise gates, with NumPy's broadcasting.

At kinks and ties, `maximum` and `minimum` give the whole gradient to each input that attains the
value, so to both at a tie; `absolute`, `sign` and `relu` have slope 0 at 0. NaN passes through
every gate, so a broken value is never hidden; only nan**0 and 1**nan are 1, as in IEEE 754.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from talweg.gates.broadcast import unbroadcast
from talweg.gates.namespace import Portable, function, special
from talweg.gates.record import (
    BOOL,
    Array,
    BackwardRule,
    Gate,
    NativeRule,
    Operand,
    ShapeRule,
    Spec,
    ValueRule,
    broadcast_shape,
    cost_per_element,
    float_dtype,
    same_dtype,
)


def _with_unbroadcast(rule: BackwardRule | None, position: int) -> BackwardRule | None:
    """The backward rule, followed by the sum that undoes the broadcast of its input."""
    return None if rule is None else partial(_unbroadcast_gradient, rule, position)


def _unbroadcast_gradient(
    rule: BackwardRule, position: int, g: Operand, out: Operand, *inputs: Operand
) -> Operand:
    return unbroadcast(rule(g, out, *inputs), inputs[position])


def _float_rule(name: str, *inputs: Spec) -> Spec:
    return Spec(broadcast_shape(name, *inputs), float_dtype(name, *inputs))


def _compare_rule(name: str) -> ShapeRule:
    def rule(*inputs: Spec) -> Spec:
        same_dtype(name, *inputs)
        return Spec(broadcast_shape(name, *inputs), BOOL)

    return rule


def elementwise(
    name: str,
    formula: str,
    value: ValueRule,
    *,
    backward: tuple[BackwardRule | None, ...],
    slopes: tuple[str, ...],
    operations: int = 1,
    shape: ShapeRule | None = None,
    native: NativeRule | None = None,
) -> Gate:
    """An elementwise gate on floats; `operations` is its cost for one element.

    Backward rules are written as if all shapes were equal; the gate undoes the broadcast. Without
    `native` the gate runs on the interpreter alone. The gate can be pickled if its rules are
    functions that pickle finds by name.
    """
    return Gate(
        name=name,
        kind="elementwise",
        formula=formula,
        shape=shape or partial(_float_rule, name),
        value=value,
        backward=tuple(_with_unbroadcast(rule, i) for i, rule in enumerate(backward)),
        slopes=slopes,
        cost=cost_per_element(operations),
        native=native,
    )


def _math(name: str) -> NativeRule:
    """The native rule that calls the engine's math function of that name."""
    return lambda f, *values: f.math(name, *values)


# One input ------------------------------------------------------------------------------------

identity: Gate = elementwise(
    "identity",
    "x",
    lambda x: x,
    backward=(lambda g, out, x: g,),
    slopes=("1",),
    operations=0,
    native=lambda f, x: x,
)
negative: Gate = elementwise(
    "negative",
    "-x",
    function("negative", np.negative),
    backward=(lambda g, out, x: -g,),
    slopes=("-1",),
    native=lambda f, x: f.negative(x),
)
exp: Gate = elementwise(
    "exp",
    "exp(x)",
    function("exp", np.exp),
    backward=(lambda g, out, x: g * out,),
    slopes=("exp(x)",),
    operations=12,
    native=_math("exp"),
)
expm1: Gate = elementwise(
    "expm1",
    "exp(x) - 1",
    function("expm1", np.expm1),
    backward=(lambda g, out, x: g * (out + 1),),
    slopes=("exp(x)",),
    operations=14,
    native=_math("expm1"),
)
log: Gate = elementwise(
    "log",
    "log(x)",
    function("log", np.log),
    backward=(lambda g, out, x: g / x,),
    slopes=("1/x",),
    operations=14,
    native=_math("log"),
)
log1p: Gate = elementwise(
    "log1p",
    "log(1 + x)",
    function("log1p", np.log1p),
    backward=(lambda g, out, x: g / (1 + x),),
    slopes=("1/(1 + x)",),
    operations=16,
    native=_math("log1p"),
)
sqrt: Gate = elementwise(
    "sqrt",
    "sqrt(x)",
    function("sqrt", np.sqrt),
    backward=(lambda g, out, x: g / (2 * out),),
    slopes=("1/(2 sqrt(x))",),
    operations=4,
    native=_math("sqrt"),
)
sin: Gate = elementwise(
    "sin",
    "sin(x)",
    function("sin", np.sin),
    backward=(lambda g, out, x: g * cos(x),),
    slopes=("cos(x)",),
    operations=14,
    native=_math("sin"),
)
cos: Gate = elementwise(
    "cos",
    "cos(x)",
    function("cos", np.cos),
    backward=(lambda g, out, x: -g * sin(x),),
    slopes=("-sin(x)",),
    operations=14,
    native=_math("cos"),
)
sign: Gate = elementwise(
    "sign",
    "sign(x)",
    function("sign", np.sign),
    backward=(None,),
    slopes=("0",),
    native=_math("sign"),
)
absolute: Gate = elementwise(
    "absolute",
    "|x|",
    function("abs", np.absolute),
    backward=(lambda g, out, x: g * sign(x),),
    slopes=("sign(x)",),
    native=_math("absolute"),
)
tanh: Gate = elementwise(
    "tanh",
    "tanh(x)",
    function("tanh", np.tanh),
    backward=(lambda g, out, x: g * (1 - out * out),),
    slopes=("1 - out^2",),
    operations=16,
    native=_math("tanh"),
)


# The NumPy forms avoid Python numbers: NumPy 1 turns a scalar float32 beside one into a float64.


def _sigmoid_of_numpy(x: Array) -> Array:
    # for very negative x, exp(-x) overflows to infinity, and 1 / infinity is 0, as it should be
    one = x.dtype.type(1)
    return np.asarray(one / (one + np.exp(-x)))


sigmoid: Gate = elementwise(
    "sigmoid",
    "1/(1 + exp(-x))",
    Portable(lambda xp, x: 1 / (1 + xp.exp(-x)), _sigmoid_of_numpy),
    backward=(lambda g, out, x: g * (out * (1 - out)),),
    slopes=("out (1 - out)",),
    operations=14,
    native=_math("sigmoid"),
)
softplus: Gate = elementwise(
    "softplus",
    "log(1 + exp(x))",
    Portable(
        lambda xp, x: xp.logaddexp(x, xp.zeros_like(x)),
        lambda x: np.logaddexp(x, x.dtype.type(0)),
    ),
    backward=(lambda g, out, x: g * sigmoid(x),),
    slopes=("sigmoid(x)",),
    operations=28,
    native=_math("softplus"),
)
relu: Gate = elementwise(
    "relu",
    "max(x, 0)",
    Portable(lambda xp, x: xp.maximum(x, 0), lambda x: np.maximum(x, x.dtype.type(0))),
    backward=(lambda g, out, x: where(greater(x, 0), g, 0),),
    slopes=("1 if x > 0 else 0",),
    native=_math("relu"),
)

_erf = np.frompyfunc(math.erf, 1, 1)  # exact to the last place; NumPy has no erf of its own


def _erf_of_numpy(x: Array) -> Array:
    return np.asarray(_erf(x), dtype=x.dtype)


erf: Gate = elementwise(
    "erf",
    "erf(x)",
    Portable(lambda xp, x: special(xp, "erf")(x), _erf_of_numpy),
    backward=(lambda g, out, x: g * (exp(-(x * x)) * (2 / math.sqrt(math.pi))),),
    slopes=("2/sqrt(pi) exp(-x^2)",),
    operations=24,
    native=_math("erf"),
)

# Two inputs -----------------------------------------------------------------------------------

add: Gate = elementwise(
    "add",
    "x + y",
    function("add", np.add),
    backward=(lambda g, out, x, y: g, lambda g, out, x, y: g),
    slopes=("1", "1"),
    native=lambda f, x, y: f.add(x, y),
)
subtract: Gate = elementwise(
    "subtract",
    "x - y",
    function("subtract", np.subtract),
    backward=(lambda g, out, x, y: g, lambda g, out, x, y: -g),
    slopes=("1", "-1"),
    native=lambda f, x, y: f.subtract(x, y),
)
multiply: Gate = elementwise(
    "multiply",
    "x * y",
    function("multiply", np.multiply),
    backward=(lambda g, out, x, y: g * y, lambda g, out, x, y: g * x),
    slopes=("y", "x"),
    native=lambda f, x, y: f.multiply(x, y),
)
divide: Gate = elementwise(
    "divide",
    "x / y",
    function("divide", np.divide),
    backward=(lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y),
    slopes=("1/y", "-x/y^2"),
    operations=4,
    native=lambda f, x, y: f.divide(x, y),
)


def _power_base(g: Operand, out: Operand, x: Operand, y: Operand) -> Operand:
    # at x = y = 0 the slope is 0, though x^(y - 1) is infinite there
    base = where(equal(y, 0), where(equal(x, 0), 1, x), x)
    return g * y * power(base, y - 1)


def _power_exponent(g: Operand, out: Operand, x: Operand, y: Operand) -> Operand:
    # x = 0 has slope 0 in y (for y > 0), where log(x) is infinite
    return g * out * log(where(equal(x, 0), 1, x))


power: Gate = elementwise(
    "power",
    "x ** y",
    function("pow", np.power),
    backward=(_power_base, _power_exponent),
    slopes=("y x^(y - 1)", "x^y log(x)"),
    operations=40,
    native=_math("power"),
)
maximum: Gate = elementwise(
    "maximum",
    "max(x, y)",
    function("maximum", np.maximum),
    backward=(
        lambda g, out, x, y: where(greater_equal(x, y), g, 0),
        lambda g, out, x, y: where(greater_equal(y, x), g, 0),
    ),
    slopes=("1 if x >= y else 0", "1 if y >= x else 0"),
    native=_math("maximum"),
)
minimum: Gate = elementwise(
    "minimum",
    "min(x, y)",
    function("minimum", np.minimum),
    backward=(
        lambda g, out, x, y: where(greater_equal(y, x), g, 0),
        lambda g, out, x, y: where(greater_equal(x, y), g, 0),
    ),
    slopes=("1 if x <= y else 0", "1 if y <= x else 0"),
    native=_math("minimum"),
)


def _comparison(name: str, formula: str, value: ValueRule, how: str) -> Gate:
    return elementwise(
        name,
        formula,
        value,
        backward=(None, None),
        slopes=("0", "0"),
        shape=_compare_rule(name),
        native=lambda f, x, y: f.compare(how, x, y),
    )


greater: Gate = _comparison("greater", "x > y", function("greater", np.greater), ">")
greater_equal: Gate = _comparison(
    "greater_equal", "x >= y", function("greater_equal", np.greater_equal), ">="
)
equal: Gate = _comparison("equal", "x == y", function("equal", np.equal), "==")

# Three inputs ---------------------------------------------------------------------------------


def _where_shape(condition: Spec, x: Spec, y: Spec) -> Spec:
    same_dtype("where: the condition", condition, Spec((), BOOL))
    return Spec(broadcast_shape("where", condition, x, y), same_dtype("where", x, y))


where: Gate = elementwise(
    "where",
    "x if condition else y",
    function("where", np.where),
    backward=(
        None,
        lambda g, out, condition, x, y: where(condition, g, 0),
        lambda g, out, condition, x, y: where(condition, 0, g),
    ),
    slopes=("0", "1 if condition else 0", "0 if condition else 1"),
    shape=_where_shape,
    native=lambda f, condition, x, y: f.select(condition, x, y),
)
