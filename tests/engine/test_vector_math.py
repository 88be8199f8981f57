"""The vector functions of the native engine are accurate, and right on special values."""

import ctypes
import functools
import math

import numpy as np
import pytest

llvm = pytest.importorskip("llvmlite.binding")
mpmath = pytest.importorskip("mpmath")

from talweg.engine.native.emit.math.functions import FUNCTIONS  # noqa: E402
from talweg.engine.native.llvm.module import Module  # noqa: E402
from talweg.engine.native.llvm.values import vector  # noqa: E402

LLVM_TYPES = {"float32": "float", "float64": "double"}
FULL = {"float32": 8, "float64": 4}
TWO_INPUTS = ("power", "maximum", "minimum")
SAMPLE_SIZE = 2500

# The largest error observed, rounded up, in units in the last place: float32, float64
BOUNDS = {
    "absolute": (0, 0),
    "cos": (1.75, 1.75),
    "erf": (1.25, 2),
    "exp": (1, 2),
    "expm1": (1.75, 2),
    "log": (1.5, 1.75),
    "log1p": (1.5, 1.75),
    "maximum": (0, 0),
    "minimum": (0, 0),
    "power": (1, 2),
    "relu": (0, 0),
    "sigmoid": (2, 2.25),
    "sign": (0, 0),
    "sin": (1.75, 1.75),
    "softplus": (2, 2.5),
    "sqrt": (0.5, 0.5),
    "tanh": (1.75, 2),
}


def test_every_function_has_a_bound() -> None:
    assert sorted(BOUNDS) == sorted(FUNCTIONS)
    assert max(low for low, _ in BOUNDS.values()) <= 2
    assert max(high for _, high in BOUNDS.values()) <= 4


# Compiling --------------------------------------------------------------------------------------


def target_machine(*, bare=False):
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    if bare:
        return target.create_target_machine()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features)


def write_loop(module: Module, body, type: str, lanes: int, inputs: int):
    """out[i] = body(x[i]) or body(x[i], y[i]) for i < n."""
    parameters = [("ptr", "x"), ("ptr", "y"), ("ptr", "out"), ("i64", "n")]
    f = module.function("run", parameters, public=True)
    *arrays, out, count = f.parameters
    with f.loop(0, count, lanes) as loop:
        values = [f.load(vector(type, lanes), f.at(x, loop.index, type)) for x in arrays[:inputs]]
        f.store(body(f, *values), f.at(out, loop.index, type))
    f.ret()


@functools.cache
def compiled(name: str, dtype: str, lanes: int, bare=False):
    """The function over arrays whose length is a multiple of the lanes."""
    module = Module(32)
    inputs = 2 if name in TWO_INPUTS else 1
    write_loop(module, FUNCTIONS[name], LLVM_TYPES[dtype], lanes, inputs)
    machine = target_machine(bare=bare)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    parsed = llvm.parse_assembly(str(module))
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine.emit_object(parsed)))
    engine.finalize_object()
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(
        engine.get_function_address("run")
    )

    def call(*arrays: np.ndarray, keep=engine) -> np.ndarray:
        size = len(arrays[0])
        padded = [np.append(x, np.ones(-size % lanes, dtype)) for x in arrays]
        out = np.empty_like(padded[0])
        run(padded[0].ctypes.data, padded[-1].ctypes.data, out.ctypes.data, len(out))
        return out[:size]

    return call


# Exact values -----------------------------------------------------------------------------------


def stable_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def stable_softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


IN_NUMPY = {
    **{name: getattr(np, name) for name in FUNCTIONS if hasattr(np, name)},
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": stable_sigmoid,
    "softplus": stable_softplus,
    "erf": lambda x: np.frompyfunc(math.erf, 1, 1)(x).astype(float),
}


def exact_sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def exact_softplus(x):
    return mpmath.log1p(mpmath.exp(x))


