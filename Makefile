# `make demo` shows it, `make check` is quick, `make test` is everything, `make soak` a thousand attempts, `make sweep` and `make calibrate` hours. README says the same in plain pip.
PYTHON ?= python3
BIN := .venv/bin

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt torch numpy
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[test]'
	touch $@
demo: .venv/ready
	$(BIN)/grade submit solutions/reference
test: .venv/ready
	$(BIN)/python -m pytest -n 2
check: .venv/ready
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/python -m pytest -q -n 2 -m "not slow and not jail and not isolation"
soak: .venv/ready
	GRADER_SOAK=1000 $(BIN)/python -m pytest tests/attacks/test_soak.py tests/attacks/test_mutations.py
# what is missing or stale alone; it can be stopped, and goes on where it was
calibrate: .venv/ready
	nice -n 19 $(BIN)/grade verify --device cpu --calibrate 25 --mistakes 4
	nice -n 19 $(BIN)/grade verify --device cpu --calibrate 25 --mistakes 4 --course tests/tutorial
# every reference, style and variant with seeds 1 to SEEDS; it can be stopped, and goes on where it was
SEEDS ?= 10
JOBS ?= 2
sweep: .venv/ready
	nice -n 19 $(BIN)/python tests/sweep --seeds $(SEEDS) --jobs $(JOBS)
.PHONY: demo test check soak calibrate sweep
