# Compiles the Avro schemas into the library: <name>.avsc becomes <name>.inc, a C string literal.
# Included by the Makefile before PGXS, hence the explicit default goal.
.DEFAULT_GOAL := all

EXTRA_CLEAN += $(patsubst %.avsc,%.inc,$(wildcard src/schema/*.avsc))

src/schema/%.inc: src/schema/%.avsc
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@.tmp && mv $@.tmp $@

src/codec/schemas.o src/codec/schemas.bc: $(patsubst %.avsc,%.inc,$(wildcard src/schema/*.avsc))
