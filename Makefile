# What a user types. Each target installs what it needs first; `make help` lists them.

PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
BUILD := build
CLIP := .cache/vtest.avi
MODEL := .cache/models/centernet.onnx
OUT := demo-out

.DEFAULT_GOAL := all
.PHONY: all build setup configure tests demo test check bench install uninstall clean help

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

all: build  ## build the program and the plug-in (the default)

setup:  ## install what is missing: Debian packages, then PyPI packages in .venv
	@tools/setup

# Ninja runs CMake again by itself when a CMake file changes.
configure: setup
	@test -e $(BUILD)/build.ninja || cmake --preset release

build: configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target product

tests: configure
	@cmake --build $(BUILD) --parallel $(JOBS)

demo: build  ## four streams through detect, track and draw; writes demo-out/
	@tools/get_clip $(CLIP)
	@tools/get_model $(MODEL)
	@rm -rf $(OUT) && mkdir -p $(OUT)
	$(BUILD)/bin/sluice run --model $(MODEL) \
	    --source $(CLIP) --source $(CLIP) --source $(CLIP) --source $(CLIP) \
	    --tracker bytetrack --output $(OUT)/annotated.mp4 --tracks $(OUT)/tracks/
	@echo && echo "The demo made:" && find $(OUT) -type f -printf '  %p  %s bytes\n' | sort

test: tests  ## build and run all tests
	@.venv/bin/python tools/run_tests $(BUILD)

check: tests  ## the rules of the house: layers, sizes, format, clang-tidy, headers
	@tools/setup --lint
	@tools/check $(BUILD)

bench: configure  ## build and run the benchmarks
	@cmake --preset release -DSLUICE_BENCH=ON >/dev/null
	@cmake --build $(BUILD) --parallel $(JOBS)
	@for program in $(BUILD)/bench/*_bench; do echo "== $$program"; $$program || exit 1; done

install: build  ## install below PREFIX (/usr/local), DESTDIR before it
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

uninstall:  ## remove what `make install` put there
	@tools/uninstall $(BUILD)/install_manifest.txt '$(DESTDIR)'

clean:  ## remove all that was built; .venv and .cache stay
	rm -rf $(BUILD) $(OUT)
