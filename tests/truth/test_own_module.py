"""The example of a module of your own: paths, shared weights and training."""


def test_the_example_shares_weights_and_learns(run_example, numbers_after) -> None:
    printed = run_example("own_module")
    assert (
        printed.count("blocks.1.part.inner.weight") == 2
    )  # once in the list, once with its gradient
    assert numbers_after(printed, "weights.flat") == [193]
    first, last = numbers_after(printed, "Training took the loss from")[:2]
    assert last < first / 10
