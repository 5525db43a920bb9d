/*
 * catalog.h: catalogs, and the interchange of records. Nothing here touches pages; everything goes through SQL.
 */
#ifndef PXD_CATALOG_H
#define PXD_CATALOG_H

#include "postgres.h"

#include "avro_file.h"

/* Which columns of a table hold the fields of VectorRecords. */
typedef struct RecordTable
{
	Oid			relid;
	const char *qualified;		/* quoted, with its schema */
	const char *collection_id;	/* what export writes into that field */
	const char *columns[RECORD_FIELDS];	/* not quoted; NULL if there is none */
	const char *types[RECORD_FIELDS];	/* qualified type of each such column */
} RecordTable;

/*
 * The table of the collection called name, or else the table that name names in SQL, in the current context. Columns are
 * found by the names of the fields, but for those that a collection gave other names. Error if there is no such table, or if
 * it has no id or no vector. SPI must be connected.
 */
extern RecordTable *pxd_record_table(const char *name);

/* Qualified name of the SQL type of a field. */
extern const char *pxd_record_type(RecordField field);

/* Name of a field, which is its column's name too. */
extern const char *pxd_record_field_name(RecordField field);

/*
 * Runs sql, with arguments as for SPI_execute_with_args, as the owner of the catalogs. The caller has checked that the user may. An error gives the
 * old user back, with its (sub)transaction's end.
 */
extern void pxd_catalog_write(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls);

/*
 * Makes the event triggers by which rows of a catalog follow their tables, when its first row comes, unless the event trigger of that name is there already: calls
 * proximadb.function() as the owner of the catalogs, who must be a superuser, as core demands of event triggers. Lock: one on the extension until the end of the
 * transaction, if they are not there.
 */
extern void pxd_catalog_follow_tables(const char *event_trigger, const char *function);

#endif
