# Everything runs in .venv, which is created here; only Python and git are required.

SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c

# a supported Python; to choose one: make demo PYTHON=/path/to/python3.12
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)

# pip would compile 27,000 files one after the other, of which a fifth is ever imported
INSTALL := -m pip install --disable-pip-version-check --prefer-binary --progress-bar off --no-compile
unexport PYTHONDONTWRITEBYTECODE
# of pip's output, what takes long
LARGE := awk '/(Downloading|Using cached) .*([0-9][0-9]\.[0-9] M|[0-9] G)B/ {print "  " $$1, $$2, $$3, $$4, $$5} {fflush()}'

# As many processes as there are CPUs, each with one thread; one of them takes 2 to 3 GB
PYTEST := OMP_NUM_THREADS=1 .venv/bin/python -m pytest
PARALLEL := -n auto --maxprocesses 4 --dist worksteal

.PHONY: help demo demo-cls demo-det test test-full test-matrix test-gpu wheels test-upstream lint docs clean
.DELETE_ON_ERROR:

help:
	@echo "make demo       install; train, test and plot a classifier and a detector on handwritten"
	@echo "                digits; make demo-cls and make demo-det run only one"
	@echo "make test       the fast tests, with OpenMMLab's own packages"
	@echo "make test-full  all tests, with OpenMMLab's packages and with the onedl-* forks"
	@echo "make test-matrix  the fast tests on Python 3.10 to 3.13, with the oldest and the newest torch"
	@echo "make test-gpu   the tests that need a GPU; on a machine without a network, with its own"
	@echo "                PyTorch: make test-gpu PYTHON=python3 WHEELS=.wheels"
	@echo "make wheels     download what that needs into .wheels, for Python 3.12 on x86-64"
	@echo "make test-upstream  mmcv's, mmpretrain's and mmdet's tests on the classes and operators here:"
	@echo "                MMCV_TESTS=…/mmcv/tests MMPRETRAIN_TESTS=… MMDET_TESTS=… name the folders"
	@echo "make lint       ruff check, ruff format --check and mypy"
	@echo "make docs       the pages of docs/ and a reference of the code, as a site in build/site"
	@echo "make clean      remove environments and caches, but not data and work_dirs"

demo demo-cls demo-det: .venv/.demo
	@PYTHON=.venv/bin/python tools/demo.sh $(patsubst demo-%,%,$(@:demo=))

test: .venv/.test
	$(PYTEST) $(PARALLEL) -m "not full"

test-full: .venv/.test .venv-onedl/.test
	$(PYTEST) $(PARALLEL)
	$(subst .venv,.venv-onedl,$(PYTEST)) $(PARALLEL)

test-matrix: .venv/bin/python
	.venv/bin/python $(INSTALL) -q -c constraints.txt nox
	.venv/bin/python -m nox

# only the files with such tests: others import packages that need not be there
GPU_TESTS = $(shell grep -rlE 'mark\.gpu' tests --include='test_*.py')

ifdef WHEELS
test-gpu: build/wheels/.installed
	PYTHONPATH="$(CURDIR)/build/wheels:$(CURDIR)" "$(PYTHON)" -m pytest -m gpu $(GPU_TESTS)
else
test-gpu: .venv/.test
	.venv/bin/python -m pytest -m gpu $(GPU_TESTS)
endif

# a folder on the path, since an environment inside another does not see its packages
build/wheels/.installed: $(wildcard $(WHEELS)/*.whl)
	@test -n "$^" || { echo "There are no wheels in '$(WHEELS)': make wheels downloads them"; exit 2; }
	@rm -rf $(@D)
	@"$(PYTHON)" $(INSTALL) -q --no-index --no-deps --target $(@D) $^
	@touch $@

wheels: .venv/.test
	.venv/bin/python tools/wheels.py --out .wheels

test-upstream: .venv/.test
	.venv/bin/python $(INSTALL) -q parameterized
	.venv/bin/python tools/test_upstream.py

lint: .venv/.test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

docs: .venv/.docs
	.venv/bin/python -m mkdocs build --strict --quiet
	@echo "Open build/site/index.html"

clean:
	rm -rf .venv .venv-onedl .nox .wheels build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache

.venv/.demo: EXTRAS := openmmlab,demo,report
.venv/.test: EXTRAS := openmmlab,mmseg,demo,test,docs
.venv/.docs: EXTRAS := docs
.venv/.demo .venv/.test .venv/.docs: CONSTRAINTS := constraints.txt
.venv/.demo .venv/.test .venv/.docs: .venv/bin/python constraints.txt pyproject.toml setup.py
	@echo "Installing mmresnet[$(EXTRAS)] into .venv (PyTorch is large: a few minutes the first time)"
	@.venv/bin/python $(INSTALL) -c $(CONSTRAINTS) -e '.[$(EXTRAS)]' | $(LARGE)
	@touch $@

.venv-onedl/.test: EXTRAS := onedl,onedl-mmseg,demo,test
.venv-onedl/.test: .venv-onedl/bin/python constraints-onedl.txt pyproject.toml setup.py
	@echo "Installing mmresnet[$(EXTRAS)] into .venv-onedl"
	@.venv-onedl/bin/python $(INSTALL) -c constraints-onedl.txt -e '.[$(EXTRAS)]' | $(LARGE)
	@touch $@

.venv/bin/python .venv-onedl/bin/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c '$(SUPPORTED)' || { \
	  echo "mmresnet needs Python 3.10 to 3.13, not '$(PYTHON)': install one," \
	  "or set it with make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 2; }
	@"$(PYTHON)" -m venv $(@D:/bin=)
