# avl: one non-recursive Makefile, no configure. `make help` says what there is.
#
# lib/ is made of parts. A part is a directory, becomes one archive, and may include only parts
# below it (scripts/check-layers proves it). A tool is one file of cmd/ and the parts it names.

.DEFAULT_GOAL := all

PREFIX  ?= /usr/local
DESTDIR ?=
FLAVOUR ?= release
BUILD   ?= build
B       := $(BUILD)/$(FLAVOUR)

-include config.mk

CC         ?= cc
PKG_CONFIG ?= pkg-config
VERSION    := 0.1.0

# The code is C11; FP contraction is off outside kernels so that every build rounds alike.
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c11 -Wall -Wextra -fno-strict-aliasing -ffp-contract=off -fno-math-errno -pthread
CPPFLAGS += -D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE -Ilib -I. \
            -DAVL_VERSION='"$(VERSION)"' -DAVL_SHARE_DIR='"$(PREFIX)/share/avl"'
LDFLAGS  += -pthread
ifdef DEVELOPER
CFLAGS   += -Werror -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wold-style-definition -Wvla -Wundef -Wwrite-strings -Wpointer-arith -Wcast-align
endif

asan_FLAGS := -O1 -g -fsanitize=address -fno-omit-frame-pointer -fno-sanitize-recover=all
ubsan_FLAGS := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
tsan_FLAGS := -O1 -g -fsanitize=thread
CFLAGS   += $($(FLAVOUR)_FLAGS)
LDFLAGS  += $($(FLAVOUR)_FLAGS)

# --- the parts of the library, and what each needs from outside ---------------------------------

PARTS := base io image signal kern ops net media

io_LIBS     := $(shell $(PKG_CONFIG) --libs jansson zlib 2>/dev/null)
image_LIBS  := $(shell $(PKG_CONFIG) --libs libpng zlib 2>/dev/null)
signal_LIBS := -lkissfft-float
kern_LIBS   := -lblis
media_LIBS  := $(shell $(PKG_CONFIG) --libs libavformat libavcodec libswscale libswresample libavutil 2>/dev/null)

image_CPPFLAGS  := $(shell $(PKG_CONFIG) --cflags libpng 2>/dev/null)
signal_CPPFLAGS := -I/usr/include/kissfft


# A SIMD level is one source compiled for that instruction set (lib/kern/kern.h).
kern_level_CFLAGS        := -O3 -ffp-contract=fast
resize_CFLAGS            := -O3 # its loops are written for the vectoriser
level_portable_CFLAGS    := $(kern_level_CFLAGS)
ifneq (,$(filter x86_64%,$(shell $(CC) -dumpmachine)))
level_avx2_CFLAGS        := $(kern_level_CFLAGS) -mavx2 -mfma -mf16c
level_avx512_CFLAGS      := $(kern_level_CFLAGS) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512
endif

# --- the tools, and the parts each is made of ----------------------------------------------------

TOOLS := $(patsubst cmd/%.c,%,$(wildcard cmd/avl-*.c))

avl-extract_PARTS  := media io base
avl-localize_PARTS := net ops kern image signal io base
avl-heatmap_PARTS  := image io base
avl-model_PARTS    := net ops kern image signal io base
avl-check_PARTS    := io base

# --- the tests: one binary a part or tool library, linked like a tool ----------------------------

base_TEST_PARTS   := base
io_TEST_PARTS     := io base
image_TEST_PARTS  := image base
signal_TEST_PARTS := signal io base
kern_TEST_PARTS   := kern base
ops_TEST_PARTS    := ops kern base
net_TEST_PARTS    := net ops kern image signal io base
media_TEST_PARTS  := media io base

# --- rules ----------------------------------------------------------------------------------------

part_objs  = $(patsubst %.c,$(B)/%.o,$(wildcard lib/$1/*.c))
part_libs  = $(foreach p,$1,$($(p)_LIBS))
archives   = $(foreach p,$1,$(B)/lib$(p).a)
TEST_PARTS := $(sort $(foreach p,$(PARTS),$(if $(wildcard tests/$(p)/*.c),$(p))))
TESTS      := $(TEST_PARTS:%=$(B)/tests/test-%)

all: $(TOOLS:%=$(B)/bin/%)

define part_rule
$(B)/lib$1.a: $(call part_objs,$1)
	@rm -f $$@ && ar rcsD $$@ $$^
$(B)/lib/$1/%.o: lib/$1/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$($1_CPPFLAGS) $$(CFLAGS) $$($$(*F)_CFLAGS) -MMD -MP -c -o $$@ $$<
endef
$(foreach p,$(PARTS),$(eval $(call part_rule,$(p))))

define tool_rule
$(B)/bin/$1: $(B)/cmd/$1.o $(B)/cmd/cmd.a $(call archives,$($1_PARTS))
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $(call part_libs,$($1_PARTS)) -lm
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$(t))))

CMD_SHARED := $(filter-out cmd/avl-%,$(wildcard cmd/*.c))
$(B)/cmd/cmd.a: $(CMD_SHARED:%.c=$(B)/%.o)
	@rm -f $@ && ar rcsD $@ $^
$(B)/cmd/%.o: cmd/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

define test_rule
$(B)/tests/test-$1: $(patsubst %.c,$(B)/%.o,$(wildcard tests/$1/*.c)) $(call archives,$($1_TEST_PARTS))
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $(call part_libs,$($1_TEST_PARTS)) -lcriterion -lm
endef
$(foreach p,$(TEST_PARTS),$(eval $(call test_rule,$(p))))
$(B)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

tests: $(TESTS)

clean:
	rm -rf $(BUILD)

.PHONY: all tests clean
.SECONDARY:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
