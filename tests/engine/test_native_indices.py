"""Native programs that check each address: kernels stay within their buffers, and others are named.

Here buffers have their exact sizes, lie far apart and start with garbage. So a run that agrees with
the interpreter has read nothing that it had not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from hypothesis import given

import talweg as tw
from conformance import compiled_graphs, products
from conformance.engines import BITS, CLASSES, N, X, Y, agree, network, trained
from conformance.gates import TABLE
from conformance.losses import REFERENCE
from conformance.networks import DEEP, FLAT, MIXING, SERIES, Net
from conformance.random_graphs import KINKED, SMOOTH, Recipe, bounded, recipes
from talweg.engine.native.checker import memory
from talweg.engine.native.checker.instrument import with_checks
from talweg.engine.native.checker.memory import CheckedGraph, CheckedMemory, Pieces, prepare_checked
from talweg.engine.native.driver import run_plans
from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.llvm.cache import Cache
from talweg.engine.native.llvm.compiler import compiled, host
from talweg.engine.native.runtime import launch, thread_choice
from talweg.errors import EngineError
from talweg.nn import ACTIVATIONS
from talweg.optim import OPTIMIZERS

slow = pytest.mark.slow
BOTH_DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
BOTH_THREADS = pytest.mark.parametrize("threads", [1, 2])
AWKWARD = (1, 2, 3, 5, 7, 15, 17, 31, 33, 97, 129)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[launch.Prepared]]:
    """Every native run checks its addresses; at least one run must."""
    prepared: list[launch.Prepared] = []

    def prepare(program: Any) -> launch.Prepared:
        prepared.append(prepare_checked(program))
        return prepared[-1]

    monkeypatch.setattr(launch, "prepare", prepare)
    monkeypatch.setattr(run_plans, "LONG", 0)
    monkeypatch.setattr(thread_choice, "FLOOR", 0)
    yield prepared
    assert prepared


# Runs -------------------------------------------------------------------------------------------

WEIGHTS = np.linspace(0.25, 3.0, N) * (np.arange(N) % 5 != 2)
EVERYTHING: dict[str, Any] = {
    "optimizer": tw.Adam(lr=0.01, weight_decay=0.1),
    "validation": 0.3,
    "restore_best": True,
    "metrics": ["mae", "sse"],
    "sample_weight": WEIGHTS,
    "stop": [tw.EarlyStopping(2), tw.TargetLoss(1e-9) & tw.MaxEpochs(3)],
    "epochs": 3,
}
RUNS: dict[str, dict[str, Any]] = {
    "everything, by steps": {**EVERYTHING, "watch": "step"},
    "some steps watched": {**EVERYTHING, "watch": "epoch", "batch_size": 2},
    "one row at a time": {"batch_size": 1, "epochs": 2, "shuffle": False},
    "all rows, validated on one": {"batch_size": None, "validation": (X[:1], Y[:1]), "epochs": 1},
    "rows that see each other, validated on few": {
        "make": lambda: Net(FLAT["the place in the batch"]),
        "validation": (X[:5], Y[:5]),
        "epochs": 1,
    },
    "a step that fails": {"optimizer": tw.SGD(lr=1e9), "epochs": 20, "batch_size": 8},
}
MORE_RUNS: dict[str, dict[str, Any]] = {
    "everything, by epochs": {**EVERYTHING, "watch": "epoch"},
    "everything, in order": {**EVERYTHING, "shuffle": False, "watch": "step"},
    "bits": {"y": BITS, "loss": "binary_cross_entropy", "metrics": ["accuracy"]},
    "classes": {"y": np.resize(CLASSES, N) % 2, "loss": "cross_entropy", "metrics": ["accuracy"]},
    "more rows held out than are evaluated at once": {
        "validation": (np.resize(X, (1027, 3)), np.resize(Y, (1027, 2))),
        "epochs": 1,
    },
}


@pytest.mark.quick("everything, by steps-1", "one row at a time-2", "all rows, validated on one-1")
@BOTH_THREADS
@pytest.mark.parametrize("name", RUNS)
def test_runs(name: str, threads: int, checks: None) -> None:
    agree(**RUNS[name], threads=threads)


@slow
@BOTH_DTYPES
@BOTH_THREADS
@pytest.mark.parametrize("size", [1, 7, N - 1, None])
@pytest.mark.parametrize("name", [*RUNS, *MORE_RUNS])
def test_runs_of_any_batch(
    name: str, size: int | None, threads: int, dtype: str, checks: None
) -> None:
    """Rows are in order on one thread, shuffled on two."""
    settings = {**(RUNS | MORE_RUNS)[name], "batch_size": size, "shuffle": threads > 1, "epochs": 2}
    agree(**settings, threads=threads, dtype=dtype)


def dense(*sizes: int, activation: str = "tanh") -> tw.Sequential:
    return tw.Sequential(
        *(tw.Dense(units, activation) for units in sizes[:-1]), tw.Dense(sizes[-1])
    )


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("rows", AWKWARD)
@pytest.mark.parametrize("size", [5, None])
def test_layers_of_awkward_sizes(rows: int, size: int | None, dtype: str, checks: None) -> None:
    """Over all cases, each size occurs with each other one as inputs, units and rows, and each
    network on one thread and on two: where one dtype or batch size takes one, the other takes two.
    """
    random, index = np.random.default_rng(rows), AWKWARD.index(rows)
    takes_two = (dtype == "float64") != (size is None)
    for shift in range(0, len(AWKWARD), 3):
        inputs, hidden, outputs = (AWKWARD[(index + i * shift) % 11] for i in (1, 2, 3))
        x, y = random.normal(size=(rows, inputs)), random.normal(size=(rows, outputs))
        settings = {"batch_size": size, "epochs": 1, "threads": 1 + takes_two, "dtype": dtype}
        agree(partial(dense, hidden, 9, outputs), x, y, **settings)
        takes_two = not takes_two


@slow
@pytest.mark.parametrize("vector_bytes, registers", [(16, 16), (16, 32), (32, 32), (64, 32)])
@pytest.mark.parametrize("name", [*RUNS, "wide"])
def test_vector_widths_of_other_processors(
    name: str, vector_bytes: int, registers: int, checks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LLVM splits wider vectors, so this machine can run them."""
    other = replace(host(), vector_bytes=vector_bytes, registers=registers)
    monkeypatch.setattr(memory, "host", lambda: other)
    settings = RUNS.get(name, {"make": partial(dense, 129, 33, 2), "epochs": 1, "batch_size": 20})
    agree(**settings, threads=2, dtype="float32")


