/*
 * vector_oid.c: finds the vector type of this extension in the current database.
 *
 * Owns the backend's cached answer, which any change of pg_type throws away: types come and go with the
 * extension. Reads catalogs under the usual AccessShareLocks, released at once.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "vector.h"

static Oid	cached_oid = InvalidOid;
static uint64 cached_generation = 0;	/* of type_generation when cached_oid was found; 0: never */
static uint64 type_generation = 1;	/* counts changes of pg_type seen by this backend */
static bool callback_registered = false;

static void
forget_type(Datum arg, int cacheid, uint32 hashvalue)
{
	type_generation++;
}

/* The type called vector that is a member of our extension, whatever schema that was put into. */
static Oid
find_type(void)
{
	Oid			extension = get_extension_oid("proximadb", true);
	Oid			found = InvalidOid;
	CatCList   *candidates;

	if (!OidIsValid(extension))
		return InvalidOid;

	candidates = SearchSysCacheList1(TYPENAMENSP, CStringGetDatum("vector"));
	for (int i = 0; i < candidates->n_members && !OidIsValid(found); i++)
	{
		Oid			candidate = ((Form_pg_type) GETSTRUCT(&candidates->members[i]->tuple))->oid;

		if (getExtensionOfObject(TypeRelationId, candidate) == extension)
			found = candidate;
	}
	ReleaseSysCacheList(candidates);
	return found;
}

Oid
pxd_vector_type_oid(void)
{
	uint64		generation;

	if (cached_generation == type_generation)
		return cached_oid;

	Assert(IsTransactionState());
	if (!callback_registered)
	{
		CacheRegisterSyscacheCallback(TYPEOID, forget_type, (Datum) 0);
		callback_registered = true;
	}

	/* a change seen during the search leaves the result unmarked, so that the next call searches again */
	generation = type_generation;
	cached_oid = find_type();
	cached_generation = generation;
	return cached_oid;
}
