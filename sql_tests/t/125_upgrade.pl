# ALTER EXTENSION proximadb UPDATE from every earlier version gives the same catalog as a fresh installation: all objects of the extension, with
# definitions, comments, owners, rights, and what pg_dump takes. Collections that were there before go on.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\nautovacuum = off\n");
$node->start;

# Everything that belongs to the extension, one object a line
my $catalog = <<'END';
SET search_path = pg_catalog;
CREATE TEMP VIEW members AS SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
  FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' WHERE e.extname = 'proximadb';
SELECT name, obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) FROM members ORDER BY 1, 2;
SELECT name, CASE WHEN prokind <> 'a' THEN pg_get_functiondef(p.oid) END, procost, prorows, proparallel, proleakproof, prosupport, proacl, pg_get_userbyid(proowner),
       aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggsortop::regoperator, aggtranstype::regtype, aggtransspace, agginitval
  FROM members JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid ORDER BY 1;
SELECT name, typlen, typbyval, typtype, typcategory, typispreferred, typdelim, typrelid::regclass, typsubscript, typelem::regtype, typinput, typoutput, typreceive, typsend,
       typmodin, typmodout, typanalyze, typalign, typstorage, typnotnull, typdefault, typacl FROM members JOIN pg_type t ON t.oid = objid AND classid = 'pg_type'::regclass ORDER BY 1;
SELECT name, oprkind, oprcanmerge, oprcanhash, oprcom::regoperator, oprnegate::regoperator, oprcode, oprrest, oprjoin FROM members JOIN pg_operator o ON o.oid = objid AND classid = 'pg_operator'::regclass ORDER BY 1;
SELECT name, opcdefault, opckeytype::regtype, opcfamily IS NOT NULL FROM members JOIN pg_opclass o ON o.oid = objid AND classid = 'pg_opclass'::regclass ORDER BY 1;
SELECT name, amopmethod, amoplefttype::regtype, amoprighttype::regtype, amopstrategy, amoppurpose, amopopr::regoperator FROM members JOIN pg_amop o ON o.amopfamily = objid AND classid = 'pg_opfamily'::regclass WHERE amopmethod < 16384 ORDER BY 1, 3, 4, 5;
SELECT name, amoplefttype::regtype, amoprighttype::regtype, amopstrategy, amoppurpose, amopopr::regoperator FROM members JOIN pg_amop o ON o.amopfamily = objid AND classid = 'pg_opfamily'::regclass ORDER BY 1, 2, 3, 4;
SELECT name, amproclefttype::regtype, amprocrighttype::regtype, amprocnum, amproc FROM members JOIN pg_amproc o ON o.amprocfamily = objid AND classid = 'pg_opfamily'::regclass ORDER BY 1, 2, 3, 4;
SELECT name, castcontext, castmethod, castfunc::regprocedure FROM members JOIN pg_cast c ON c.oid = objid AND classid = 'pg_cast'::regclass ORDER BY 1;
SELECT name, amhandler, amtype FROM members JOIN pg_am a ON a.oid = objid AND classid = 'pg_am'::regclass ORDER BY 1;
SELECT name, nspacl, pg_get_userbyid(nspowner) FROM members JOIN pg_namespace a ON a.oid = objid AND classid = 'pg_namespace'::regclass ORDER BY 1;
SELECT name, relkind, relpersistence, relacl, pg_get_userbyid(relowner), reloptions, relrowsecurity, pg_get_viewdef(c.oid) FROM members JOIN pg_class c ON c.oid = objid AND classid = 'pg_class'::regclass ORDER BY 1;
SELECT name, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation, attacl, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)
  FROM members JOIN pg_attribute a ON attrelid = objid AND classid = 'pg_class'::regclass AND attnum > 0 LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum ORDER BY 1, 2;
SELECT name, conname, pg_get_constraintdef(c.oid) FROM members JOIN pg_constraint c ON conrelid = objid AND classid = 'pg_class'::regclass ORDER BY 1, 2;
SELECT name, pg_get_indexdef(indexrelid) FROM members JOIN pg_index ON indrelid = objid AND classid = 'pg_class'::regclass ORDER BY 1, 2;
SELECT name, tgenabled, pg_get_triggerdef(t.oid) FROM members JOIN pg_trigger t ON tgrelid = objid AND classid = 'pg_class'::regclass ORDER BY 1, 3;
SELECT name, evtevent, evtfoid::regproc, evtenabled, evttags, pg_get_userbyid(evtowner) FROM members JOIN pg_event_trigger t ON t.oid = objid AND classid = 'pg_event_trigger'::regclass ORDER BY 1;
SELECT name, i.objsubid, i.privtype, i.initprivs FROM members m JOIN pg_init_privs i ON i.objoid = m.objid AND i.classoid = m.classid ORDER BY 1, 2;
SELECT extversion, extnamespace::regnamespace, extrelocatable, ARRAY(SELECT format('%s: %s', c::regclass, w) FROM unnest(extconfig, extcondition) x(c, w) ORDER BY 1), obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'proximadb';
END