@slow
@pytest.mark.parametrize("loss", REFERENCE)
def test_losses(loss: str, checks: None) -> None:
    target = {"numbers": Y, "binary": BITS, "classes": CLASSES}[REFERENCE[loss][2]]
    make = partial(network, outputs=3 if target is CLASSES else 2)
    agree(make, y=target, loss=loss, validation=0.3, optimizer=tw.SGD(lr=0.02), threads=2)


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, dtype: str, checks: None) -> None:
    agree(lambda: network(name), dtype=dtype, optimizer=tw.SGD(lr=0.05), epochs=2, threads=2)


@slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str, checks: None) -> None:
    agree(optimizer=name, epochs=2, threads=2)


@slow
@BOTH_THREADS
@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("name", [*FLAT, *(f"{name} of series" for name in DEEP)])
def test_networks(name: str, size: int | None, threads: int, checks: None) -> None:
    function = FLAT.get(name) or DEEP[name.removesuffix(" of series")]
    x = X if name in FLAT else SERIES
    y = Y[:, 0] if name == "a prediction without columns" else Y
    held = {"validation": (x[:5], y[:5]), "threads": threads}
    agree(lambda: Net(function), x, y, batch_size=size, epochs=2, **held)


@slow
@BOTH_THREADS
@pytest.mark.parametrize("size", [None, 4])
@pytest.mark.parametrize("name", MIXING)
def test_networks_that_mix_rows(name: str, size: int | None, threads: int, checks: None) -> None:
    settings = {"batch_size": size, "epochs": 2, "optimizer": tw.SGD(lr=0.02), "threads": threads}
    agree(lambda: Net(MIXING[name]), X[:20], Y[:20], validation=(X[:9], Y[:9]), **settings)


# Graphs -----------------------------------------------------------------------------------------


@pytest.fixture
def checked_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    run_checked = lambda graph, given: CheckedGraph(graph)(**given)  # noqa: E731
    monkeypatch.setattr(compiled_graphs, "computed", run_checked)
    monkeypatch.setattr("talweg.engine.native.engine.CompiledGraph", CheckedGraph)


@BOTH_DTYPES
def test_the_largest_case_of_each_gate(dtype: str, checked_graphs: None) -> None:
    compiled_graphs.check_the_largest_cases(dtype)


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("name", TABLE)
def test_gates(name: str, dtype: str, checked_graphs: None) -> None:
    compiled_graphs.check_each_case(name, dtype)


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("planned_for", [1, 64])
@pytest.mark.parametrize("name", compiled_graphs.ON_ROWS)
def test_any_number_of_rows(name: str, planned_for: int, dtype: str, checked_graphs: None) -> None:
    compiled_graphs.check_any_number_of_rows(name, planned_for, dtype)


