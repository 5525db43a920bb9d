/*
 * type_oids.c: finds the types of this extension in the current database.
 *
 * Owns the backend's cached answers, which any change of pg_type throws away: types come and go with the
 * extension. Reads catalogs under the usual AccessShareLocks, released at once.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "halfvec.h"
#include "vector.h"

typedef struct CachedType
{
	const char *name;
	Oid			oid;
	uint64		generation;		/* of type_generation when oid was found; 0: never */
} CachedType;

static CachedType vector_type = {"vector", InvalidOid, 0};
static CachedType halfvec_type = {"halfvec", InvalidOid, 0};
static uint64 type_generation = 1;	/* counts changes of pg_type seen by this backend */
static bool callback_registered = false;

static void
forget_type(Datum arg, int cacheid, uint32 hashvalue)
{
	type_generation++;
}

/* The type of this name that is a member of our extension, whatever schema that was put into. */
static Oid
find_type(const char *name)
{
	Oid			extension = get_extension_oid("proximadb", true);
	Oid			found = InvalidOid;
	CatCList   *candidates;

	if (!OidIsValid(extension))
		return InvalidOid;

	candidates = SearchSysCacheList1(TYPENAMENSP, CStringGetDatum(name));
	for (int i = 0; i < candidates->n_members && !OidIsValid(found); i++)
	{
		Oid			candidate = ((Form_pg_type) GETSTRUCT(&candidates->members[i]->tuple))->oid;

		if (getExtensionOfObject(TypeRelationId, candidate) == extension)
			found = candidate;
	}
	ReleaseSysCacheList(candidates);
	return found;
}

static Oid
cached_type_oid(CachedType *type)
{
	uint64		generation;

	if (type->generation == type_generation)
		return type->oid;

	Assert(IsTransactionState());
	if (!callback_registered)
	{
		CacheRegisterSyscacheCallback(TYPEOID, forget_type, (Datum) 0);
		callback_registered = true;
	}

	/* a change seen during the search leaves the result unmarked, so that the next call searches again */
	generation = type_generation;
	type->oid = find_type(type->name);
	type->generation = generation;
	return type->oid;
}

Oid
pxd_vector_type_oid(void)
{
	return cached_type_oid(&vector_type);
}

Oid
pxd_halfvec_type_oid(void)
{
	return cached_type_oid(&halfvec_type);
}

uint8
pxd_vector_element_size(Oid typid, int32 typmod)
{
	if (typmod < 1 || typmod > VECTOR_MAX_DIM || typid < FirstNormalObjectId)
		return 0;
	if (typid == pxd_vector_type_oid())
		return sizeof(float4);
	if (typid == pxd_halfvec_type_oid())
		return sizeof(uint16);
	return 0;
}
