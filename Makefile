# make demo: a first look, from nothing to trained, scored and exported pictures.    make test: the tests.
# EXTRA=cu112 installs MXNet for NVIDIA GPUs; PYTHON=... chooses the interpreter.
EXTRA ?= cpu
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10 python3.9 python; do \
	$$p -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
BIN = .venv/bin

.PHONY: demo test lint visdom clean

demo: .venv/$(EXTRA)
	$(BIN)/python train_pix2pix.py --dataset demo --run-dir runs/demo --generator unet_128 --ngf 16 --ndf 16 \
		--load-size 143 --crop-size 128 --n-epochs 2 --n-epochs-decay 2 --save-every 1 --num-workers 1
	$(BIN)/python -m gluon_pix2pix export --model runs/demo --check-with data/demo/val
	$(BIN)/python -m gluon_pix2pix translate --model runs/demo --input data/demo/val --output results/demo --overwrite
	$(BIN)/python eval_psnr.py results/demo
	@$(BIN)/python -c 'import json; s = json.load(open("results/demo/scores.json")); print("\nMean PSNR %.2f dB." % s["overall"]["psnr"]["mean"])'
	@echo "The pictures are in results/demo; those side by side, epoch by epoch, in runs/demo/samples."

test: .venv/dev
	$(BIN)/python -m pytest -q -rs -n auto --dist loadfile --cov --cov-report=term

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# visdom's own server, for the tests of what is sent to one: in an environment of its own, as only old setuptools build it.
visdom: .venv/visdom/bin/visdom

.venv/visdom/bin/visdom: .venv/bin/python
	$(BIN)/python -m venv .venv/visdom
	.venv/visdom/bin/pip install --quiet 'setuptools<81' wheel
	.venv/visdom/bin/pip install --quiet --no-build-isolation visdom==0.2.4

clean:
	rm -rf .venv

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.9 to 3.12 is needed (MXNet 1.9.1); this is $$(python3 --version 2>&1). Pass PYTHON=/path/to/one"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "error: $(PYTHON) makes no virtual environment: install its venv module (Debian: python3-venv)"; exit 1; }

# An empty file for each extra that is installed, made anew when the requirements change.
.venv/dev: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[$(EXTRA),dev]'
	@touch $@ .venv/$(EXTRA)

.venv/$(EXTRA): .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[$(EXTRA)]'
	@touch $@
