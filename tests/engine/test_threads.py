"""A run limits the threads of BLAS, and lifts the limit afterwards."""

import threading

import numpy as np
import pytest

import talweg as tw
from talweg.engine.run.blas_threads import _controller, blas_threads


def taken() -> list[int]:
    """Of NumPy's BLAS; runs do not limit the BLAS of a library that is imported later."""
    return [each["num_threads"] for each in _controller().info() if each["user_api"] == "blas"]


BEFORE = taken()
needs_threads = pytest.mark.skipif(set(BEFORE) <= {1}, reason="this BLAS has one thread at most")


@needs_threads
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_a_run_limits_the_threads_and_restores_them(threads) -> None:
    seen = []

    class Watching(tw.Stop):
        def update(self, state, epoch):
            seen.append(taken())
            return {}, False

    net = tw.Sequential(tw.Dense(1))
    tw.fit(
        net, np.ones((4, 2)), np.ones(4), epochs=1, stop=Watching(), threads=threads, engine="numpy"
    )
    assert seen == [[threads or 1] * len(BEFORE)]
    assert taken() == BEFORE


@needs_threads
def test_the_last_of_concurrent_runs_lifts_the_limit() -> None:
    """Whichever run started first, and in any order of their ends."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with blas_threads(1):
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with blas_threads(1):
        thread.start()
        inside.wait()
    assert set(taken()) == {1}, "the other run is still under way"
    leave.set()
    thread.join()
    assert taken() == BEFORE
    with blas_threads(1):
        assert set(taken()) == {1}
    assert taken() == BEFORE


def test_an_error_lifts_the_limit() -> None:
    with pytest.raises(ZeroDivisionError), blas_threads(1):
        1 / 0  # noqa: B018
    assert taken() == BEFORE
