# avl: one non-recursive Makefile, no configure. `make help` says what there is.
#
# lib/ is made of parts. A part is a directory, becomes one archive, and may include only parts
# below it (scripts/check-layers proves it). A tool is one file of cmd/ and the parts it names.
# Objects of different flavours (release, asan, ubsan, tsan, fuzz) lie apart, in build/FLAVOUR.

.DEFAULT_GOAL := all

PREFIX  ?= /usr/local
DESTDIR ?=
FLAVOUR ?= release
BUILD   ?= build
B       := $(BUILD)/$(FLAVOUR)

-include config.mk

CC         ?= cc
PKG_CONFIG ?= pkg-config
PYTHON     ?= python3
VERSION    := 0.1.0

# The code is C11; FP contraction is off outside kernels so that every build rounds alike.
CFLAGS   ?= -O2 -g
cflags   := $(CFLAGS) -std=c11 -fno-strict-aliasing -ffp-contract=off -fno-math-errno -pthread
cppflags := -D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE -Ilib -I. -DAVL_VERSION='"$(VERSION)"' $(CPPFLAGS)
ldflags  := $(LDFLAGS) -pthread
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wold-style-definition -Wvla -Wundef -Wwrite-strings -Wpointer-arith -Wcast-align

asan_FLAGS  := -O1 -fsanitize=address -fno-omit-frame-pointer -fno-sanitize-recover=all
ubsan_FLAGS := -O1 -fsanitize=undefined -fno-sanitize-recover=all
tsan_FLAGS  := -O1 -fsanitize=thread
fuzz_FLAGS  := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
cflags      += $($(FLAVOUR)_FLAGS)
ldflags     += $($(FLAVOUR)_FLAGS)

# --- the parts of the library, and what each needs from outside ---------------------------------

PARTS := base io image kern signal ops net train media eval

io_LIBS     := $(shell $(PKG_CONFIG) --libs jansson zlib libdeflate 2>/dev/null)
image_LIBS  := $(shell $(PKG_CONFIG) --libs libpng libdeflate 2>/dev/null)
signal_LIBS := -lkissfft-float
kern_LIBS   := -lblis
media_LIBS  := $(shell $(PKG_CONFIG) --libs libavformat libavcodec libswscale libswresample libavutil 2>/dev/null)

io_CPPFLAGS     := -DAVL_SHARE_DIR='"$(PREFIX)/share/avl"' # where an installed model lies
image_CPPFLAGS  := $(shell $(PKG_CONFIG) --cflags libpng 2>/dev/null)
signal_CPPFLAGS := -I/usr/include/kissfft

# Loops over pixels are written for the vectoriser.
tensor_CFLAGS  := -O3
resize_CFLAGS  := -O3
guided_CFLAGS  := -O3
overlay_CFLAGS := -O3
png_filter_CFLAGS := -O3

# Loops over samples, the same.
mono_CFLAGS  := -O3
sound_CFLAGS := -O3

# Loops over features and weights, the same; no sum of floats is reordered.
attend_CFLAGS := -O3
optim_CFLAGS  := -O3
sample_CFLAGS := -O3

# A SIMD level is one source compiled for that instruction set (lib/kern/kern.h).
kern_level_CFLAGS        := -O3 -ffp-contract=fast
level_portable_CFLAGS    := $(kern_level_CFLAGS)
ifneq (,$(filter x86_64%,$(shell $(CC) -dumpmachine 2>/dev/null)))
level_avx2_CFLAGS        := $(kern_level_CFLAGS) -mavx2 -mfma -mf16c
level_avx512_CFLAGS      := $(kern_level_CFLAGS) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512
level_avx512bf16_CFLAGS  := $(level_avx512_CFLAGS) -mavx512bf16
endif

# --- the tools, and the parts each is made of ----------------------------------------------------

TOOLS := $(patsubst cmd/%.c,%,$(wildcard cmd/avl-*.c))

avl-extract_PARTS  := media io base
avl-localize_PARTS := eval net ops image signal kern io base
avl-heatmap_PARTS  := image io base
avl-embed_PARTS    := net ops image signal kern io base
avl-train_PARTS    := train net ops image signal kern io base
avl-model_PARTS    := net ops image signal kern io base
avl-check_PARTS    := io base
avl-truth_PARTS    := eval image io base
avl-eval_PARTS     := eval image io base

# --- the tests: one binary a part, linked like a tool --------------------------------------------

