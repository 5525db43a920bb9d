/*
 * catalog_table.c: the only writers of proximadb.collections.
 *
 * The table is everybody's to read and nobody's to write, so that no user can lock it, or say things about the tables of
 * others. These two functions check that the caller owns the table in question, and then write as the owner of the
 * catalog. What a row may hold is checked by the trigger of the table, for restores too.
 *
 * Locks are those of the statements, and one on the extension when the first collection comes. No WAL of our own.
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

#include "collection.h"

PG_FUNCTION_INFO_V1(pxd_sql_save_collection);
PG_FUNCTION_INFO_V1(pxd_sql_forget_collection);

/* Owner of proximadb.collections. */
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

/* Runs sql, which has one parameter or none, as the owner of the catalog. An error gives the old user back, with its (sub)transaction's end. */
static void
run_as_owner(const char *sql, int nargs, Oid type, Datum value)
{
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(catalog_owner(), context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args(sql, nargs, &type, &value, NULL, false, 0) < 0)
		elog(ERROR, "could not write proximadb.collections");
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

static bool
tables_are_followed(void)
{
	return OidIsValid(get_event_trigger_oid("proximadb_follow_rename", true));
}

void
pxd_collections_follow_tables(void)
{
	if (tables_are_followed())
		return;
	/* Others who are about to add the first collection wait until it is known whether ours stands. */
	LockDatabaseObject(ExtensionRelationId, get_extension_oid("proximadb", false), 0, ShareUpdateExclusiveLock);
	if (!tables_are_followed())
		run_as_owner("SELECT proximadb.follow_tables()", 0, InvalidOid, (Datum) 0);
}

/*
 * proximadb.save_collection(tbl regclass, fields jsonb): adds the row of a table or replaces it
 */
Datum
pxd_sql_save_collection(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *relname = get_rel_name(relid);

	if (relname == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (!pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), relname);
	run_as_owner(psprintf("INSERT INTO proximadb.collections"
						  " SELECT r.* FROM pg_catalog.jsonb_populate_record(NULL::proximadb.collections,"
						  " $1 OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('tbl', '%u')) r"
						  " ON CONFLICT (tbl) DO UPDATE SET name = excluded.name, table_name = excluded.table_name,"
						  " metric = excluded.metric, id_column = excluded.id_column, vector_column = excluded.vector_column,"
						  " metadata_column = excluded.metadata_column, filterable_columns = excluded.filterable_columns,"
						  " index_options = excluded.index_options, description = excluded.description,"
						  " tags = excluded.tags, updated_at = pg_catalog.now()", relid),
				 1, JSONBOID, PG_GETARG_DATUM(1));
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

	if (relname != NULL && !pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), relname);
	run_as_owner("DELETE FROM proximadb.collections WHERE tbl OPERATOR(pg_catalog.=) $1", 1, OIDOID, ObjectIdGetDatum(relid));
	PG_RETURN_VOID();
}
