/*
 * catalog_table.c: the only writers of proximadb.collections, and how catalog tables are written.
 *
 * The catalogs are everybody's to read and nobody's to write, so that no user can lock them, or say things about the tables of
 * others. The functions that write check that the caller owns the table in question, and then write as the owner of the
 * catalogs. What a row may hold is checked by the triggers of the catalogs, for restores too.
 *
 * Locks are those of the statements, and one on the extension when the first row comes. No WAL of our own.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "catalog.h"

PG_FUNCTION_INFO_V1(pxd_sql_save_collection);
PG_FUNCTION_INFO_V1(pxd_sql_forget_collection);

/* Owner of the catalogs, all of which are the extension's. */
static Oid
catalog_owner(void)
{
	Oid			relid = get_relname_relid("collections", get_namespace_oid("proximadb", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "table proximadb.collections does not exist");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
pxd_catalog_write(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(catalog_owner(), context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0) < 0)
		elog(ERROR, "could not write a catalog of proximadb");
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

void
pxd_catalog_follow_tables(const char *event_trigger, const char *function)
{
	if (OidIsValid(get_event_trigger_oid(event_trigger, true)))
		return;
	/* Others who are about to add the first row wait until it is known whether ours stands. */
	LockDatabaseObject(ExtensionRelationId, get_extension_oid("proximadb", false), 0, ShareUpdateExclusiveLock);
	if (!OidIsValid(get_event_trigger_oid(event_trigger, true)))
		pxd_catalog_write(psprintf("SELECT proximadb.%s()", function), 0, NULL, NULL, NULL);
}

/*
 * proximadb.save_collection(tbl regclass, fields jsonb): adds the row of a table or replaces it
 */
Datum
pxd_sql_save_collection(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *relname = get_rel_name(relid);
	Oid			type = JSONBOID;
	Datum		fields = PG_GETARG_DATUM(1);

	if (relname == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (!pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), relname);
	pxd_catalog_write(psprintf("INSERT INTO proximadb.collections"
						  " SELECT r.* FROM pg_catalog.jsonb_populate_record(NULL::proximadb.collections,"
						  " $1 OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('tbl', '%u')) r"
						  " ON CONFLICT (tbl) DO UPDATE SET name = excluded.name, table_name = excluded.table_name,"
						  " metric = excluded.metric, id_column = excluded.id_column, vector_column = excluded.vector_column,"
						  " metadata_column = excluded.metadata_column, filterable_columns = excluded.filterable_columns,"
						  " index_options = excluded.index_options, description = excluded.description,"
						  " tags = excluded.tags, updated_at = pg_catalog.now()", relid),
					  1, &type, &fields, NULL);
	PG_RETURN_VOID();
}

/*
 * proximadb.forget_collection(tbl oid): removes the row of a table, which is the caller's or no more
 */
Datum
pxd_sql_forget_collection(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *relname = get_rel_name(relid);
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(relid);

	if (relname != NULL && !pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), relname);
	pxd_catalog_write("DELETE FROM proximadb.collections WHERE tbl OPERATOR(pg_catalog.=) $1", 1, &type, &value, NULL);
	PG_RETURN_VOID();
}
