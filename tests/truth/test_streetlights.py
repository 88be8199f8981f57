"""The streetlights lesson prints the numbers of Grokking Deep Learning, chapter 6.

They agree to rtol 1e-14: talweg sums means over rows, so the last bit of a pass may differ.
"""

import numpy as np
from numpy.testing import assert_allclose

CLOSE = {"rtol": 1e-14, "atol": 1e-16}


def test_the_lesson_prints_the_published_numbers(run_example, numbers_after) -> None:
    printed = run_example("streetlights")
    assert_allclose(numbers_after(printed, "step 20: error")[0], 8.307674973656916e-06, **CLOSE)
    predictions = [numbers_after(printed, f"step  {step}: error")[1] for step in (1, 2, 3)]
    assert_allclose(predictions, [-0.2, -0.16, -0.128], **CLOSE)  # each step multiplies it by 0.8
    assert_allclose(numbers_after(printed, "pass 40: error"), [0.00053373677328488], **CLOSE)
    assert numbers_after(printed, "weights:") == [0.01389228, 1.0138147, -0.01599277]
    for arrows in ("total:          -1 +3  0", "total:           0  0  0", "-  0  -", "-  -  -"):
        assert arrows in printed


def test_batch_sizes(run_example, numbers_after) -> None:
    """Compared with full-batch steps in NumPy: w -= 0.1 X'(X w - y)."""
    printed = run_example("streetlights")
    x = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 1], [1, 0, 1.0]])
    y, w = np.array([0, 1, 0, 1, 1, 0.0]), np.array([0.5, 0.48, -0.7])
    for _ in range(40):
        gap = x @ w - y
        w = w - 0.1 * x.T @ gap
    assert_allclose(numbers_after(printed, "full batch")[:2], [40, (gap**2).sum()], atol=6e-7)
    assert numbers_after(printed, "stochastic")[:2] == [240, 0.000534]
