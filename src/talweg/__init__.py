"""talweg: neural networks by backpropagation and gradient descent, on the machine you have.

Every public name is found here, as `talweg.fit`; its module is imported when it is first used,
so that `import talweg` costs next to nothing. `talweg.gates` is for those who extend.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "talweg.graph.tensor": "Tensor constant tensor",
    "talweg.graph.backpropagation": "grad hvp value_and_grad",
    "talweg.graph.check": "check_gradients",
    "talweg.graph.graph": "Graph record verify",
    "talweg.graph.simplify": "simplify",
    "talweg.graph.trace": "Trace trace",
    "talweg.graph.functions": (
        "argmax cast concatenate logsumexp matmul max mean one_hot reshape softmax sum take"
    ),
    "talweg.gates": (
        "absolute cos erf exp expm1 log log1p maximum minimum power relu sigmoid sign sin "
        "softplus sqrt stop_gradient tanh where"
    ),
    "talweg.engine.numpy.interpreter": "Interpreter",
    "talweg.nn.module": "Module",
    "talweg.nn.sequential": "Sequential",
    "talweg.nn.dense": "Dense",
    "talweg.nn.noise": "DropConnect Dropout GaussianNoise NoisyDense",
    "talweg.nn.bins": "Bins",
    "talweg.nn.embedding": "Embedding",
    "talweg.nn.ensemble": "Ensemble",
    "talweg.nn.normalization": "BatchNorm LayerNorm",
    "talweg.nn.autoencoder": "DenoisingAutoencoder",
    "talweg.nn.boltzmann": "RBM",
    "talweg.nn.penalties": "L1L2 L1 L2",
    "talweg.nn.activations": "elu gelu identity leaky_relu selu silu",
    "talweg.nn.initializers": "Constant Glorot He LeCun Normal Orthogonal Uniform",
    "talweg.nn.losses": (
        "Loss binary_cross_entropy cross_entropy half_sse huber mae make_cross_entropy make_huber "
        "mse sse"
    ),
    "talweg.nn.metrics": "Metric",
    "talweg.optim.optimizer": "Optimizer",
    "talweg.optim.sgd": "SGD",
    "talweg.optim.adam": "Adam AdamW",
    "talweg.optim.adadelta": "AdaDelta",
    "talweg.optim.adagrad": "AdaGrad",
    "talweg.optim.adamax": "Adamax",
    "talweg.optim.annealing": "SimulatedAnnealing",
    "talweg.optim.bfgs": "BFGS LBFGS",
    "talweg.optim.full_batch": "FullBatch",
    "talweg.optim.lion": "Lion",
    "talweg.optim.muon": "Muon",
    "talweg.optim.nadam": "NAdam",
    "talweg.optim.plateau": "ReduceOnPlateau",
    "talweg.optim.radam": "RAdam",
    "talweg.optim.rmsprop": "RMSProp",
    "talweg.optim.sampling": "AdaptiveSampling",
    "talweg.optim.schedules": (
        "CosineDecay ExponentialDecay InverseScaling OneCycle Schedule StepDecay LinearWarmup"
    ),
    "talweg.train.run.checkpoint": "Checkpoint",
    "talweg.train.run.fit": "fit",
    "talweg.train.run.folds": "Fold Holdout folds",
    "talweg.train.search.successive_halving": "SuccessiveHalving",
    "talweg.train.search.ranges": "Range",
    "talweg.train.methods.pretrain": "Pretraining pretrain",
    "talweg.train.search.lr_find": "RateTest lr_find",
    "talweg.train.search.restarts": "Minimum Restarts restarts",
    "talweg.train.run.run": "Failure Run",
    "talweg.train.run.stopping": "MaxEpochs MinDecrease EarlyStopping Stop TargetLoss TimeBudget",
    "talweg.train.run.lower": "Lowered lower",
    "talweg.train.search.sweep": "Sweep sweep",
    "talweg.data.model.table_model": "TableModel load",
    "talweg.draw.pages.table_report": "report",
    "talweg.errors": (
        "DataError DataWarning DtypeError EngineError GradientError GraphError ModelFileError "
        "OutOfMemoryError RecordingError SettingError ShapeError TalwegError TrainingWarning"
    ),
    "talweg.version": "VERSION",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_FOLDERS = ("data", "draw", "engine", "errors", "gates", "graph", "insight", "nn", "optim", "train")

__all__ = sorted(_HOME_OF)  # type checkers read the imports below


def __dir__() -> list[str]:
    return sorted([*__all__, *_FOLDERS])


if TYPE_CHECKING:
    from talweg.data.model.table_model import TableModel as TableModel, load as load
    from talweg.draw.pages.table_report import report as report
    from talweg.engine.numpy.interpreter import Interpreter as Interpreter
    from talweg.errors import (
        DataError as DataError,
        DataWarning as DataWarning,
        DtypeError as DtypeError,
        EngineError as EngineError,
        GradientError as GradientError,
        GraphError as GraphError,
        ModelFileError as ModelFileError,
        OutOfMemoryError as OutOfMemoryError,
        RecordingError as RecordingError,
        SettingError as SettingError,
        ShapeError as ShapeError,
        TalwegError as TalwegError,
        TrainingWarning as TrainingWarning,
    )
    from talweg.gates import (
        absolute as absolute,
        cos as cos,
        erf as erf,
        exp as exp,
        expm1 as expm1,
        log as log,
        log1p as log1p,
        maximum as maximum,
        minimum as minimum,
        power as power,
        relu as relu,
        sigmoid as sigmoid,
        sign as sign,
        sin as sin,
        softplus as softplus,
        sqrt as sqrt,
        stop_gradient as stop_gradient,
        tanh as tanh,
        where as where,
    )
    from talweg.graph.backpropagation import (
        grad as grad,
        hvp as hvp,
        value_and_grad as value_and_grad,
    )
    from talweg.graph.check import check_gradients as check_gradients
    from talweg.graph.functions import (
        argmax as argmax,
        cast as cast,
        concatenate as concatenate,
        logsumexp as logsumexp,
        matmul as matmul,
        max as max,
        mean as mean,
        one_hot as one_hot,
        reshape as reshape,
        softmax as softmax,
        sum as sum,
        take as take,
    )
    from talweg.graph.graph import Graph as Graph, record as record, verify as verify
    from talweg.graph.simplify import simplify as simplify
    from talweg.graph.tensor import Tensor as Tensor, constant as constant, tensor as tensor
    from talweg.graph.trace import Trace as Trace, trace as trace
    from talweg.nn.activations import (
        elu as elu,
        gelu as gelu,
        identity as identity,
        leaky_relu as leaky_relu,
        selu as selu,
        silu as silu,
    )
    from talweg.nn.autoencoder import DenoisingAutoencoder as DenoisingAutoencoder
    from talweg.nn.bins import Bins as Bins
    from talweg.nn.boltzmann import RBM as RBM
    from talweg.nn.dense import Dense as Dense
    from talweg.nn.embedding import Embedding as Embedding
    from talweg.nn.ensemble import Ensemble as Ensemble
    from talweg.nn.initializers import (
        Constant as Constant,
        Glorot as Glorot,
        He as He,
        LeCun as LeCun,
        Normal as Normal,
        Orthogonal as Orthogonal,
        Uniform as Uniform,
    )
    from talweg.nn.losses import (
        Loss as Loss,
        binary_cross_entropy as binary_cross_entropy,
        cross_entropy as cross_entropy,
        half_sse as half_sse,
        huber as huber,
        mae as mae,
        make_cross_entropy as make_cross_entropy,
        make_huber as make_huber,
        mse as mse,
        sse as sse,
    )
    from talweg.nn.metrics import Metric as Metric
    from talweg.nn.module import Module as Module
    from talweg.nn.noise import (
        DropConnect as DropConnect,
        Dropout as Dropout,
        GaussianNoise as GaussianNoise,
        NoisyDense as NoisyDense,
    )
    from talweg.nn.normalization import BatchNorm as BatchNorm, LayerNorm as LayerNorm
    from talweg.nn.penalties import L1 as L1, L1L2 as L1L2, L2 as L2
    from talweg.nn.sequential import Sequential as Sequential
    from talweg.optim.adadelta import AdaDelta as AdaDelta
    from talweg.optim.adagrad import AdaGrad as AdaGrad
    from talweg.optim.adam import Adam as Adam, AdamW as AdamW
    from talweg.optim.adamax import Adamax as Adamax
    from talweg.optim.annealing import SimulatedAnnealing as SimulatedAnnealing
    from talweg.optim.bfgs import BFGS as BFGS, LBFGS as LBFGS
    from talweg.optim.full_batch import FullBatch as FullBatch
    from talweg.optim.lion import Lion as Lion
    from talweg.optim.muon import Muon as Muon
    from talweg.optim.nadam import NAdam as NAdam
    from talweg.optim.optimizer import Optimizer as Optimizer
    from talweg.optim.plateau import ReduceOnPlateau as ReduceOnPlateau
    from talweg.optim.radam import RAdam as RAdam
    from talweg.optim.rmsprop import RMSProp as RMSProp
    from talweg.optim.sampling import AdaptiveSampling as AdaptiveSampling
    from talweg.optim.schedules import (
        CosineDecay as CosineDecay,
        ExponentialDecay as ExponentialDecay,
        InverseScaling as InverseScaling,
        LinearWarmup as LinearWarmup,
        OneCycle as OneCycle,
        Schedule as Schedule,
        StepDecay as StepDecay,
    )
    from talweg.optim.sgd import SGD as SGD
    from talweg.train.methods.pretrain import Pretraining as Pretraining, pretrain as pretrain
    from talweg.train.run.checkpoint import Checkpoint as Checkpoint
    from talweg.train.run.fit import fit as fit
    from talweg.train.run.folds import Fold as Fold, Holdout as Holdout, folds as folds
    from talweg.train.run.lower import Lowered as Lowered, lower as lower
    from talweg.train.run.run import Failure as Failure, Run as Run
    from talweg.train.run.stopping import (
        EarlyStopping as EarlyStopping,
        MaxEpochs as MaxEpochs,
        MinDecrease as MinDecrease,
        Stop as Stop,
        TargetLoss as TargetLoss,
        TimeBudget as TimeBudget,
    )
    from talweg.train.search.lr_find import RateTest as RateTest, lr_find as lr_find
    from talweg.train.search.ranges import Range as Range
    from talweg.train.search.restarts import (
        Minimum as Minimum,
        Restarts as Restarts,
        restarts as restarts,
    )
    from talweg.train.search.successive_halving import SuccessiveHalving as SuccessiveHalving
    from talweg.train.search.sweep import Sweep as Sweep, sweep as sweep
    from talweg.version import VERSION as VERSION
else:

    def __getattr__(name: str) -> Any:
        if name in _FOLDERS:
            return import_module(f"talweg.{name}")
        if name not in _HOME_OF:
            from talweg.errors import nearest

            # Tools ask by the hundred for names such as __wrapped__, and want no other.
            hint = "" if name.startswith("_") else f". {nearest(name, _HOME_OF)}"
            raise AttributeError(f"module 'talweg' has no attribute {name!r}{hint}")
        from talweg.forks import importing

        with importing:
            value = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value
