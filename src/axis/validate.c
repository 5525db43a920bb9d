/*
 * validate.c: checks operator classes of axis.
 *
 * There are two kinds: of vectors, with one ordering operator (strategy 1) and support function 1; and of filter columns, with comparison
 * operators under btree's strategy numbers and no support function.
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "axis.h"

/* Reports one fault of an operator family. */
static void
complain(const char *family, const char *fault)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator family \"%s\" of access method axis %s", family, fault)));
}

/* Checks the support functions; tells whether the class is one of vectors. */
static bool
validate_functions(const char *family, CatCList *functions, bool *is_vector)
{
	bool		result = true;

	*is_vector = functions->n_members > 0;
	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_amproc function = (Form_pg_amproc) GETSTRUCT(&functions->members[i]->tuple);

		if (function->amprocnum != AXIS_SUPPORT_PROC ||
			!check_amproc_signature(function->amproc, INTERNALOID, false, 1, 1, INTERNALOID))
		{
			complain(family, psprintf("contains function %s with a wrong signature or support number",
									  format_procedure(function->amproc)));
			result = false;
		}
	}
	return result;
}

static bool
validate_operator(const char *family, Form_pg_amop operator, bool is_vector)
{
	if (is_vector)
	{
		if (operator->amopstrategy == AXIS_STRATEGY_DISTANCE && operator->amoppurpose == AMOP_ORDER &&
			check_amop_signature(operator->amopopr, FLOAT8OID, operator->amoplefttype, operator->amoprighttype))
			return true;
	}
	else if (operator->amopstrategy >= BTLessStrategyNumber && operator->amopstrategy <= BTMaxStrategyNumber &&
			 operator->amoppurpose == AMOP_SEARCH &&
			 check_amop_signature(operator->amopopr, BOOLOID, operator->amoplefttype, operator->amoprighttype))
		return true;
	complain(family, psprintf("contains operator %s that does not fit", format_operator(operator->amopopr)));
	return false;
}

bool
pxd_axis_validate(Oid opclass_oid)
{
	HeapTuple	class_tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass_oid));
	Form_pg_opclass opclass;
	HeapTuple	family_tuple;
	char	   *family;
	CatCList   *functions;
	CatCList   *operators;
	bool		is_vector;
	bool		result;

	if (!HeapTupleIsValid(class_tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass_oid);
	opclass = (Form_pg_opclass) GETSTRUCT(class_tuple);
	family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(opclass->opcfamily));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u", opclass->opcfamily);
	family = pstrdup(NameStr(((Form_pg_opfamily) GETSTRUCT(family_tuple))->opfname));
	functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(opclass->opcfamily));
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(opclass->opcfamily));

	result = validate_functions(family, functions, &is_vector);
	for (int i = 0; i < operators->n_members; i++)
		result &= validate_operator(family, (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple), is_vector);
	if (operators->n_members == 0)
	{
		complain(family, "has no operators");
		result = false;
	}

	ReleaseCatCacheList(operators);
	ReleaseCatCacheList(functions);
	ReleaseSysCache(family_tuple);
	ReleaseSysCache(class_tuple);
	return result;
}
