/*
 * collection.c: finding collections by name, and the backend's cache of them and of their plans.
 *
 * proximadb.collections is read through SQL, with the rights of the caller, once for each collection and backend. An entry is
 * thrown away when the catalog table or the collection's table changes: a trigger on the catalog invalidates that
 * table's relcache entry, so any writer counts, COPY of a restore included. Entries in use are thrown away later; what
 * an error left in use is free again when the transaction ends.
 *
 * Owns the cache. No locks of its own, no WAL.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "collection.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_collections_changed);

/* Plans kept for a collection: one for each k and shape of filter; the least recently used goes first. */
#define MAX_PLANS	32

/* Collections kept in a backend, unless more are in use. */
#define MAX_ENTRIES 64

typedef struct KeptPlan
{
	char	   *key;
	SPIPlanPtr	plan;
	uint64		last_used;
} KeptPlan;

typedef struct CollectionEntry
{
	Collection	collection;
	MemoryContext context;
	bool		valid;
	int			users;			/* of this entry, now */
	uint64		last_used;
	int			nplans;
	KeptPlan	plans[MAX_PLANS];
} CollectionEntry;

static CollectionEntry **entries = NULL;
static int	nentries = 0;
static int	entries_allocated = 0;
static uint64 uses = 0;			/* of anything in the cache, so far */
static Oid	catalog_relid = InvalidOid;
static bool callback_registered = false;

static const char *const metric_names[] = {
	[METRIC_COSINE] = "cosine",
	[METRIC_EUCLIDEAN] = "euclidean",
	[METRIC_DOT_PRODUCT] = "dot_product",
	[METRIC_MANHATTAN] = "manhattan",
	[METRIC_HAMMING] = "hamming"
};

/* Runs while catalogs are read, so it only marks. */
static void
forget_relation(Datum arg, Oid relid)
{
	for (int i = 0; i < nentries; i++)
		if (relid == InvalidOid || relid == catalog_relid || relid == entries[i]->collection.relid)
			entries[i]->valid = false;
}

/* A schema has another name: qualified names of tables, which plans are made of, may be wrong. */
static void
forget_all(Datum arg, int cache_id, uint32 hash)
{
	forget_relation(arg, InvalidOid);
}

static void
free_entry(int i)
{
	CollectionEntry *entry = entries[i];

	entries[i] = entries[--nentries];
	for (int plan = 0; plan < entry->nplans; plan++)
		SPI_freeplan(entry->plans[plan].plan);
	MemoryContextDelete(entry->context);
}

/* Nothing of ours runs any more: whoever still counts as a user ended in an error. */
static void
end_of_transaction(XactEvent event, void *arg)
{
	for (int i = 0; i < nentries; i++)
		entries[i]->users = 0;
}

/* Makes room for another entry: drops invalid ones, else the one used longest ago if there are many. */
static void
make_room(void)
{
	int			oldest = -1;

	for (int i = nentries - 1; i >= 0; i--)
		if (!entries[i]->valid && entries[i]->users == 0)
			free_entry(i);
	if (nentries < MAX_ENTRIES)
		return;
	for (int i = 0; i < nentries; i++)
		if (entries[i]->users == 0 && (oldest < 0 || entries[i]->last_used < entries[oldest]->last_used))
			oldest = i;
	if (oldest >= 0)
		free_entry(oldest);
}

static void
add_entry(CollectionEntry *entry)
{
	if (nentries == entries_allocated)
	{
		int			allocated = Max(MAX_ENTRIES, 2 * entries_allocated);

		entries = entries == NULL ? MemoryContextAlloc(CacheMemoryContext, sizeof(*entries) * allocated) :
			repalloc(entries, sizeof(*entries) * allocated);
		entries_allocated = allocated;
	}
	entries[nentries++] = entry;
}

/* A text column of the row SPI returned; NULL if it is NULL. */
static char *
get_string(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

/* Reads the row into *row, whose strings are in SPI's memory. */
static void
read_row(const char *name, Collection *row)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	char	   *metric;
	bool		isnull;

	if (SPI_execute_with_args("SELECT name, tbl::pg_catalog.oid, metric, id_column, vector_column, metadata_column"
							  " FROM proximadb.collections WHERE name OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read proximadb.collections");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("collection \"%s\" does not exist", name)));
	row->name = get_string(1);
	row->relid = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	metric = get_string(3);
	row->id_column = get_string(4);
	row->vector_column = get_string(5);
	row->metadata_column = get_string(6);
	for (int i = 0; i < lengthof(metric_names); i++)
		if (strcmp(metric, metric_names[i]) == 0)
			row->metric = i;
}

static void pg_attribute_noreturn()
missing_column(const char *name, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table of collection \"%s\" has no column \"%s\" any more", name, column),
			 errhint("Register it anew with proximadb.register_collection().")));
}

/* Whether rel has a column of that name and one of the types (the others InvalidOid): else it means something else there. */
static bool
has_column(Relation rel, const char *name, Oid type, Oid or_type, Oid or_else)
{
	AttrNumber	number = get_attnum(RelationGetRelid(rel), name);
	Oid			found;

	if (number <= InvalidAttrNumber)
		return false;
	found = TupleDescAttr(RelationGetDescr(rel), number - 1)->atttypid;
	return found == type || found == or_type || found == or_else;
}

