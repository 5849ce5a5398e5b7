# Two commands, each doing all the set-up:
#   make studio   open the studio with the built-in experiment; without a screen, train it and leave pictures
#   make test     pass the tests
SHELL := /bin/bash
PYTHON := .venv/bin/python
unexport PYTHONDONTWRITEBYTECODE  # bytecode is kept: without it every process compiles the house anew

.PHONY: studio test long faults bench check clean

studio: .venv/ready
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then $(PYTHON) -m studio; \
	else echo "No display: training the built-in experiment without the window."; \
	  $(PYTHON) -m studio doctor --window && window=yes; \
	  $(PYTHON) -m studio run mini_clip --unless-trained && [ -n "$$window" ] && \
	  $(PYTHON) -m studio shot mini_clip -o pictures && echo "Screenshots of the window are in ./pictures"; fi

test: .venv/ready-to-test
	@$(PYTHON) -m compileall -q -j 0 core studio widgets resources
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n auto --dist loadfile

long: .venv/ready-to-test
	QT_QPA_PLATFORM=offscreen $(PYTHON) -m pytest -m long

faults: .venv/ready-to-test
	QT_QPA_PLATFORM=offscreen $(PYTHON) -m pytest -m fault

bench: .venv/ready-to-test
	QT_QPA_PLATFORM=offscreen $(PYTHON) -m studio bench

check: .venv/ready-to-test
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports

clean:
	rm -rf .venv pictures

.venv/ready: pyproject.toml .ci/setup .ci/missing.py
	bash .ci/setup

.venv/ready-to-test: pyproject.toml .ci/setup .ci/missing.py
	bash .ci/setup dev
