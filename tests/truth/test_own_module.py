"""The example of an own module: paths, sharing and the summary are as it says."""


def test_the_example(run_example, numbers_after) -> None:
    printed = run_example("own_module")
    assert printed.count("blocks.1.part.inner.weight") == 2  # once in the list, once shown
    assert numbers_after(printed, "weights.flat") == [193]
    first, last = numbers_after(printed, "Training took the loss from")[:2]
    assert last < first / 10
