# make studio: the page to paint on, in a browser.    make demo: a first look, from nothing to trained, scored and exported pictures.    make test: the tests.
# make install: the program, to train, translate, export and serve.    make doctor: whether the installation works.    make wheel: whether the package does.
# EXTRA=cu112 installs MXNet for NVIDIA GPUs; PYTHON=... chooses the interpreter, VENV=... the folder it goes to.
# make test DEVICE=gpu0 runs the tests that compute, on that GPU; TESTS=... chooses files.
EXTRA ?= cpu
VENV ?= .venv
TESTS ?= tests
SOURCE ?= --editable .
UV := $(shell command -v uv)
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10 python3.9 python3.13 python; do \
	$$p -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN = $(VENV)/bin
# Whatever is installed into $(VENV) is so by uv where there is uv, which is faster and finds a Python if there is none.
# setuptools warns of every editable installation, in ten lines that look like an error.
INSTALL = $(if $(UV),$(UV) pip install --python $(BIN)/python,PYTHONWARNINGS=ignore $(BIN)/python -m pip install) --quiet
MXNET = $(if $(filter cpu,$(EXTRA)),mxnet,mxnet-$(EXTRA))==1.9.1

.PHONY: demo studio web-runtime install doctor test wheel lint visdom clean

demo: $(VENV)/$(EXTRA)
	$(BIN)/python train_pix2pix.py --dataset demo --run-dir runs/demo --generator unet_128 --ngf 16 --ndf 16 \
		--load-size 143 --crop-size 128 --n-epochs 2 --n-epochs-decay 2 --save-every 1 --num-workers 1 \
		--upsample resize --ema 0.99 --no-dropout --lambda-gan 0.1 --lr 0.0005 # what looks best after so few steps
	$(BIN)/python -m gluon_pix2pix export --model runs/demo --check-with data/demo/val
	$(BIN)/python -m gluon_pix2pix translate --model runs/demo --input data/demo/val --output results/demo --overwrite
	$(BIN)/python eval_psnr.py results/demo
	@$(BIN)/python -c 'import json; s = json.load(open("results/demo/scores.json")); print("\nMean PSNR %.2f dB." % s["overall"]["psnr"]["mean"])'
	@echo "The pictures are in results/demo; those side by side, epoch by epoch, in runs/demo/samples."

# The page to paint on, in a browser: with the models in the box, facades first, or while there is none, what make demo trains.
BOX = $(patsubst gluon_pix2pix/zoo/%/card.json,%,$(wildcard gluon_pix2pix/zoo/*/card.json))
MODEL ?= $(or $(strip $(filter facades,$(BOX)) $(filter-out facades,$(BOX))),runs/demo)
studio: $(VENV)/studio
	@test "$(MODEL)" != runs/demo -o -e runs/demo/options.json || $(MAKE) --no-print-directory demo
	$(BIN)/python -m gluon_pix2pix serve --model $(MODEL) --gpu -1 --open

# ONNX Runtime for browsers, for the tests of `web`: the version that serving/web_runtime.py names.
web-runtime: $(VENV)/onnxruntime-web

$(VENV)/onnxruntime-web: $(VENV)/dev
	$(BIN)/python -c 'import os, sys; from pathlib import Path; from gluon_pix2pix.serving.web_runtime import read_runtime; \
		files, folder = read_runtime(), Path(sys.argv[1]); folder.mkdir(exist_ok=True); [(folder / n).write_bytes(d) for n, d in files.items()]; os.utime(folder)' $@

install: $(VENV)/all
	@test "$(SOURCE)" != "--editable ." || echo "Installed. Next: . $(VENV)/bin/activate"

doctor: $(VENV)/$(EXTRA)
	@$(BIN)/python -m gluon_pix2pix doctor

ifdef DEVICE
test: $(VENV)/dev
	MXNET_ENFORCE_DETERMINISM=1 MXNET_CUDNN_AUTOTUNE_DEFAULT=0 NVIDIA_TF32_OVERRIDE=0 \
		$(BIN)/python -m pytest -q -rs -m device --device $(DEVICE) $(TESTS)
else
test: $(VENV)/dev
	$(BIN)/python -m pytest -q -rs -n auto --dist loadfile $(if $(filter tests,$(TESTS)),--cov --cov-report=term) $(TESTS)
endif

# The wheel as others install it: into an environment of its own, tried from a folder without the sources.
wheel: $(BIN)/python
	rm -rf dist $(VENV)-wheel
	$(if $(UV),$(UV) build --quiet --wheel --python $(BIN)/python --out-dir dist,$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .)
	$(MAKE) --no-print-directory install VENV=$(VENV)-wheel SOURCE="$$(echo dist/*.whl)"
	cd $(VENV)-wheel && bin/gluon-pix2pix doctor
	@echo "The wheel: pip install '$$(echo $(CURDIR)/dist/*.whl)[$(EXTRA)]'. It was tried in $(VENV)-wheel, which may go."

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# visdom's own server, for the tests of what is sent to one: in an environment of its own, as only old setuptools build it.
visdom: $(VENV)/visdom/bin/visdom

$(VENV)/visdom/bin/visdom: $(BIN)/python
	$(BIN)/python -m venv $(VENV)/visdom
	$(VENV)/visdom/bin/pip install --quiet 'setuptools<81' wheel
	$(VENV)/visdom/bin/pip install --quiet --no-build-isolation visdom==0.2.4

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)$(UV)" || { echo "error: Python 3.9 to 3.13 is needed (MXNet 1.9.1), and here is $$(python3 --version 2>&1). Two ways on:"; \
		echo "  install uv (https://docs.astral.sh/uv) and run this again: it makes the environment by uv venv --python 3.12"; \
		echo "  install the system's package (python3.12-venv, python3.12) and run this again with PYTHON=python3.12"; exit 1; }
	@$(if $(UV),$(UV) venv --quiet --python $(or $(PYTHON),3.12) $(VENV),$(PYTHON) -m venv $(VENV)) \
		|| { rm -rf $(VENV); echo "error: $(or $(PYTHON),uv) makes no virtual environment: install its venv module (Debian: python3-venv)"; exit 1; }
	@$(if $(UV),,$(BIN)/python -m pip install --quiet --upgrade pip) # that of Python 3.9 looks for versions that fit for hours

# From Python 3.13 on, MXNet has a line of its own: pyproject.toml says why.
define install
	@echo "installing into $(VENV): a minute or two"
	@$(INSTALL) $(SOURCE)'[$(1)]'
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))' || exit 0; $(INSTALL) --no-deps $(MXNET)
endef
comma = ,

# An empty file for each extra that is installed, made anew when the requirements change.
$(VENV)/dev: $(BIN)/python pyproject.toml
	$(call install,$(EXTRA)$(comma)dev)
	@touch $@ $(VENV)/$(EXTRA)

$(VENV)/studio $(VENV)/all: $(BIN)/python pyproject.toml
	$(call install,$(EXTRA)$(comma)serve$(comma)onnx)
	@touch $(VENV)/studio $(VENV)/all $(VENV)/$(EXTRA)

$(VENV)/$(EXTRA): $(BIN)/python pyproject.toml
	$(call install,$(EXTRA))
	@touch $@
