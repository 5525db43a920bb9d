#!/usr/bin/env python3
"""Compares the types of proximadb with pgvector's: answers, SQLSTATEs, bytes. Called by scripts/compare-types.

usage: compare_types.py PSQL WORK DATABASE_PROXIMADB DATABASE_PGVECTOR   (connection settings from the environment)

Every statement runs in both databases. Same means: the same text or the same SQLSTATE; numbers with a fraction may
differ in their last digits, because the two add in different orders. Prints what differs and a count; the exit status
is 1 if anything does that is not listed below as intended.
"""
import itertools
import os
import random
import re
import struct
import subprocess
import sys

psql, work, ours, theirs = sys.argv[1:5]
rng = random.Random(6)
statements = []
TYPES = ('vector', 'halfvec', 'sparsevec')

# Differences that are meant: why, and patterns of the statement, our answer and theirs.
INTENDED = [
    ('of two mistakes in a literal another one is reported', r"'\[nan,x\]'", 'ERROR', 'ERROR'),
    ('of two faults of a binary value another one is reported', 'FORMAT binary', 'ERROR:  (08P01|22000)', 'ERROR:  (08P01|22000)'),
    ('sums that cancel out or overflow depend on the order of additions', '3e38|65504', '', ''),
    ('an array that is no state of an aggregate is not an internal error', '_(accum|combine|avg)[(]', 'ERROR:  22023', 'ERROR:  XX000'),
    ('the count in a state may not be infinite', '_(accum|combine)[(]\'{Infinity', 'ERROR:  22003', ''),
]


def add(sql):
    statements.append(sql)


def quote(text):
    return "'" + text.replace("'", "''") + "'"


# --- literals ---

numbers = ['0', '-0', '1', '-1', '1.5', '.5', '5.', '+3', '1e3', '1E-3', '0x10', '0x1p-2', '3.4028235e38', '3.4e38', '3.5e38',
           '1e39', '-1e39', '1e-38', '1e-45', '1e-46', '1e-60', '1e-400', '1e400', 'nan', 'NaN', 'inf', '-inf', 'Infinity', '65504', '65519',
           '65519.99', '65520', '-65520', '65536', '1e5', '6.1e-5', '6.0975552e-5', '5.96e-8', '2.98e-8', '2.9802322e-8',
           '2.9802326e-8', '1e-8', '1.0009765625', '1.00048828125', '1.000488281251', '0.1', '3.14159265358979', '16777217', '',
           ' ', 'x', '1a', '--1', '1e', '1e+', '.', '1 2', 'null', "1'", '\\', '1;']
for number, kind in itertools.product(numbers, TYPES):
    dense = '[%s]' % number if kind != 'sparsevec' else '{1:%s}/3' % number
    add('SELECT %s::%s' % (quote(dense), kind))
    wide = '[0.25,%s,2]' % number if kind != 'sparsevec' else '{1:0.25,2:%s,3:2}/3' % number
    add('SELECT %s::%s' % (quote(wide), kind))

shapes = ['', ' ', '[', ']', '[]', '[ ]', '[1', '[1,', '[1,]', '[,1]', '[1,,2]', '[1 2]', '[1;2]', '[1,2]x', '[1,2] ', ' [1,2]', '\t[1,\n2]\r',
          '{1,2}', '1,2', '[[1]]', '[1,2],[3]', '[1 ,2 , 3]', '(1,2)', '[nan,x]', '\x0b[1]\x0c', '\u00a0[1]',
          '{}', '{}/', '{}/0', '{}/1', '{}/-1', '{}/3', ' { } / 3 ', '{1:1}/1', '{1:1}/0', '{1:1,2:2}/1', '{2:2,1:1}/2', '{1:1,1:2}/2',
          '{0:1}/2', '{-1:1}/2', '{3:1}/2', '{1:0}/2', '{9:0}/2', '{0:0}/2', '{1:0,1:0}/3', '{1:1}', '{1:1}/', '{1:1}/x', '{1:1}/2x',
          '{1:1}/2 x', '{1:1}/2.5', '{1:1}/1e3', '{1}/2', '{1:}/2', '{:1}/2', '{1:1,}/2', '{,1:1}/2', '{1:1 2:2}/2', '{1 : 1 , 2 : 2 } / 2',
          '{1:1/2', '1:1}/2', '{a:1}/2', '{1.5:1}/2', '{1:1}/1000000000', '{1:1}/1000000001', '{1:1}/2147483647',
          '{1:1}/2147483648', '{1:1}/99999999999999999999', '{2147483647:1}/5', '{2147483648:1}/5', '{99999999999999999999:1}/5',
          '{-2147483648:1}/5', '{-99999999999999999999:1}/5', '{1000000000:1}/1000000000', '{+1:1}/2', '{01:1}/2', '{1:1}/+2',
          '{0x1:1}/2', '{1:1e-46}/2', '{1:1e-40}/2', '{1:-0}/2', '{1:1,2:nan}/2', '{ }/5', '{1:2}/ 3', '{1:2} /3', '{1:2}//3', '{1:1}/1/1']