my $collections = <<'END';
SELECT proximadb.create_collection('docs', 2, engine => 'viper', filterable_columns => '["color"]', index_options => '{"target_recall": 0.99}', description => 'things');
SELECT proximadb.create_collection('runs', 2, 'euclidean', engine => 'lsm');
SELECT proximadb.upsert_vectors(c, '[{"id": "a", "vector": [1, 0], "metadata": {"color": "red"}}, {"id": "b", "vector": [0, 1]}]') FROM unnest('{docs,runs}'::text[]) c;
GRANT SELECT ON docs TO PUBLIC;
SELECT proximadb.set_options('runs', level_count => 5);
END

my $answers = <<'END';
SELECT name, tbl, metric, engine, index_strategy, filterable_columns, index_options, description FROM proximadb.list_collections();
SELECT c, id, score, rank, metadata FROM unnest('{docs,runs}'::text[]) c, proximadb.search(c, '[1, 0]');
SELECT object, ok FROM proximadb.health();
SELECT tbl, level_count FROM proximadb.table_options;
END

my $default = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'proximadb'");
my @versions = split /\n/,
  $node->safe_psql('postgres', "SELECT source FROM pg_extension_update_paths('proximadb') WHERE target = '$default' AND path IS NOT NULL AND source IN (SELECT version FROM pg_available_extension_versions WHERE name = 'proximadb') ORDER BY 1");
cmp_ok(scalar(@versions), '>=', 1, "there are versions before $default: @versions");

for my $schema ('public', 'ext')
{
	my $fresh = "fresh_$schema";
	my $make = "CREATE SCHEMA IF NOT EXISTS $schema; CREATE EXTENSION proximadb SCHEMA $schema";

	$node->safe_psql('postgres', "CREATE DATABASE $fresh");
	$node->safe_psql($fresh, $make);
	my $before = $node->safe_psql($fresh, $catalog);
	$node->safe_psql($fresh, $collections);
	my $expected = $node->safe_psql($fresh, $catalog);
	my $expected_answers = $node->safe_psql($fresh, $answers);
	cmp_ok(scalar(my @lines = split /\n/, $expected), '>', 1000, 'a catalog');
	isnt($before, $expected, 'event triggers come with the first collection');

	for my $version (@versions)
	{
		my $name = "from $version, in $schema";
		my $db = "updated_$schema" . ($version =~ tr/./_/r);

		# with collections that the old version made
		$node->safe_psql('postgres', "CREATE DATABASE $db");
		$node->safe_psql($db, "$make VERSION '$version'");
		isnt($node->safe_psql($db, $catalog), $before, "$name: the catalog was another");
		$node->safe_psql($db, $collections);
		like($node->safe_psql($db, 'SELECT ok, detail FROM proximadb.health()'), qr/^f\|version \Q$version\E, \Q$default\E is installed: ALTER EXTENSION proximadb UPDATE$/m, "$name: health() says so");
		$node->safe_psql($db, 'ALTER EXTENSION proximadb UPDATE');
		is($node->safe_psql($db, $catalog), $expected, "$name: same catalog");
		is($node->safe_psql($db, $answers), $expected_answers, "$name: same answers");

		# and they go on
		is($node->safe_psql($db, <<'END'), "1\nb\nflat\nflat\n1", "$name: goes on");
SELECT proximadb.upsert_vectors('docs', '[{"id": "c", "vector": [1, 1]}]');
SELECT id FROM proximadb.search('docs', '[0, 1]', 1);
CALL proximadb.axis_migrate('docs', 'flat');
ALTER TABLE docs RENAME TO papers;
SELECT index_strategy FROM proximadb.get_collection('papers');
SELECT index_options ->> 'strategy' FROM proximadb.get_collection('papers');
DROP TABLE runs;
SELECT count(*) FROM proximadb.collections;
END

		# without any
		$node->safe_psql('postgres', "CREATE DATABASE ${db}_empty");
		$node->safe_psql("${db}_empty", "$make VERSION '$version'; ALTER EXTENSION proximadb UPDATE");
		is($node->safe_psql("${db}_empty", $catalog), $before, "$name, without collections: same catalog");

		# a dump of the updated database is like one of a fresh one
		my $file = $node->basedir . "/$db.sql";
		$node->command_ok([ 'pg_dump', '-f', $file, '-d', $node->connstr($db) ], "$name: pg_dump");
		$node->safe_psql('postgres', "CREATE DATABASE ${db}_restored");
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("${db}_restored"), '-f', $file ], "$name: restored");
		is($node->safe_psql("${db}_restored", $answers =~ s/docs,runs/papers/r), $node->safe_psql($db, $answers =~ s/docs,runs/papers/r), "$name: restored with the same answers");

		$node->safe_psql($db, 'DROP EXTENSION proximadb CASCADE; CREATE EXTENSION proximadb');
		pass("$name: dropped and made again");
	}
}

$node->stop;
done_testing();
