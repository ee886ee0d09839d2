# Everything runs in .venv, which is created here; only Python and git are required.

SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c

# a supported Python; to choose one: make demo PYTHON=/path/to/python3.12
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)

INSTALL := -m pip install --disable-pip-version-check --prefer-binary --progress-bar off
# of pip's output, what takes long
LARGE := awk '/(Downloading|Using cached) .*([0-9][0-9]\.[0-9] M|[0-9] G)B/ {print "  " $$1, $$2, $$3, $$4, $$5} \
	/^Installing collected/ {print "  Unpacking"} {fflush()}'

.PHONY: help demo demo-cls demo-det test test-full test-upstream lint docs clean
.DELETE_ON_ERROR:

help:
	@echo "make demo       install; train, test and plot a classifier and a detector on handwritten"
	@echo "                digits; make demo-cls and make demo-det run only one"
	@echo "make test       the fast tests, with OpenMMLab's own packages"
	@echo "make test-full  all tests, with OpenMMLab's packages and with the onedl-* forks"
	@echo "make test-upstream  mmcv's, mmpretrain's and mmdet's tests on the classes and operators here:"
	@echo "                MMCV_TESTS=…/mmcv/tests MMPRETRAIN_TESTS=… MMDET_TESTS=… name the folders"
	@echo "make lint       ruff check, ruff format --check and mypy"
	@echo "make docs       the pages of docs/ and a reference of the code, as a site in build/site"
	@echo "make clean      remove environments and caches, but not data and work_dirs"

demo demo-cls demo-det: .venv/.demo
	@PYTHON=.venv/bin/python tools/demo.sh $(patsubst demo-%,%,$(@:demo=))

test: .venv/.test
	.venv/bin/python -m pytest -m "not full"

test-full: .venv/.test .venv-onedl/.test
	.venv/bin/python -m pytest
	.venv-onedl/bin/python -m pytest

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
	rm -rf .venv .venv-onedl build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache

.venv/.demo: EXTRAS := openmmlab,demo
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
