# make check   before each commit: formatter, linter, strict types, fast tests; under a minute
# make test    everything but benchmarks
# make durations  the same, and rewrites tests/durations.txt: which tests take long
# make mutate  breaks the code in 150 random places, and lists those that no test notices
# make bench   timings against baselines, side by side, into benchmarks/results and docs/performance.md
# make arm64   84 runs on 64-bit ARM under emulation, compared bit for bit with this machine

python := .venv/bin/python
.PHONY: check test durations mutate bench arm64
unexport PYTHONDONTWRITEBYTECODE # reading 120 files of tests anew takes 4 s a process

.venv/ready-%: pyproject.toml
	python3 -m venv .venv
	$(python) -m pip install --quiet --editable '.[$*]'
	touch $@

check: .venv/ready-check
	$(python) -m ruff format --check src tests examples benchmarks
	$(python) -m ruff check src tests examples benchmarks
	$(python) -m mypy
	$(python) -m pytest -m 'not slow'

test: .venv/ready-test
	$(python) -m pytest

durations: .venv/ready-test
	$(python) -m pytest --durations-file

mutate: .venv/ready-mutate
	$(python) tests/mutate.py

bench: .venv/ready-bench
	$(python) -m benchmarks
	$(python) -m benchmarks --page

arm64: .venv/ready-test
	$(python) -m benchmarks.arm64