/* What the system catalogs say: strings in the current context. */
static void
read_table(Collection *row)
{
	Relation	rel = try_relation_open(row->relid, AccessShareLock);
	AttrNumber	vector;
	Form_pg_attribute id;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table of collection \"%s\" does not exist", row->name)));
	row->qualified = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												RelationGetRelationName(rel));
	vector = get_attnum(row->relid, row->vector_column);
	if (vector == InvalidAttrNumber)
		missing_column(row->name, row->vector_column);
	if (get_attnum(row->relid, row->id_column) == InvalidAttrNumber)
		missing_column(row->name, row->id_column);
	if (row->metadata_column != NULL && get_attnum(row->relid, row->metadata_column) == InvalidAttrNumber)
		missing_column(row->name, row->metadata_column);
	row->dimension = Max(TupleDescAttr(RelationGetDescr(rel), vector - 1)->atttypmod, 0);
	id = TupleDescAttr(RelationGetDescr(rel), get_attnum(row->relid, row->id_column) - 1);
	row->id_type = format_type_extended(id->atttypid, id->atttypmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
	row->has_created_at = has_column(rel, "created_at", TIMESTAMPTZOID, InvalidOid, InvalidOid);
	row->has_updated_at = has_column(rel, "updated_at", TIMESTAMPTZOID, InvalidOid, InvalidOid);
	row->has_expires_at = has_column(rel, "expires_at", TIMESTAMPTZOID, InvalidOid, InvalidOid);
	row->has_version = has_column(rel, "version", INT8OID, INT4OID, INT2OID);
	relation_close(rel, AccessShareLock);
}

static CollectionEntry *
load_entry(const char *name)
{
	Collection	row = {0};
	MemoryContext context;
	MemoryContext caller;
	CollectionEntry *entry;

	read_row(name, &row);
	read_table(&row);
	make_room();
	context = AllocSetContextCreate(CacheMemoryContext, "proximadb collection", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	entry = palloc0(sizeof(CollectionEntry));
	entry->context = context;
	entry->collection = row;
	entry->collection.name = pstrdup(row.name);
	entry->collection.qualified = pstrdup(row.qualified);
	entry->collection.id_column = pstrdup(row.id_column);
	entry->collection.vector_column = pstrdup(row.vector_column);
	if (row.metadata_column != NULL)
		entry->collection.metadata_column = pstrdup(row.metadata_column);
	entry->collection.id_type = pstrdup(row.id_type);
	entry->collection.entry = entry;
	entry->valid = true;
	MemoryContextSwitchTo(caller);
	add_entry(entry);
	return entry;
}

const Collection *
pxd_collection_get(const char *name)
{
	CollectionEntry *entry = NULL;

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_all, (Datum) 0);
		RegisterXactCallback(end_of_transaction, NULL);
		callback_registered = true;
	}
	/* messages about changes that others committed come with the locks we take; ask for those that came without */
	AcceptInvalidationMessages();
	for (int i = 0; i < nentries && entry == NULL; i++)
		if (entries[i]->valid && strcmp(entries[i]->collection.name, name) == 0)
			entry = entries[i];
	if (entry == NULL)
	{
		catalog_relid = get_relname_relid("collections", get_namespace_oid("proximadb", false));
		entry = load_entry(name);
	}
	entry->users++;
	entry->last_used = ++uses;
	return &entry->collection;
}

void
pxd_collection_release(const Collection *collection)
{
	Assert(collection->entry->users > 0);
	collection->entry->users--;
}

SPIPlanPtr
pxd_collection_find_plan(const Collection *collection, const char *key)
{
	CollectionEntry *entry = collection->entry;

	for (int i = 0; i < entry->nplans; i++)
	{
		if (strcmp(entry->plans[i].key, key) == 0)
		{
			entry->plans[i].last_used = ++uses;
			return entry->plans[i].plan;
		}
	}
	return NULL;
}

SPIPlanPtr
pxd_collection_save_plan(const Collection *collection, const char *key, const char *sql, int nparams, const Oid *types)
{
	CollectionEntry *entry = collection->entry;
	KeptPlan   *slot = &entry->plans[0];
	SPIPlanPtr	plan = SPI_prepare(sql, nparams, (Oid *) types);
	char	   *copy;

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	/* an outer call may be running any of the plans that are kept */
	if (entry->nplans == MAX_PLANS && entry->users > 1)
		return plan;
	copy = MemoryContextStrdup(entry->context, key);
	SPI_keepplan(plan);
	if (entry->nplans < MAX_PLANS)
		slot = &entry->plans[entry->nplans++];
	else
	{
		for (int i = 1; i < entry->nplans; i++)
			if (entry->plans[i].last_used < slot->last_used)
				slot = &entry->plans[i];
		SPI_freeplan(slot->plan);
		pfree(slot->key);
	}
	*slot = (KeptPlan) {copy, plan, ++uses};
	return plan;
}

char *
pxd_collection_text_arg(FunctionCallInfo fcinfo, int number, const char *what)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s cannot be null", what)));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/*
 * Trigger of proximadb.collections, after each statement, restores too: everybody forgets what they know of collections, and from the first one on they
 * follow their tables
 */
Datum
pxd_sql_collections_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by a trigger")));
	CacheInvalidateRelcache(trigger->tg_relation);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		pxd_catalog_follow_tables("proximadb_follow_rename", "follow_tables");
	return PointerGetDatum(NULL);
}
