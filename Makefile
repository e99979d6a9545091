# make book and make test need nothing but this file, Python 3.11 or newer and a package registry.
PYTHON ?= python3
BIN := .venv/bin
ENVIRONMENT := .venv/.complete
PORT ?= 8000

# Tests wait for browsers half of their time, so there are two workers a core; each takes one thread.
# What is skipped is said at the end, with its reason.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -q -rs --dist loadfile --no-loadscope-reorder

.PHONY: book lab test quick jitter matrix mutants notebooks checkpoints bench figures screenshot pdf requirements serve clean environment

book: $(ENVIRONMENT)
	@$(BIN)/python book/build.py

lab: book  # JupyterLab with a plain copy of each chapter; OPTIONS are its own
	@$(BIN)/python book/copies.py $(OPTIONS)

test: $(ENVIRONMENT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m tests.javascript
	$(MAKE) --no-print-directory book
	$(BIN)/python tests/browser/chromium.py
	$(PYTEST) -n $(WORKERS) --nbval tests/browser book tests

quick: $(ENVIRONMENT)  # the unit tests alone, for someone who edits
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(PYTEST) -n auto --ignore=tests/browser -m "not slow" tests

jitter: $(ENVIRONMENT)  # run the chapters where arithmetic comes out a little different
	$(BIN)/python -m tests.jitter

matrix: $(ENVIRONMENT)  # run the tests on every Python, version range and kind of instructions here
	$(BIN)/python -m tests.matrix

mutants: $(ENVIRONMENT)  # count the faults that no unit test notices, or those in MODULES="objectives ..."
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutants $(MODULES)

notebooks: $(ENVIRONMENT)  # run every chapter, or CHAPTERS="book/building.ipynb", and store its outputs
	$(BIN)/python book/execute.py $(CHAPTERS)

checkpoints: $(ENVIRONMENT)  # train the weights that travel with the package, or NAMES="vae-3000-epochs ..."
	$(BIN)/python -m vaelib.recipes $(NAMES)

bench: book  # time the widgets, the training loop and the book: two hours and more on an idle machine
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/python -m tests.bench.frames
	$(BIN)/python -m tests.bench.playground
	$(BIN)/python -m tests.bench.lighthouse
	$(BIN)/python -m tests.bench.defaults
	$(BIN)/python -m tests.bench.epochs
	$(BIN)/python -m tests.bench.rate
	$(BIN)/python -m tests.bench.training
	$(BIN)/python -m tests.bench.ablation
	$(BIN)/python -m tests.bench.ladder
	$(BIN)/python -m tests.bench.step
	$(BIN)/python -m tests.bench.families
	$(BIN)/python -m tests.bench.book

figures: $(ENVIRONMENT)
	$(BIN)/python img/draw.py

screenshot: book  # the README's picture of a widget
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/python img/screenshot.py

pdf: book  # the whole book in one file, on A4 or, with PAPER=Letter, on that
	@$(BIN)/python book/_pdf/pdf.py $(PAPER)

serve: book
	$(BIN)/python book/serve.py $(PORT)

environment: $(ENVIRONMENT)

$(ENVIRONMENT): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or \
		sys.exit("Python 3.11 or newer is needed: try make PYTHON=python3.12")'
	@test -e $@ || rm -rf .venv  # the rest of an installation that was cut off
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

requirements: $(ENVIRONMENT)  # pins for pyproject.toml's ranges: new ones, or with UPGRADE=--upgrade all
	grep -v '^-e' requirements.txt > requirements.txt.new
	$(BIN)/uv pip compile pyproject.toml --extra book --extra test --universal --python-version 3.11 \
		--no-header --no-annotate --quiet $(UPGRADE) --output-file requirements.txt.new
	{ echo "# Written by make requirements."; echo "-e ."; cat requirements.txt.new; } > requirements.txt
	rm requirements.txt.new

clean:
	rm -rf _build .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path "./.venv/*" -prune -exec rm -rf {} +
