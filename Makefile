# `make demo` shows it, `make check` is quick, `make test` is everything, `make soak` a thousand attempts, `make calibrate` hours. README says the same in plain pip.
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
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/python -m pytest -q -n 2 -m "not slow and not jail"
soak: .venv/ready
	GRADER_SOAK=1000 $(BIN)/python -m pytest tests/attacks/test_soak.py
# what is missing or stale alone; it can be stopped, and goes on where it was
calibrate: .venv/ready
	nice -n 19 $(BIN)/grade verify --device cpu --calibrate 25 --mistakes 4
	nice -n 19 $(BIN)/grade verify --device cpu --calibrate 25 --mistakes 4 --course tests/tutorial
.PHONY: demo test check soak calibrate