@slow
@pytest.mark.parametrize("rows", [1, 5, 400])
@pytest.mark.parametrize("name", [*FLAT, *MIXING])
def test_predictions(name: str, rows: int, checked_graphs: None) -> None:
    net = Net((FLAT | MIXING)[name])
    net.dtype = "float64"
    net.init(X, seed=1)
    some = np.resize(X, (rows, 3))
    np.testing.assert_allclose(net.predict(some), net(some).value, 1e-9, 1e-9)


@slow
def test_random_graphs(checked_graphs: None) -> None:
    @bounded(100)
    @given(recipes(SMOOTH + KINKED, 8))
    def check(recipe: Recipe) -> None:
        compiled_graphs.check_recipe(recipe)

    check()


# Products of matrices ---------------------------------------------------------------------------


class CheckedProducts:
    """The products of `conformance.products`, on memory in separate pieces."""

    def __init__(self, machine: str) -> None:
        made = with_checks(str(products.module_for(machine)))
        names = [*products.SIGNATURES, *made.names]
        self._made = made
        self._code = compiled(made.text, names, cache=Cache(None), optimizes=False)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Let all that is called and laid out from now on be checked."""
        pieces = Pieces(self._made, self._code)

        def guarded(count: int, dtype: str, at_end: bool = True) -> Any:
            return pieces.copied(np.full(count, np.nan, dtype))

        def shown(function: Callable[..., None]) -> Callable[..., None]:
            def call(*arguments: int) -> None:
                with pieces.shown():
                    function(*arguments)

            return call

        functions = products.functions_of(self._code)
        checked = {name: shown(function) for name, function in functions.items()}
        patch.setattr(products, "program", lambda machine: (checked, self))
        patch.setattr(products, "guarded", guarded)


def shapes(sizes: Sequence[int]) -> Iterator[tuple[int, int, int, Any]]:
    """Each two of the sizes m, n and k, and how the matrices lie; each k meets half the choices."""
    choices = list(products.choices())
    for number, (m, n) in enumerate(product(sizes, sizes)):
        for offset, k in enumerate((*sizes, 390)[number % 2 :: 2]):
            yield m, n, k, choices[(7 * number + offset) % len(choices)]


@pytest.mark.quick("*-avx2-float64")
@pytest.mark.parametrize("dtype", products.DTYPES)
@pytest.mark.parametrize(
    "machine", ["avx2", *(pytest.param(m, marks=slow) for m in ("sse", "neon", "avx512"))]
)
@pytest.mark.parametrize("sizes", [AWKWARD[1::4], pytest.param(AWKWARD, marks=slow)], ids=len)
def test_products(
    sizes: Sequence[int], machine: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, engine = CheckedProducts(machine), products.Engine(machine, dtype)
    for m, n, k, (order, (b_order, packed), adding, gap, _) in shapes(sizes):
        checked.install(monkeypatch)
        a, b = (products.drawn(shape, dtype) for shape in ((m, k), (k, n)))
        lies = [products.laid(x, y, gap, True) for x, y in ((a, order), (b, b_order))]
        onto = products.drawn((m, n), dtype, 1) if adding else None
        c = engine.multiply(*lies, packed=packed, onto=onto, gap=gap)
        products.assert_close(c, a, b, onto)


# The checks are exact ---------------------------------------------------------------------------


SHORT: dict[str, dict[str, Any]] = {
    "everything": RUNS["everything, by steps"],
    "classes": {**MORE_RUNS["classes"], "make": partial(network, "softmax")},
    "packed": {"make": partial(dense, 33, 17, 2), "batch_size": 20, "dtype": "float32"},
}


@slow
@pytest.mark.parametrize("name", SHORT)
def test_a_buffer_without_its_last_byte_is_reported(
    name: str, checks: list[launch.Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One buffer at a time, except the scratch of products, which fits larger ones."""
    room, sizes, missing = CheckedMemory._room, list[int](), [-1]

    def shorter(memory: CheckedMemory, size: int) -> int:
        sizes.append(size)
        return room(memory, size - (len(sizes) - 1 in missing))

    monkeypatch.setattr(CheckedMemory, "_room", shorter)
    settings = {"make": network, "x": X, "y": Y, **SHORT[name], "epochs": 2, "threads": 1}
    settings |= {"engine": "native", "stop": None}
    trained(**settings)
    monkeypatch.setattr(launch, "prepare", lambda program: checks[0])
    scratch = max(map(gemm.scratch_bytes, ("float", "double")))
    buffers = [index for index, size in enumerate(sizes) if size != scratch]
    assert len(buffers) > 10
    for buffer in buffers:
        sizes.clear()
        missing[:] = [buffer]
        with pytest.raises(EngineError, match="bytes that are not its own"):
            trained(**settings)