for shape, kind in itertools.product(shapes, TYPES):
    add('SELECT %s::%s' % (quote(shape), kind))
    add('SELECT %s::%s(2)' % (quote(shape), kind))

for kind in TYPES:
    for modifier in ('0', '-1', '1', '3', '16000', '16001', '1000000000', '1000000001', '1,2', "'a'", '2147483648', '', '1.5'):
        add('SELECT NULL::%s(%s)' % (kind, modifier))
for count, kind in itertools.product((15999, 16000, 16001, 40000), ('vector', 'halfvec')):
    add("SELECT vector_dims(('[' || repeat('1,', %d) || '1]')::%s)" % (count - 1, kind))
    add("SELECT md5(array_fill(1, ARRAY[%d])::%s::text)" % (count, kind))
for count in (1, 15999, 16000, 16001):
    add("SELECT md5(('{' || (SELECT string_agg(i || ':1', ',') FROM generate_series(1, %d) i) || '}/100000')::sparsevec::text)" % count)
    add("SELECT md5(array_fill(1, ARRAY[%d])::sparsevec::text)" % count)
    add("SELECT md5(array_fill(0, ARRAY[%d])::sparsevec::text)" % (count + 20000))
    add("SELECT vector_dims(('{1:1}/%d')::sparsevec::vector)" % count)
    add("SELECT vector_dims(('{1:1}/%d')::sparsevec::halfvec)" % count)
add("SELECT '{1:1}/1000000000'::sparsevec::vector")
add("SELECT '{1:1}/1000000000'::sparsevec::halfvec")
add("SELECT '{1:1e39}/3'::sparsevec::halfvec")
add("SELECT '{1:65520}/3'::sparsevec::halfvec")
add("SELECT '{1:1e-8}/3'::sparsevec::halfvec")
add("SELECT '[1e-8,0,1]'::vector::halfvec::sparsevec")

# --- values for functions ---


def random_number(kind):
    shape = rng.randrange(8)
    if shape == 0:
        return '0'
    if shape == 1:
        return str(rng.randrange(-5, 6))
    if shape == 2:
        return '%g' % (rng.uniform(-1, 1) * (1e-5 if kind == 'halfvec' else 1e-30))
    if shape == 3:
        return '%g' % (rng.uniform(-1, 1) * (200 if kind == 'halfvec' else 1e15))
    return '%.8g' % rng.uniform(-2, 2)


def random_value(kind, dim):
    if kind != 'sparsevec':
        return '[' + ','.join(random_number(kind) for _ in range(dim)) + ']'
    count = rng.randrange(0, dim + 1)
    places = rng.sample(range(1, dim + 1), count)
    return '{' + ','.join('%d:%s' % (place, random_number(kind)) for place in places) + '}/%d' % dim


special = {
    'vector': ['[0,0,0]', '[3e38,3e38,3e38]', '[-3e38,3e38,1]', '[1e-30,1e-30,1e-30]', '[1,2,3]', '[-0,0,0]', '[1e-45,0,0]', '[1,2]', '[1]'],
    'halfvec': ['[0,0,0]', '[65504,65504,65504]', '[-65504,65504,1]', '[6e-8,6e-8,6e-8]', '[1,2,3]', '[-0,0,0]', '[1e-4,0,0]', '[1,2]', '[1]'],
    'sparsevec': ['{}/3', '{1:3e38,2:3e38,3:3e38}/3', '{1:-3e38,2:3e38}/3', '{2:1e-30,3:1e-30}/3', '{1:1,2:2,3:3}/3', '{3:-1}/3',
                  '{1:1e-45}/3', '{1:1,2:2}/2', '{}/2', '{}/1', '{1:-1}/1', '{1:1}/1'],
}
operators = ['<->', '<#>', '<=>', '<+>', '+', '-', '*', '||', '<', '<=', '=', '<>', '>=', '>']
pair_functions = ['l2_distance', 'inner_product', 'cosine_distance', 'l1_distance']
private_pair_functions = ['l2_squared_distance', 'negative_inner_product', 'spherical_distance', 'add', 'sub', 'mul', 'concat', 'lt', 'le', 'eq',
                          'ne', 'ge', 'gt', 'cmp']
