"""Backpropagation: gradients of nodes and of functions, to higher orders."""

import numpy as np
import pytest

import talweg as tw
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import gradients, record, tensor

same = np.testing.assert_array_equal
close = np.testing.assert_allclose


def test_backward_sets_the_gradient_of_every_node() -> None:
    x, y = tensor(-2.0), tensor(5.0)
    q = x + y
    f = q * -4.0
    f.backward()
    assert [each.grad.item() for each in (f, q, x, y)] == [1, -4, -4, -4]


def test_backward_again_replaces() -> None:
    x = tensor(3.0)
    (x * x).backward()
    assert x.grad == 6
    (x * x).backward()
    assert x.grad == 6
    (5.0 * x).backward()
    assert x.grad == 5


def test_gradients_along_several_paths_are_added() -> None:
    x = tensor(3.0)
    f = x * x + x
    f.backward()
    assert x.grad == 7
    z = tensor([1.0, 2.0])
    (z * z[0]).sum().backward()
    same(z.grad, [4, 1])


def test_the_gradient_of_an_unrelated_node_is_zero() -> None:
    x, idle = tensor(3.0), tensor([1.0, 2.0])
    f = x * 2 + (tw.stop_gradient(idle) * 0).sum()
    f.backward()
    same(idle.grad, [0, 0])
    same(tw.grad(lambda x: x * 0 + 1)(2.0), 0)
    (zero,) = gradients(f, [tensor(1.0)])
    assert zero.item() == 0


def test_constants_get_no_gradient() -> None:
    fixed = tw.constant(2.0)
    (tensor(3.0) * fixed).backward()
    assert fixed.grad is None


def test_backward_takes_a_gradient_for_several_numbers() -> None:
    x = tensor([1.0, 2.0])
    (x * x).backward(gradient=[1.0, 10.0])
    same(x.grad, [2, 40])
    with pytest.raises(tw.ShapeError, match="backward: the gradient is"):
        (x * x).backward(gradient=[1.0])


def test_a_gradient_starts_from_one_float() -> None:
    with pytest.raises(tw.GraphError, match=r"needs an output of one number.*has 2.*\.sum\(\)"):
        (tensor([1.0, 2.0]) * 2).backward()
    with pytest.raises(tw.GraphError, match="needs floats"):
        (tensor(1.0) > 0).backward()


# Functions ------------------------------------------------------------------------------------


def test_grad_of_one_argument_is_an_array_and_of_several_a_tuple() -> None:
    assert tw.grad(lambda x: x * x)(3.0) == 6
    assert tw.grad(lambda x, y: x * y)(2.0, 5.0) == (5, 2)
    value, (by_x, by_y) = tw.value_and_grad(lambda x, y: (x * y).sum())(np.ones(2), 3 * np.ones(2))
    assert value == 6
    same([by_x, by_y], [[3, 3], [1, 1]])


def test_grad_of_grad() -> None:
    fourth = tw.grad(tw.grad(tw.grad(tw.grad(lambda x: x * x * x * x))))
    assert fourth(2.0) == 24
    assert tw.grad(tw.grad(tw.sin))(0.7) == pytest.approx(-np.sin(0.7))


def test_inner_and_outer_gradients_are_not_confused() -> None:
    """d/dx [x * d/dy (x + y)] = d/dx [x * 1] = 1, and with x y: d/dx [x * x] = 2 x."""
    assert tw.grad(lambda x: x * tw.grad(lambda y: x + y)(x))(3.0) == 1
    assert tw.grad(lambda x: x * tw.grad(lambda y: x * y)(x))(3.0) == 6
    assert tw.grad(lambda x: x * tw.grad(lambda y: x * y)(2.0 * x))(3.0) == 6


def test_the_same_tensor_as_two_arguments() -> None:
    x = tensor(3.0)
    by_first, by_second = tw.grad(lambda a, b: a * a * b)(x, x)
    assert (by_first.item(), by_second.item()) == (18, 9)


def test_grad_of_grad_with_other_arrays() -> None:
    data = np.array([1.0, 2.0])
    slope = tw.grad(lambda w: tw.sum(tw.grad(lambda v: (w * v * v).sum())(tensor(data))))
    same(slope(np.ones(2)), 2 * data)


def test_a_function_must_return_a_tensor() -> None:
    with pytest.raises(tw.GraphError, match="square returned float64, not a tensor"):

        def square(x):
            return x.value.sum()

        tw.grad(square)(3.0)


def test_gradients_inside_a_recording() -> None:
    graph = record(lambda x: tw.grad(lambda y: y * y * y)(x), 2.0)
    assert Interpreter(graph)(x=np.array(3.0))["output"] == 27


# The product with second derivatives -----------------------------------------------------------


def bowl(x, y):
    """A function of two arrays with every kind of second derivative."""
    return (tw.sin(x) * tw.exp(y.sum())).sum() + (x * x * y[0]).sum() + tw.softmax(y)[1]


X, Y = np.array([0.3, -1.2, 0.8]), np.array([0.1, -0.4])
V, W = np.array([1.0, 0.5, -2.0]), np.array([-0.3, 0.7])


def test_hvp_is_the_difference_of_gradients() -> None:
    step = 1e-5
    ahead = tw.grad(bowl)(X + step * V, Y + step * W)
    behind = tw.grad(bowl)(X - step * V, Y - step * W)
    found = tw.hvp(bowl)((X, Y), (V, W))
    for one, after, before in zip(found, ahead, behind, strict=True):
        close(one, (after - before) / (2 * step), rtol=1e-7, atol=1e-9)


def test_hvp_is_the_hessian_times_the_vector() -> None:
    def alone(x):
        return bowl(x, Y)

    hessian = np.stack([tw.grad(lambda x, i=i: tw.grad(alone)(x)[i])(X) for i in range(3)])
    close(hessian, hessian.T, rtol=1e-12)
    close(tw.hvp(alone)(X, V), hessian @ V, rtol=1e-12)


def test_hvp_has_the_shape_of_its_arrays() -> None:
    assert tw.hvp(lambda x: x * x)(3.0, 1.0) == 2
    (only,) = tw.hvp(lambda x: x * x)([3.0], [1.0])
    assert only == 2
    assert [each.shape for each in tw.hvp(bowl)([X, Y], [V, W])] == [(3,), (2,)]
    assert tw.hvp(lambda x: (x * x).sum())(X.astype("float32"), V).dtype == np.float32


def test_hvp_nests() -> None:
    """d/dx of 6 x v is 6 v, and d/dv of it is 6 x."""

    def cube(x):
        return (x * x * x).sum()

    close(tw.grad(lambda x: tw.hvp(cube)(x, V).sum())(X), 6 * V)
    close(tw.grad(lambda x, v: tw.hvp(cube)(x, v).sum())(X, V)[1], 6 * X)
    close(tw.grad(lambda v: tw.hvp(cube)(X, v).sum())(V), 6 * X)
    graph = record(lambda v: tw.hvp(cube)(X, v), V)
    close(Interpreter(graph)(v=2 * V)["output"], 12 * X * V)


@pytest.mark.parametrize(
    ("vectors", "words"), [((V,), "2 arrays and 1 vectors"), ((V, V), r"vector has shape \(3,\)")]
)
def test_hvp_refuses_vectors_that_do_not_fit(vectors, words) -> None:
    with pytest.raises(tw.ShapeError, match=words):
        tw.hvp(bowl)((X, Y), vectors)
