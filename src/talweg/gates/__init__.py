"""Gates: what a node computes.

A gate is one record with the rule for shapes and dtypes, the rule for values, the backward rules,
written in gates, the cost, and the rule for native code. The rest of talweg composes gates. A gate
of your own is made the same way, with `Gate` or `elementwise`, and needs no registration.
"""

from talweg.gates.broadcast import (
    broadcast_to as broadcast_to,
    reduce_sum as reduce_sum,
    reshape as reshape,
    unbroadcast as unbroadcast,
)
from talweg.gates.contract import matmul as matmul
from talweg.gates.convert import (
    cast as cast,
    one_hot as one_hot,
    stop_gradient as stop_gradient,
)
from talweg.gates.elementwise import (
    absolute as absolute,
    add as add,
    cos as cos,
    divide as divide,
    elementwise as elementwise,
    equal as equal,
    erf as erf,
    exp as exp,
    expm1 as expm1,
    greater as greater,
    greater_equal as greater_equal,
    identity as identity,
    log as log,
    log1p as log1p,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    negative as negative,
    power as power,
    relu as relu,
    sigmoid as sigmoid,
    sign as sign,
    sin as sin,
    softplus as softplus,
    sqrt as sqrt,
    subtract as subtract,
    tanh as tanh,
    where as where,
)
from talweg.gates.lookup import segment_sum as segment_sum, take as take
from talweg.gates.random import uniform as uniform
from talweg.gates.record import (
    GATES as GATES,
    Array as Array,
    Cost as Cost,
    Gate as Gate,
    Operand as Operand,
    Shape as Shape,
    Spec as Spec,
    cost_per_element as cost_per_element,
)
from talweg.gates.reduce import (
    argmax as argmax,
    reduce_max as reduce_max,
)
from talweg.gates.scan import cumulative_sum as cumulative_sum
from talweg.gates.shape import (
    concatenate as concatenate,
    put_slice as put_slice,
    take_slice as take_slice,
    transpose as transpose,
)

GATES.update({gate.name: gate for gate in list(globals().values()) if isinstance(gate, Gate)})
