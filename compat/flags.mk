# What proximadb's library and those under compat/ are compiled with.

PG_CONFIG ?= pg_config
# The last line: what PostgreSQL's own headers trip over (PG_TRY with gcc; printf attributes found by gcc, with clang).
PG_CFLAGS  = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare -fno-math-errno \
             -Wno-clobbered -Wno-ignored-attributes -Wno-unknown-warning-option
override with_llvm = no
