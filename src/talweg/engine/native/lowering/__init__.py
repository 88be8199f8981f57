"""How each gate becomes native code: one `Lowering` for each gate, in files by theme. `record`
describes the forms that a gate can take: view, map, reduction, contraction, assembly, or a kernel
of its own. `table` finds the entry of a gate; the entries of a new file here are found by
themselves, and `register` adds those of gates that are defined outside. The planner and the
emitters ask a node for its form and never for its gate. All that an own kernel needs can be
imported from here.
"""

from talweg.engine.native.emit.frame import Frame as Frame
from talweg.engine.native.emit.own_kernel import OwnKernel as OwnKernel
from talweg.engine.native.lowering.record import (
    AssemblyForm as AssemblyForm,
    ContractionForm as ContractionForm,
    Element as Element,
    Form as Form,
    KernelForm as KernelForm,
    Lowering as Lowering,
    MapForm as MapForm,
    ReductionForm as ReductionForm,
    ViewForm as ViewForm,
)
from talweg.engine.native.lowering.table import (
    LOWERINGS as LOWERINGS,
    accumulator_of as accumulator_of,
    form_of as form_of,
    is_native as is_native,
    is_view as is_view,
    lowering_of as lowering_of,
    register as register,
    replica_rule as replica_rule,
)
from talweg.engine.native.plan.symbolic_shapes import (
    Node as Node,
    Size as Size,
    element_count as element_count,
)
from talweg.engine.native.plan.view import View as View
