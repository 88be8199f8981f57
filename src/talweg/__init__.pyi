# The public names of talweg. This is the only list: type checkers read it, and so does
# `__init__.py`. Every line has the form `from module import name as name`.

from talweg import (
    data as data,
    draw as draw,
    engine as engine,
    errors as errors,
    gates as gates,
    graph as graph,
    insight as insight,
    nn as nn,
    optim as optim,
    train as train,
)
from talweg.data.model.table_model import TableModel as TableModel, load as load
from talweg.draw.pages.report import report as report
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
from talweg.graph.derivatives import grad as grad, hvp as hvp, value_and_grad as value_and_grad
from talweg.graph.functions import (
    argmax as argmax,
    cast as cast,
    concatenate as concatenate,
    cumulative_sum as cumulative_sum,
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
from talweg.graph.gradient_check import check_gradients as check_gradients
from talweg.graph.tensor import Tensor as Tensor, constant as constant, tensor as tensor
from talweg.graph.trace import trace as trace
from talweg.nn.activations import (
    elu as elu,
    gelu as gelu,
    leaky_relu as leaky_relu,
    selu as selu,
    silu as silu,
)
from talweg.nn.autoencoder import DenoisingAutoencoder as DenoisingAutoencoder
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
    CrossEntropy as CrossEntropy,
    Huber as Huber,
    Loss as Loss,
    binary_cross_entropy as binary_cross_entropy,
    cross_entropy as cross_entropy,
    half_sse as half_sse,
    huber as huber,
    mae as mae,
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
from talweg.nn.rbm import RBM as RBM
from talweg.nn.sequential import Sequential as Sequential
from talweg.optim.adadelta import AdaDelta as AdaDelta
from talweg.optim.adagrad import AdaGrad as AdaGrad
from talweg.optim.adam import Adam as Adam, AdamW as AdamW
from talweg.optim.adamax import Adamax as Adamax
from talweg.optim.adaptive_sampling import AdaptiveSampling as AdaptiveSampling
from talweg.optim.annealing import SimulatedAnnealing as SimulatedAnnealing
from talweg.optim.bfgs import BFGS as BFGS, LBFGS as LBFGS
from talweg.optim.full_batch import FullBatch as FullBatch
from talweg.optim.lion import Lion as Lion
from talweg.optim.muon import Muon as Muon
from talweg.optim.nadam import NAdam as NAdam
from talweg.optim.optimizer import Optimizer as Optimizer, Schedule as Schedule
from talweg.optim.plateau import ReduceOnPlateau as ReduceOnPlateau
from talweg.optim.radam import RAdam as RAdam
from talweg.optim.rmsprop import RMSProp as RMSProp
from talweg.optim.schedules import (
    CosineDecay as CosineDecay,
    ExponentialDecay as ExponentialDecay,
    InverseScaling as InverseScaling,
    LinearWarmup as LinearWarmup,
    OneCycle as OneCycle,
    StepDecay as StepDecay,
)
from talweg.optim.sgd import SGD as SGD
from talweg.train.methods.pretrain import Pretraining as Pretraining, pretrain as pretrain
from talweg.train.run.checkpoint import Checkpoint as Checkpoint
from talweg.train.run.fit import fit as fit
from talweg.train.run.folds import Fold as Fold, Holdout as Holdout, kfold as kfold
from talweg.train.run.lower import Lowered as Lowered, lower as lower
from talweg.train.run.run import Run as Run
from talweg.train.run.stopping import (
    EarlyStopping as EarlyStopping,
    MaxEpochs as MaxEpochs,
    MinDecrease as MinDecrease,
    Stop as Stop,
    TargetLoss as TargetLoss,
    TimeBudget as TimeBudget,
)
from talweg.train.search.lr_find import lr_find as lr_find
from talweg.train.search.ranges import Range as Range
from talweg.train.search.restarts import (
    Restarts as Restarts,
    restarts as restarts,
)
from talweg.train.search.successive_halving import SuccessiveHalving as SuccessiveHalving
from talweg.train.search.sweep import Sweep as Sweep, sweep as sweep

__version__: str
