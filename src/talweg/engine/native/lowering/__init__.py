"""How each gate becomes native code: one `Lowering` a gate, in files by theme. `record` has the
forms that a gate can take, `table` finds a gate's entry, and `register` takes entries of gates that
are defined elsewhere. The planner and the emitters ask for the form and never for the gate.
"""

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
