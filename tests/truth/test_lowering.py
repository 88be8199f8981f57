"""The example of a run on its way to machine code prints each stage."""


def test_the_example_prints_graph_plan_costs_and_code(run_example) -> None:
    printed = run_example("lowering")
    for text in ("-> weights", "by rows\n", "by outputs\n", "kernel, 4 rows\n", "fsub"):
        assert text in printed
