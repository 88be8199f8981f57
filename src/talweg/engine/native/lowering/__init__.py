"""How each gate becomes native code: one `Lowering` (see `ir.node`) for each gate, in files by
theme. `table` finds the entry of a gate. It imports every file of this folder, so a new file needs
no registration; `register` adds the entries of gates that are defined elsewhere. A kernel of your
own needs the names that can be imported from here, and the types and constants of
`engine.native.llvm.values`.
"""

from talweg.engine.native.emit.frame import Frame as Frame
from talweg.engine.native.emit.own_kernel import OwnKernel as OwnKernel
from talweg.engine.native.ir.node import (
    AssemblyForm as AssemblyForm,
    ContractionForm as ContractionForm,
    Element as Element,
    Form as Form,
    KernelForm as KernelForm,
    Lowering as Lowering,
    MapForm as MapForm,
    Node as Node,
    ReductionForm as ReductionForm,
    ViewForm as ViewForm,
)
from talweg.engine.native.ir.size import Size as Size, element_count as element_count
from talweg.engine.native.ir.view import View as View
from talweg.engine.native.lowering.table import (
    LOWERINGS as LOWERINGS,
    is_native as is_native,
    lowering_of as lowering_of,
    register as register,
    replica_rule as replica_rule,
)