base_TEST_PARTS   := base
io_TEST_PARTS     := io base
image_TEST_PARTS  := image base
signal_TEST_PARTS := signal kern io base
kern_TEST_PARTS   := kern base
ops_TEST_PARTS    := ops kern base
net_TEST_PARTS    := net ops image signal kern io base
train_TEST_PARTS  := train net ops image signal kern io base
media_TEST_PARTS  := media io base
eval_TEST_PARTS   := eval image io base
cmd_TEST_PARTS    := io base
canary_TEST_PARTS := base

# Criterion does not run under ThreadSanitizer; FFmpeg's threads are not ours to judge.
TEST_LIBS := -lcriterion
ifeq ($(FLAVOUR),tsan)
TEST_LIBS        :=
TEST_MAIN        := $(B)/tests/tsan/main.o
tests_CPPFLAGS   := -Itests/tsan
media_TEST_PARTS :=
endif

FUZZ_PARTS  := eval image io base
BENCH_PARTS := train net ops image signal kern io base

# --- compiling ------------------------------------------------------------------------------------

part_objs  = $(patsubst %.c,$(B)/%.o,$(wildcard lib/$1/*.c))
part_libs  = $(foreach p,$1,$($(p)_LIBS))
archives   = $(foreach p,$1,$(B)/lib$(p).a)
programs   = $(patsubst tests/$1/%.c,%,$(wildcard tests/$1/$1_*.c))
TEST_PARTS := $(sort $(foreach p,$(PARTS) cmd canary,\
                $(if $($(p)_TEST_PARTS),$(if $(wildcard tests/$(p)/*.c),$(p)))))
TESTS      := $(TEST_PARTS:%=$(B)/tests/test-%)
REPLAYS    := $(patsubst %,$(B)/tests/replay-%,$(call programs,fuzz))
FUZZERS    := $(patsubst %,$(B)/tests/%,$(call programs,fuzz))
HELPERS    := $(patsubst tests/tools/%.c,%,$(wildcard tests/tools/*.c))
BENCHES    := $(patsubst %,$(B)/tests/%,$(call programs,bench))

all: $(TOOLS:%=$(B)/bin/%) ## build the tools into build/release/bin (the default)
ifeq (,$(io_LIBS))
	@echo "note: libraries are missing; 'make deps' installs them" >&2
endif

# V=1 shows the commands themselves.
Q   := $(if $(V),,@)
say  = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '  $1  $(@:$(BUILD)/%=%)')

# Flags that change compile everything again; those of warnings do not count.
compile = $(CC) $(cppflags) $($1_CPPFLAGS) $(cflags) $(WARNINGS) $(if $(DEVELOPER),-Werror)
quoted  = '$(subst ','\'',$1)'
$(B)/%.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$(CC) $(cppflags) $($*_CPPFLAGS) $(cflags)) >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

define part_rule
$(B)/lib$1.a: $(call part_objs,$1)
	$$(call say,AR)
	@rm -f $$@ && ar rcsD $$@ $$^
$(B)/lib/$1/%.o: lib/$1/%.c $(B)/$1.flags Makefile
	@mkdir -p $$(@D)
	$$(call say,CC)
	$$(Q)$$(call compile,$1) $$($$(*F)_CFLAGS) -MMD -MP -c -o $$@ $$<
endef
$(foreach p,$(PARTS),$(eval $(call part_rule,$(p))))

$(B)/cmd/%.o: cmd/%.c $(B)/cmd.flags Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(call compile,cmd) -MMD -MP -c -o $@ $<
$(B)/tests/%.o: tests/%.c $(B)/tests.flags Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(call compile,tests) -MMD -MP -c -o $@ $<

CMD_SHARED := $(filter-out cmd/avl-%,$(wildcard cmd/*.c))
$(B)/cmd/cmd.a: $(CMD_SHARED:%.c=$(B)/%.o)
	$(call say,AR)
	@rm -f $@ && ar rcsD $@ $^

# --- linking --------------------------------------------------------------------------------------

# $1: the program, $2: its objects, $3: parts, $4: libraries beside those of the parts
define link_rule
$(B)/$1: $2 $(call archives,$3)
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$$(CC) $$(ldflags) -o $$@ $$(filter %.o %.a,$$^) $4 $(call part_libs,$3) -lm
endef
test_objs = $(patsubst %.c,$(B)/%.o,$(wildcard tests/$1/*.c)) $(TEST_MAIN) $(if $(filter cmd,$1),$(B)/cmd/cmd.a) \
            $(if $(filter train,$1),$(B)/tests/net/material.o)
tobj      = $(B)/tests/$1.o

$(foreach t,$(TOOLS),\
  $(eval $(call link_rule,bin/$(t),$(B)/cmd/$(t).o $(B)/cmd/cmd.a,$($(t)_PARTS))))
$(foreach p,$(TEST_PARTS),\
  $(eval $(call link_rule,tests/test-$(p),$(call test_objs,$(p)),$($(p)_TEST_PARTS),$(TEST_LIBS))))
$(foreach f,$(call programs,fuzz),\
  $(eval $(call link_rule,tests/replay-$(f),$(call tobj,fuzz/$(f)) $(call tobj,fuzz/replay),$(FUZZ_PARTS)))\
  $(eval $(call link_rule,tests/$(f),$(call tobj,fuzz/$(f)),$(FUZZ_PARTS),-fsanitize=fuzzer)))
$(foreach h,$(HELPERS),\
  $(eval $(call link_rule,tests/$(h),$(call tobj,tools/$(h)),net ops kern image signal io base)))
$(foreach b,$(call programs,bench),\
  $(eval $(call link_rule,tests/$(b),$(call tobj,bench/$(b)),$(BENCH_PARTS))))

tests: $(TESTS) $(HELPERS:%=$(B)/tests/%) $(REPLAYS)
benches: $(BENCHES)
fuzzers: $(FUZZERS)

# --- what one does with it ------------------------------------------------------------------------

# Run again as another make, because installing packages changes what pkg-config says.
AGAIN = +$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
RUN   = FLAVOUR=$(FLAVOUR) B=$(abspath $(B)) CC="$(CC)" CPPFLAGS=$(call quoted,$(cppflags)) PYTHON="$(PYTHON)" \
        TESTS="$(TESTS)" REPLAYS="$(REPLAYS)"

deps: ## install the Debian packages that are missing
	scripts/deps

demo: ## from nothing to heat maps of a short clip
	scripts/deps build
	$(AGAIN) all
	scripts/demo $(B)/bin

check: deps ## from nothing to every test; ends with N passed, N failed
	$(AGAIN) DEVELOPER=1 all tests
	+$(MAKE) --no-print-directory run-tests

SUITES ?= layers headers unit cli fuzz man examples scripts
run-tests: ## run the tests that are built (SUITES="unit cli", ONLY=name)
	@$(RUN) scripts/run-tests $(SUITES)

# What threads share is all in what the units test; whole commands take too long under TSan.
asan_SUITES  := canary unit cli fuzz
ubsan_SUITES := canary unit cli fuzz
tsan_SUITES  := canary unit
asan ubsan tsan: deps ## the tests under a sanitizer
	$(AGAIN) FLAVOUR=$@ all tests
	+$(MAKE) --no-print-directory FLAVOUR=$@ run-tests SUITES="$($@_SUITES)"

FUZZ_SECONDS ?= 60
fuzz: deps ## fuzz every parser for FUZZ_SECONDS=60 each (needs clang)
	$(AGAIN) FLAVOUR=fuzz CC=clang fuzzers
	FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/run-fuzz $(FUZZERS:$(B)/%=$(BUILD)/fuzz/%)

bench: deps ## measure speed and quality (DATA=folder for what needs media)
	$(AGAIN) all benches
	@$(RUN) BENCHES="$(BENCHES)" scripts/run-benches $(DATA)

bench-peers: deps ## the same beside PyTorch, ONNX Runtime, OpenVINO, ncnn, MNN, FFmpeg and OpenCV
	$(AGAIN) all benches
	@$(RUN) scripts/bench-peers $(abspath $(BUILD))/peers $(DATA)

bench-train: deps ## a step of training beside PyTorch's (skips that without it)
	$(AGAIN) all benches
	$(B)/tests/bench_train
	PYTHON="$(PYTHON)" B=$(abspath $(B)) tests/bench/train-peers || [ $$? -eq 77 ]

parity: deps ## hold imported checkpoints against PyTorch, from files to maps (skips without it)
	$(AGAIN) all
	$(PYTHON) scripts/parity $(B)/bin $(PRESETS)
	$(PYTHON) scripts/parity-steps $(B)/bin

golden: deps ## write what the tests compare with anew; read the difference before committing it
	$(AGAIN) all
	@GOLDEN=update $(RUN) scripts/run-tests cli

install: all ## into DESTDIR and PREFIX=/usr/local
	scripts/install "$(DESTDIR)$(PREFIX)" $(B)/bin

uninstall: ## take it away again
	scripts/install -u "$(DESTDIR)$(PREFIX)" $(B)/bin

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

FORCE:
.PHONY: FORCE all tests benches fuzzers deps demo check run-tests asan ubsan tsan fuzz bench bench-peers bench-train \
        parity golden install uninstall clean help
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