for kind in TYPES:
    pairs = list(itertools.product(special[kind], repeat=2))
    for dim in (1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 64, 100, 257, 1000):
        for _ in range(4):
            pairs.append((random_value(kind, dim), random_value(kind, dim)))
    for a, b in pairs:
        a, b = quote(a) + '::' + kind, quote(b) + '::' + kind
        for operator in operators:
            add('SELECT %s %s %s' % (a, operator, b))
        for function in pair_functions:
            add('SELECT %s(%s, %s)' % (function, a, b))
        for function in private_pair_functions:
            add('SELECT %s_%s(%s, %s)' % (kind, function, a, b))
    singles = special[kind] + [random_value(kind, dim) for dim in (1, 5, 8, 13, 64, 300) for _ in range(3)]
    for value in singles:
        value = quote(value) + '::' + kind
        for function in ('l2_norm', 'vector_norm', 'l2_normalize', 'vector_dims', 'binary_quantize', kind + '_send', 'l2_normalize'):
            add('SELECT %s(%s)' % (function, value))
        for start, count in ((1, 1), (1, 3), (2, 2), (0, 2), (-1, 3), (-1, 2), (3, 5), (4, 1), (1, 0), (1, -1), (2147483647, 2147483647),
                             (-2147483648, 2147483647), (-2147483648, -2147483648), (1, 2147483647)):
            add('SELECT subvector(%s, %d, %d)' % (value, start, count))
        for target in TYPES + ('real[]', 'double precision[]', 'text', 'vector(3)', 'halfvec(3)', 'sparsevec(3)', 'varchar', 'bytea', 'integer[]'):
            add('SELECT %s::%s' % (value, target))
        for target in TYPES:
            add('SELECT %s_send(%s::%s)' % (target, value, target))
        add('SELECT pg_column_size(%s)' % value)

arrays = ['{1,2,3}', '{}', '{NULL,1}', '{{1,2},{3,4}}', '{1e10}', '{1e39}', '{NaN}', '{Infinity}', '{65504,65520}', '{1e-46}', '{0,0,0}', '{0,5,0}', '{1e-50,1}',
          '{-0.0}', '{2147483647}', '{0.1,0.2}', '{99999999999999999999}', '[2:3]={5,6}']
for array, element, kind in itertools.product(arrays, ('integer', 'real', 'double precision', 'numeric', 'bigint', 'text'), TYPES):
    add('SELECT %s::%s[]::%s' % (quote(array), element, kind))
    add('SELECT %s::%s[]::%s(3)' % (quote(array), element, kind))

# --- aggregates, sorting, assignments ---

for kind in TYPES:
    values = special[kind] + [random_value(kind, 3) for _ in range(20)]
    add('CREATE TABLE t_%s (id int, v %s)' % (kind, kind))
    for i, value in enumerate(values):
        add('INSERT INTO t_%s VALUES (%d, %s)' % (kind, i, quote(value)))
    three = 'vector_dims(v) = 3' if kind != 'sparsevec' else "v::text LIKE '%/3'"
    small = 'id > 8 AND ' + three
    for function in ('avg', 'sum', 'min', 'max', 'count', 'array_agg'):
        add('SELECT %s(v) FROM t_%s WHERE %s' % (function, kind, small))
        add('SELECT %s(v) FROM t_%s WHERE false' % (function, kind))
        add('SELECT %s(v) FROM t_%s' % (function, kind))
    add('SELECT id FROM t_%s ORDER BY v, id' % kind)
    add('SELECT DISTINCT v FROM t_%s ORDER BY v' % kind)
    add('SELECT count(*) FROM t_%s a JOIN t_%s b ON a.v = b.v' % (kind, kind))
    add('CREATE INDEX ON t_%s (v)' % kind)
    add('CREATE UNIQUE INDEX ON t_%s (v)' % kind)
    add('CREATE TABLE s_%s (v %s(3))' % (kind, kind))
    for source in TYPES:
        add('INSERT INTO s_%s SELECT v FROM t_%s WHERE id = 4' % (kind, source))
        add('INSERT INTO s_%s SELECT v FROM t_%s WHERE id = 7' % (kind, source))
    for element in ('integer', 'real', 'double precision', 'numeric', 'text'):
        add("INSERT INTO s_%s SELECT '{1,2,3}'::%s[]" % (kind, element))
        add("INSERT INTO s_%s SELECT '{1,2}'::%s[]" % (kind, element))
    add('SELECT v FROM s_%s' % kind)
    add("SELECT '{}'::%s[], ARRAY[v, v] FROM s_%s LIMIT 1" % (kind, kind))
    for state in ('{0}', '{}', '{1}', '{1,2}', '{NULL}', '{{1,2}}', '{2,1,2,3}', '{1,1e308,1e308}', '{1,1e300,1e300,1e300}', '{0,1,1,1}', '{Infinity,1,2,3}', '{1,NaN,1,1}'):
        add("SELECT %s_accum('%s'::double precision[], %s)" % (kind, state, quote(special[kind][4])))
        add("SELECT %s_combine('%s'::double precision[], '{2,1,2,3}')" % (kind, state))
        add("SELECT %s_avg('%s'::double precision[])" % (kind, state))

