/*
 * require.c: CREATE EXTENSION vector installs proximadb, too.
 *
 * That is CASCADE's business, which applications and dumps made for pgvector do not write. Extension scripts may not create extensions, since
 * what is created belongs to the extension whose script runs. So the first step's script (vector--start.sql) calls the function here, which
 * lays down that state, creates proximadb as if by a command of its own, and takes the state up again. The second step requires
 * proximadb the ordinary way (vector.control), so that the dependency is recorded by PostgreSQL itself.
 */
#include "postgres.h"

#include "commands/extension.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pxd_sql_vector_require);

/*
 * Creates extension proximadb in the schema named by the argument, unless it exists. On an error whoever runs the script resets its state.
 */
Datum
pxd_sql_vector_require(PG_FUNCTION_ARGS)
{
	CreateExtensionStmt *statement = makeNode(CreateExtensionStmt);
	Oid			vector = CurrentExtensionObject;

	if (!creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this function can only be called by an extension script")));
	if (OidIsValid(get_extension_oid("proximadb", true)))
		PG_RETURN_VOID();

	statement->extname = "proximadb";
	statement->options = list_make1(makeDefElem("schema", (Node *) makeString(text_to_cstring(PG_GETARG_TEXT_PP(0))), -1));
	creating_extension = false;
	CurrentExtensionObject = InvalidOid;
	CreateExtension(make_parsestate(NULL), statement);
	creating_extension = true;
	CurrentExtensionObject = vector;
	PG_RETURN_VOID();
}
