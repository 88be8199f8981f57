"""talweg: neural networks by backpropagation, and a look at how and why they learn."""
from talweg.graph import *
from talweg.graph.functions import *
from talweg.gates import *
from talweg.nn import *
from talweg.nn.losses import *
from talweg.optim import *
from talweg.train.fit import fit
from talweg.train.stopping import *