# --- what planner and dumps see ---

# pgvector estimates <> as if it were =
add("SELECT oprname, oprcode::text, replace(oprrest::text, 'neq', 'eq'), replace(oprjoin::text, 'neq', 'eq'), oprcom <> 0, oprnegate <> 0 FROM pg_operator "
    "WHERE oprleft::regtype::text IN ('vector', 'halfvec', 'sparsevec') OR oprname IN ('<~>', '<%>') ORDER BY oprleft::regtype::text, 1")
add("SELECT castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext, castmethod FROM pg_cast "
    "WHERE castsource::regtype::text ~ 'vec' OR casttarget::regtype::text ~ 'vec' ORDER BY castsource::regtype::text, casttarget::regtype::text")
add("SELECT p.oid::regprocedure, prorettype::regtype, provolatile, proisstrict, proparallel FROM pg_proc p WHERE "
    "(proargtypes::text ~ (SELECT string_agg('\\m' || oid || '\\M', '|') FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec')) "
    "OR proname ~ '^(hamming|jaccard|halfvec|sparsevec|vector|array_to)_') AND proname !~ 'hash|hnsw|ivfflat|axis' AND pronamespace = 'public'::regnamespace ORDER BY p.oid::regprocedure::text")
add("SELECT typname, typlen, typbyval, typcategory, typdelim, typalign, typmodin::text, typmodout::text, typarray <> 0 FROM pg_type "
    "WHERE typname IN ('vector', 'halfvec', 'sparsevec') ORDER BY 1")
add("SELECT opcname, amname, opcintype::regtype, opcdefault FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod "
    "WHERE opcname ~ '^(vector|halfvec|sparsevec)_ops$' AND amname = 'btree' ORDER BY 1")

# --- bit ---

bits = ['', '0', '1', '10', '01', '1010', '11111111', '00000000', '111111111', '1' * 64, '10' * 40, '1' * 1000]
for a, b in itertools.product(bits, repeat=2):
    for operator in ('<~>', '<%>'):
        add("SELECT B'%s' %s B'%s'" % (a, operator, b))
for length in (1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513, 767, 1024, 1025, 4096, 10000):
    a, b = (''.join(rng.choice('01') for _ in range(length)) for _ in range(2))
    for function in ('hamming_distance', 'jaccard_distance'):
        add("SELECT %s(B'%s', B'%s')" % (function, a, b))
        add("SELECT %s(B'%s', B'%s')" % (function, a, a))
add("SELECT hamming_distance('101'::varbit, '100'::varbit)")
add("SELECT hamming_distance(NULL, B'1')")

# --- binary input: valid, cut, mutated ---

files = 0


def add_binary(kind, field, typmod=''):
    global files
    files += 1
    path = '%s/binary/%d' % (work, files)
    with open(path, 'wb') as out:
        out.write(b'PGCOPY\n\xff\r\n\0' + struct.pack('>iihi', 0, 0, 1, len(field)) + field + struct.pack('>h', -1))
    add("CREATE TEMP TABLE b (v %s%s); COPY b FROM '%s' (FORMAT binary); SELECT v FROM b; DROP TABLE b" % (kind, typmod, path))


def random_binary(kind):
    dim = rng.choice((1, 2, 3, 10, 40))
    if kind == 'vector':
        return struct.pack('>HH', dim, 0) + b''.join(struct.pack('>f', rng.uniform(-2, 2)) for _ in range(dim))
    if kind == 'halfvec':
        return struct.pack('>HH', dim, 0) + b''.join(struct.pack('>e', rng.uniform(-2, 2)) for _ in range(dim))
    count = rng.randrange(0, dim + 1)
    places = sorted(rng.sample(range(dim), count))
    return struct.pack('>iii', dim, count, 0) + b''.join(struct.pack('>i', i) for i in places) + b''.join(
        struct.pack('>f', rng.uniform(0.1, 2)) for _ in range(count))