IN_MPMATH = {
    **{name: getattr(mpmath, name) for name in FUNCTIONS if hasattr(mpmath, name)},
    "sigmoid": exact_sigmoid,
    "softplus": exact_softplus,
}


def in_numpy(name: str, *inputs: np.ndarray) -> np.ndarray:
    """In float64, also for float32 inputs."""
    with np.errstate(all="ignore"):
        return np.asarray(IN_NUMPY[name](*(x.astype(np.float64) for x in inputs)))


def units_from_numpy(got: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The errors in units in the last place.

    They are infinite where a NaN, an infinity, a 0 or the sign of a 0 is missed.
    """
    with np.errstate(all="ignore"):
        nearest = truth.astype(got.dtype)
        unit = np.spacing(np.abs(nearest))
        units = np.abs(got - truth) / unit
        vanishes = np.abs(truth) < unit / 4
    same = (got == nearest) & (np.signbit(got) == np.signbit(nearest))
    same |= np.isnan(got) & np.isnan(nearest)
    special = ~np.isfinite(nearest) | ~np.isfinite(got) | vanishes | ((got == 0) & (nearest == 0))
    return np.where(special, np.where(same, 0, np.inf), units)


def units_from_mpmath(name: str, got: np.ndarray, *inputs: np.ndarray) -> np.ndarray:
    errors = []
    with mpmath.workprec(200):
        for value, *point in zip(got, *inputs, strict=True):
            truth = IN_MPMATH[name](*(mpmath.mpf(float(x)) for x in point))
            nearest = float(truth)
            rest = float(truth - nearest)
            errors.append(abs((float(value) - nearest) - rest) / np.spacing(abs(nearest)))
    return np.array(errors)


# Points -----------------------------------------------------------------------------------------

CLOSE_UP = {  # where a function bends or its method of computation changes
    "cos": (-50, 50),
    "erf": (-4, 4),
    "exp": (-2, 2),
    "expm1": (-2, 2),
    "log": (0.5, 2),
    "log1p": (-1, 1.5),
    "sigmoid": (-20, 20),
    "sin": (-50, 50),
    "softplus": (-10, 10),
    "tanh": (-2, 2),
}
INSIDE = {  # float64 inputs with finite, non-zero results; others take all numbers
    "exp": (-745, 709.7),
    "expm1": (-745, 709.7),
    "sigmoid": (-745, 745),
    "softplus": (-745, math.inf),
    "log": (0, math.inf),
    "log1p": (-1, math.inf),
}


def all_exponents(dtype: str, count: int) -> np.ndarray:
    """Numbers of each exponent and sign, and quiet NaNs, evenly spaced in their bits."""
    width = 8 * np.dtype(dtype).itemsize
    step = (2**width // count) | 1
    bits = (np.arange(count, dtype=np.uint64) * np.uint64(step)).astype(f"uint{width}")
    quiet = np.isnan(bits.view(dtype)) * (1 << np.finfo(dtype).nmant - 1)
    return (bits | quiet.astype(bits.dtype)).view(dtype)


def points(name: str, dtype: str, count: int) -> np.ndarray:
    random = np.random.default_rng(7)
    close = random.uniform(*CLOSE_UP.get(name, (-10, 10)), count).astype(dtype)
    tiny = np.ldexp(random.uniform(-1, 1, count // 8), -random.integers(0, 30, count // 8))
    return np.concatenate([all_exponents(dtype, count), close, tiny.astype(dtype)])


def quarter_turns(count: int) -> np.ndarray:
    """Numbers next to multiples of pi/2, where sine and cosine are 0."""
    return np.random.default_rng(3).integers(1, 2**23, count) * (np.pi / 2)


def power_points(dtype: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bases of all sizes and near 1, with exponents that give results of all sizes."""
    random = np.random.default_rng(11)
    low, high = (-149, 128) if dtype == "float32" else (-1074, 1024)
    near = 1 + np.ldexp(random.uniform(-1, 1, count), -random.integers(2, 20, count))
    base = np.concatenate([np.exp2(random.uniform(low, high - 0.1, count)), near]).astype(dtype)
    size = random.uniform(low, high - 0.1, 2 * count)
    with np.errstate(all="ignore"):
        exponent = (size / np.log2(base.astype(float))).astype(dtype)
    keep = np.isfinite(exponent) & (base != 1)
    return base[keep], exponent[keep]


# Accuracy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - set(TWO_INPUTS)))
def test_float32_is_within_its_error_bound(name) -> None:
    x = points(name, "float32", 150_000)
    units = units_from_numpy(compiled(name, "float32", 8)(x), in_numpy(name, x))
    if name == "relu":
        units[x == 0] = 0  # -0 may stay -0
    worst = np.argmax(units)
    assert units[worst] <= BOUNDS[name][0], x[worst]


def test_power_in_float32_is_within_its_error_bound() -> None:
    x, y = power_points("float32", 100_000)
    units = units_from_numpy(compiled("power", "float32", 8)(x, y), in_numpy("power", x, y))
    worst = np.argmax(units)
    assert units[worst] <= BOUNDS["power"][0], (x[worst], y[worst])


COMMON = {"exp", "log", "tanh"}


@pytest.mark.quick("exp")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in COMMON else pytest.mark.slow)
        for name in sorted(set(IN_MPMATH) - {"power", "sign", "sqrt"})
    ],
)
def test_float64_is_within_its_error_bound(name) -> None:
    x = points(name, "float64", SAMPLE_SIZE)
    low, high = INSIDE.get(name, (-math.inf, math.inf))
    if name in ("sin", "cos"):
        x = np.append(x, quarter_turns(SAMPLE_SIZE // 2))
    if name in ("exp", "sigmoid", "softplus"):
        x = np.append(x, np.linspace(-745, -700, SAMPLE_SIZE // 2))
    x = x[np.isfinite(x) & (x != 0) & (x > low) & (x < high)]
    units = units_from_mpmath(name, compiled(name, "float64", 4)(x), x)
    worst = np.argmax(units)
    assert units[worst] <= BOUNDS[name][1], x[worst]


@pytest.mark.slow
def test_power_in_float64_is_within_its_error_bound() -> None:
    x, y = power_points("float64", SAMPLE_SIZE)
    units = units_from_mpmath("power", compiled("power", "float64", 4)(x, y), x, y)
    worst = np.argmax(units)
    assert units[worst] <= BOUNDS["power"][1], (x[worst], y[worst])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sqrt_and_absolute_equal_those_of_numpy(dtype) -> None:
    x = all_exponents(dtype, 20_000)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(compiled("sqrt", dtype, FULL[dtype])(x), np.sqrt(x))
    np.testing.assert_array_equal(compiled("absolute", dtype, FULL[dtype])(x), np.abs(x))


# Special values ---------------------------------------------------------------------------------


def special_values(dtype: str) -> np.ndarray:
    info = np.finfo(dtype)
    whole = 2.0 ** (info.nmant + 1)  # floats from here on are integers, from twice this on even
    sizes = [0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny, info.eps]
    sizes += [0.25, 0.5, 0.75, 1 - info.epsneg, 1, 1 + info.eps, 1.5, 2, 3, 4, 5, 7.5, math.pi]
    sizes += [16, 37, 88.5, 90, 103.5, 104, 708, 710, 745, 746, 1e30]
    sizes += [whole / 2 - 0.5, whole / 2 + 1, whole - 1, whole, 2 * whole + 2, info.max, np.inf]
    values = np.array([*sizes, np.nan], dtype)
    return np.concatenate([values, -values])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_special_values_equal_those_of_numpy(name, dtype) -> None:
    values = special_values(dtype)
    inputs = [values]
    if name in TWO_INPUTS:
        inputs = [each.ravel() for each in np.meshgrid(values, values)]
    truth = in_numpy(name, *inputs)
    got = compiled(name, dtype, FULL[dtype])(*inputs)
    if name in ("relu", "maximum", "minimum"):  # for 0 and -0 NumPy returns what the processor does
        got, truth = got + 0, truth + 0
    # NumPy itself may be a unit off in float64
    bound = BOUNDS[name][0] if dtype == "float32" else BOUNDS[name][1] + 1
    units = units_from_numpy(got, truth)
    worst = np.argmax(units)
    assert units[worst] <= bound, [each[worst] for each in (*inputs, got, truth)]


FAR_OUT = {  # values at -infinity and infinity
    "erf": (-1, 1),
    "exp": (0, np.inf),
    "expm1": (-1, np.inf),
    "sigmoid": (0, 1),
    "softplus": (0, np.inf),
    "tanh": (-1, 1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(FAR_OUT))
def test_the_value_at_infinity_is_reached(name, dtype) -> None:
    x = np.array([-np.inf, -1e6, -747, 747, 1e6, np.inf], dtype)
    at_left, at_right = FAR_OUT[name]
    truth = np.array([at_left] * 3 + [at_right] * 3, dtype)
    if name == "softplus":
        truth = np.maximum(x, 0)
    np.testing.assert_array_equal(compiled(name, dtype, FULL[dtype])(x), truth)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["tanh", "sin", "expm1", "log1p"])
def test_odd_functions_keep_tiny_numbers(name, dtype) -> None:
    tiny = np.ldexp(np.array([1.0, -1.0, 1.75, -1.75]), np.finfo(dtype).minexp // 2).astype(dtype)
    np.testing.assert_array_equal(compiled(name, dtype, FULL[dtype])(tiny), tiny)


# Any number of lanes, any processor -------------------------------------------------------------


def sample_inputs(name: str, dtype: str, count: int) -> list[np.ndarray]:
    x = points(name, dtype, count)
    return [x, points("log", dtype, count)[::-1]] if name in TWO_INPUTS else [x]


def assert_same_bits(x: np.ndarray, y: np.ndarray) -> None:
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(np.signbit(x[x == 0]), np.signbit(y[x == 0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_scalars_give_the_bits_of_vectors(name, dtype) -> None:
    inputs = sample_inputs(name, dtype, 2000)
    full = compiled(name, dtype, FULL[dtype])(*inputs)
    assert_same_bits(compiled(name, dtype, 1)(*inputs), full)


@pytest.mark.parametrize("name", ["exp", "log", "power", "sin", "tanh"])
def test_odd_widths_give_the_same_bits(name) -> None:
    inputs = sample_inputs(name, "float32", 1000)
    assert_same_bits(compiled(name, "float32", 2)(*inputs), compiled(name, "float32", 8)(*inputs))
    assert_same_bits(compiled(name, "float32", 16)(*inputs), compiled(name, "float32", 8)(*inputs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_processor_without_fma_or_avx_gives_the_same_bits(name, dtype) -> None:
    inputs = sample_inputs(name, dtype, 500)
    full = compiled(name, dtype, FULL[dtype])(*inputs)
    assert_same_bits(compiled(name, dtype, FULL[dtype], bare=True)(*inputs), full)


# Code size --------------------------------------------------------------------------------------


def test_a_long_function_is_written_once_for_each_type() -> None:
    module = Module(32)
    for type in ("<8 x float>", "float"):
        for i in range(2):
            f = module.function(f"user{i}.{type}", [(type, "x")], type)
            f.ret(FUNCTIONS["erf"](f, FUNCTIONS["erf"](f, f.parameters[0])))
    text = str(module)
    assert text.count("@erf.8.float(<8 x float> %") == 1 + 4
    assert text.count("define internal <8 x float> @erf.8.float(") == 1
    assert text.count("define internal float @erf.1.float(") == 1
