# proximadb
#
#   make demo, make check      need nothing but this tree, git and make: see README.md
#   make && make install       the usual way (PGXS), then make installcheck on a server that preloads proximadb
#   make install-compat        besides, the extension vector for applications made for pgvector: docs/pgvector.md

# proximadb_pgvector has no library: scripts only.
EXTENSION   = proximadb compat/proximadb_pgvector/proximadb_pgvector
MODULE_big  = proximadb
DATA        = $(wildcard sql/proximadb--*.sql compat/proximadb_pgvector/*--*.sql)
SRCS        = $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
OBJS        = $(SRCS:.c=.o)

include compat/flags.mk
PG_CPPFLAGS = -Isrc/include
SHLIB_LINK  = -lavro -lz -lzstd -lm -Wl,--version-script=src/proximadb.map

# Extensions with libraries beside proximadb's, each with a Makefile of its own. The files of compat/vector have pgvector's names: install-compat installs them.
COMPAT_DIRS = $(patsubst %/Makefile,%,$(wildcard compat/*/Makefile))
COMPAT_SRCS = $(wildcard compat/*/*.c)

# make installcheck: one test a file, each of them independent of the others.
REGRESS        = $(sort $(patsubst sql_tests/sql/%.sql,%,$(wildcard sql_tests/sql/*.sql)))
REGRESS_OPTS   = --inputdir=sql_tests --load-extension=proximadb
ISOLATION      = $(sort $(patsubst sql_tests/specs/%.spec,%,$(wildcard sql_tests/specs/*.spec)))
ISOLATION_OPTS = --inputdir=sql_tests --load-extension=proximadb

.DEFAULT_GOAL := all

# Targets that set up what they need and run make again for the rest: they work before PostgreSQL is installed.
OWN_TARGETS = deps check conformance demo demo-stop bench prove-bare torture compare-types check-clients valgrind fuzz-avro

ifneq ($(filter $(OWN_TARGETS),$(MAKECMDGOALS)),)

.NOTPARALLEL:
.PHONY: $(MAKECMDGOALS)

deps:
	scripts/deps

check:
	scripts/check

conformance:
	scripts/conformance

demo:
	demo/run

demo-stop:
	demo/stop

bench:
	bench/table.sh

prove-bare:
	scripts/prove-bare.sh

# ROUNDS=n crashes, 20 unless given; STANDBY=1 with a standby
torture:
	STANDBY=$(STANDBY) SEED=$(SEED) scripts/torture $(or $(ROUNDS),20)

# clients made for pgvector
check-clients:
	scripts/check-clients

# TESTS="name ...": these SQL tests; PG_SOURCE=dir: PostgreSQL's source
valgrind:
	scripts/valgrind $(TESTS)

# SECONDS_MAX=n, 60 unless given
fuzz-avro:
	scripts/fuzz-avro $(SECONDS_MAX)

# PGVECTOR=dir: pgvector's source
compare-types:
	scripts/compare-types $(PGVECTOR)

$(filter-out $(OWN_TARGETS),$(MAKECMDGOALS)):
	$(MAKE) $@

else

PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifeq ($(PGXS),)
$(error $(PG_CONFIG) or the server's development files are missing: install postgresql-server-dev-15, or run "make deps")
endif

include src/schema/schema.mk
include $(PGXS)

# Every object depends on every header, and on the server's compiler flags: a build takes seconds, a stale one costs hours.
$(OBJS): $(wildcard src/include/*.h src/*/*.h src/*/*/*.h) Makefile $(dir $(PGXS))../Makefile.global
$(shlib): src/proximadb.map
# plain loops over arrays, meant for vector instructions
src/axis/estimate.o: CFLAGS += $(CFLAGS_VECTORIZE)

.PHONY: compat install-compat clean-compat
all: compat
compat:
	set -e; for dir in $(COMPAT_DIRS); do $(MAKE) -C $$dir all; done
install-compat:
	$(MAKE) -C compat/vector install
clean: clean-compat
clean-compat:
	set -e; for dir in $(COMPAT_DIRS); do $(MAKE) -C $$dir clean; done

# The same sources under a second compiler, which the server's development package brings along.
.PHONY: clang-check
clang-check: $(patsubst %.avsc,%.inc,$(wildcard src/schema/*.avsc))
	printf '%s\n' $(SRCS) $(COMPAT_SRCS) | xargs -P 4 -I{} $(or $(CLANG),clang) $(PG_CFLAGS) -O1 -fPIC $(CPPFLAGS) -c {} -o /dev/null

endif