os.makedirs(work + '/binary', exist_ok=True)
os.chmod(work + '/binary', 0o755)
for kind in TYPES:
    for _ in range(30):
        add_binary(kind, random_binary(kind))
        add_binary(kind, random_binary(kind), '(3)')
    for _ in range(250):
        field = bytearray(random_binary(kind))
        how = rng.randrange(4)
        if how == 0:
            field = field[:rng.randrange(len(field) + 1)]
        elif how == 1:
            field += bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        else:
            for _ in range(how - 1):
                place = rng.randrange(min(len(field), rng.choice((4, 12, 1000))))
                field[place] = rng.choice((0, 1, 0x7f, 0x80, 0xff, 0x7c, rng.randrange(256)))
        add_binary(kind, bytes(field))
for field in (b'', struct.pack('>HH', 0, 0), struct.pack('>HH', 16001, 0), struct.pack('>HH', 65535, 0), struct.pack('>HH', 32768, 0),
              struct.pack('>HHf', 1, 1, 1), struct.pack('>HHf', 1, 0, float('nan')), struct.pack('>HHf', 1, 0, float('inf')),
              struct.pack('>HHH', 1, 0, 0x7c00), struct.pack('>HHH', 1, 0, 0xfe00), struct.pack('>HHH', 1, 0, 0x8000)):
    add_binary('vector', field)
    add_binary('halfvec', field)
for dim, count, unused, body in ((0, 0, 0, b''), (-1, 0, 0, b''), (1, -1, 0, b''), (1, 2, 0, b''), (2**31 - 1, 0, 0, b''), (10**9, 0, 0, b''),
                                 (10**9 + 1, 0, 0, b''), (100000, 16001, 0, b''), (100000, 16000, 0, b''), (3, 0, 1, b''), (5, 2**31 - 1, 0, b''),
                                 (3, 1, 0, struct.pack('>if', 3, 1)), (3, 1, 0, struct.pack('>if', -1, 1)), (3, 1, 0, struct.pack('>if', 2, 0)),
                                 (3, 1, 0, struct.pack('>if', 2, -0.0)), (3, 1, 0, struct.pack('>if', 2, float('nan'))),
                                 (3, 1, 0, struct.pack('>if', 2, float('inf'))), (3, 2, 0, struct.pack('>iiff', 1, 0, 1, 1)),
                                 (3, 2, 0, struct.pack('>iiff', 1, 1, 1, 1)), (3, 2, 0, struct.pack('>iiff', 0, 2, 1, 1)),
                                 (3, 1, 0, struct.pack('>if', 2, 1e-45))):
    add_binary('sparsevec', struct.pack('>iii', dim, count, unused) + body)


def run(database):
    script = ['\\set VERBOSITY sqlstate', '\\pset format unaligned', '\\pset tuples_only on', '\\pset null NULL']
    for i, sql in enumerate(statements):
        script += ['\\echo @@%d' % i, sql + ';']
    result = subprocess.run([psql, '-X', '-q', '-d', database], input='\n'.join(script), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            universal_newlines=True, check=False)
    answers = {}
    for part in result.stdout.split('@@')[1:]:
        number, _, answer = part.partition('\n')
        answers[int(number)] = answer.strip()
    return answers


NUMBER = re.compile(r'-?\d+(?:\.\d+)?(?:e[-+]?\d+)?')


def same(a, b):
    if a == b:
        return True
    if NUMBER.sub('#', a) != NUMBER.sub('#', b):
        return False
    for x, y in zip(NUMBER.findall(a), NUMBER.findall(b)):
        x, y = float(x), float(y)
        if x != y and not abs(x - y) <= 2e-6 * max(abs(x), abs(y)) + (3e-7 if max(abs(x), abs(y)) < 2.1 else 0):
            return False
    return True


mine, other = run(ours), run(theirs)
differences = intended = exact = 0
for i, sql in enumerate(statements):
    a, b = mine.get(i, 'no answer'), other.get(i, 'no answer')
    exact += a == b
    if same(a, b):
        continue
    if any(re.search(statement, sql) and re.search(us, a) and re.search(them, b) for _, statement, us, them in INTENDED):
        intended += 1
        continue
    differences += 1
    if differences <= int(os.environ.get('SHOW', 60)):
        print('%s\n  proximadb: %s\n  pgvector:  %s' % (sql[:300], a[:400], b[:400]))
print('%d statements: %d exactly the same, %d within rounding, %d differ as intended, %d differ'
      % (len(statements), exact, len(statements) - exact - intended - differences, intended, differences))
sys.exit(differences > 0)
