"""How each gate becomes native code: one `Lowering` for each gate, in files by theme. `record`
describes the forms that a gate can take: view, map, reduction, contraction, assembly, or a kernel
of its own. `table` finds the entry of a gate. It imports every file of this folder, so a new file
needs no registration; `register` adds the entries of gates that are defined elsewhere. The planner
and the emitters ask a node for its form and never for its gate. A kernel of your own needs the
names that can be imported from here, and the types and constants of `engine.native.llvm.values`.
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
