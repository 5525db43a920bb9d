"""SQLAlchemy: vector types of one's own, indexes declared with the tables, the ORM, upserts, reflection, asyncio with asyncpg."""

import asyncio
import unittest
import warnings

import sqlalchemy
from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, cast, create_engine, delete, event, \
    func, insert, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import Session, declarative_base, relationship
from sqlalchemy.types import UserDefinedType

import suite
from vectors import DIMENSIONS, TYPES, Exact, HalfVector, SparseVector, Vector, as_type, make_rows

ROWS = 1000
QUERIES = make_rows(8, seed=2)
RECALL_FLOOR = 0.9


class VectorType(UserDefinedType):
    """A column type as pgvector's Python package declares it: values go as text, distances are operators."""

    def __init__(self, dimensions=None):
        super().__init__()
        self.dimensions = dimensions

    def get_col_spec(self, **options):
        return self.value.name.upper() + (f'({self.dimensions})' if self.dimensions else '')

    def bind_processor(self, dialect):
        return lambda value: None if value is None else value.to_text()

    def literal_processor(self, dialect):
        return lambda value: "'" + value.to_text() + "'"

    def result_processor(self, dialect, coltype):
        return lambda text: None if text is None else self.value.from_text(text)

    class comparator_factory(UserDefinedType.Comparator):
        def l2_distance(self, other):
            return self.op('<->', return_type=Float)(other)

        def max_inner_product(self, other):
            return self.op('<#>', return_type=Float)(other)

        def cosine_distance(self, other):
            return self.op('<=>', return_type=Float)(other)


class VECTOR(VectorType):
    cache_ok = True
    value = Vector


class HALFVEC(VectorType):
    cache_ok = True
    value = HalfVector


class SPARSEVEC(VectorType):
    cache_ok = True
    value = SparseVector


class BIT(postgresql.BIT):
    class comparator_factory(postgresql.BIT.Comparator):
        def hamming_distance(self, other):
            return self.op('<~>', return_type=Float)(other)


for type_class in (VECTOR, HALFVEC, SPARSEVEC):     # for reflection
    ischema_names[type_class.value.name] = type_class

Base = declarative_base()


class Item(Base):
    __tablename__ = 'items'
    id = Column(BigInteger, primary_key=True)
    category = Column(Integer)
    embedding = Column(VECTOR(DIMENSIONS))
    half = Column(HALFVEC(DIMENSIONS))
    sparse = Column(SPARSEVEC(DIMENSIONS))
    notes = relationship('Note', cascade='all, delete-orphan', passive_deletes=True)
    __table_args__ = (
        Index('items_embedding_hnsw', embedding, postgresql_using='hnsw', postgresql_with={'m': 16, 'ef_construction': 64},
              postgresql_ops={'embedding': 'vector_l2_ops'}),
        Index('items_half_ivfflat', half, postgresql_using='ivfflat', postgresql_with={'lists': 10},
              postgresql_ops={'half': 'halfvec_cosine_ops'}),
    )


class Note(Base):
    __tablename__ = 'notes'
    id = Column(BigInteger, primary_key=True)
    item_id = Column(BigInteger, ForeignKey('items.id', ondelete='CASCADE'))
    text = Column(Text)


Index('items_cast_hnsw', cast(Item.embedding, HALFVEC(DIMENSIONS)).label('as_half'), postgresql_using='hnsw',
      postgresql_with={'m': 16, 'ef_construction': 64}, postgresql_ops={'as_half': 'halfvec_cosine_ops'})
Index('items_quantized_hnsw', cast(func.binary_quantize(Item.embedding), BIT(DIMENSIONS)).label('quantized'), postgresql_using='hnsw',
      postgresql_ops={'quantized': 'bit_hamming_ops'})


class SQLAlchemy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.filterwarnings('ignore', 'Skipped unsupported reflection of expression-based index')
        cls.engine = create_engine('postgresql+psycopg2://', future=True)
        with cls.engine.begin() as connection:
            connection.execute(text('CREATE EXTENSION IF NOT EXISTS vector'))
        Base.metadata.create_all(cls.engine)
        cls.rows = make_rows(ROWS)
        cls.vectors = {i: Vector(values) for i, values in enumerate(cls.rows)}
        with Session(cls.engine) as session:
            session.execute(insert(Item), [
                {'id': i, 'category': i % 10, 'embedding': Vector(values), 'half': HalfVector(values), 'sparse': as_type('sparsevec', values)}
                for i, values in enumerate(cls.rows)])
            session.commit()

    @classmethod
    def tearDownClass(cls):
        Base.metadata.drop_all(cls.engine)
        cls.engine.dispose()

    def setUp(self):
        self.session = Session(self.engine, future=True)
        self.session.execute(text('SET LOCAL enable_seqscan = off'))
        self.session.execute(text('SET LOCAL ivfflat.probes = 5'))

    def tearDown(self):
        self.session.rollback()
        self.session.close()

    def assert_nearest(self, index, make_statement, exact, make_query=Vector):
        """The statements for QUERIES use the index and find the nearest."""
        shares = []
        for values in QUERIES:
            statement = make_statement(make_query(values))
            plan = self.session.execute(text('EXPLAIN (COSTS OFF) ' + str(statement.compile(
                dialect=self.engine.dialect, compile_kwargs={'literal_binds': True})).replace('%%', '%').replace(':', '\\:'))).all()
            self.assertIn(f'using {index}', str(plan))
            shares.append(exact.share_found(make_query(values), self.session.scalars(statement).all(), 10))
        self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)

    def test_orm(self):
        """objects stored and loaded with all types"""
        item = Item(id=ROWS, embedding=Vector([1] * DIMENSIONS), half=HalfVector([2] * DIMENSIONS), sparse=SparseVector(DIMENSIONS, {1: 3.0}),
                    notes=[Note(text='one'), Note(text='two')])
        self.session.add(item)
        self.session.flush()
        self.session.expire_all()
        item = self.session.get(Item, ROWS)
        self.assertEqual((item.embedding, item.half, item.sparse),
                         (Vector([1] * DIMENSIONS), HalfVector([2] * DIMENSIONS), SparseVector(DIMENSIONS, {1: 3.0})))
        item.embedding = None
        self.session.flush()
        self.session.delete(item)
        self.session.flush()
        self.assertEqual(self.session.scalar(select(func.count()).select_from(Note)), 0)

    def test_hnsw(self):
        """ORDER BY l2_distance takes the hnsw index: recall at least 0.9"""
        self.assert_nearest('items_embedding_hnsw', lambda query: select(Item.id).order_by(Item.embedding.l2_distance(query)).limit(10),
                            Exact(self.vectors, 'l2'))

    def test_ivfflat(self):
        """ORDER BY cosine_distance of halfvec takes the ivfflat index: recall at least 0.9"""
        self.assert_nearest('items_half_ivfflat', lambda query: select(Item.id).order_by(Item.half.cosine_distance(query)).limit(10),
                            Exact(self.vectors, 'cosine'), HalfVector)

    def test_cast(self):
        """index on CAST(embedding AS HALFVEC(n)), re-ranked by the vectors"""
        def statement(query):
            near = select(Item.id, Item.embedding).order_by(
                cast(Item.embedding, HALFVEC(DIMENSIONS)).cosine_distance(HalfVector(query.elements))).limit(30).subquery()
            return select(near.c.id).order_by(near.c.embedding.cosine_distance(query)).limit(10)
        self.assert_nearest('items_cast_hnsw', statement, Exact(self.vectors, 'cosine'))

    def test_quantized(self):
        """index on CAST(binary_quantize(embedding) AS BIT(n)), re-ranked by the vectors"""
        self.session.execute(text('SET LOCAL hnsw.ef_search = 200'))

        def statement(query):
            bits = cast(func.binary_quantize(cast(query, VECTOR(DIMENSIONS))), BIT(DIMENSIONS))
            near = select(Item.id, Item.embedding).order_by(
                cast(func.binary_quantize(Item.embedding), BIT(DIMENSIONS)).hamming_distance(bits)).limit(200).subquery()
            return select(near.c.id).order_by(near.c.embedding.cosine_distance(query)).limit(10)
        self.assert_nearest('items_quantized_hnsw', statement, Exact(self.vectors, 'cosine'))

    def test_forms(self):
        """distance in the select list, ORDER BY its label, distance in WHERE, avg and sum"""
        query = self.vectors[3]
        distance = Item.embedding.l2_distance(query).label('distance')
        rows = self.session.execute(select(Item.id, distance).order_by('distance').limit(5)).all()
        self.assertEqual(rows[0], (3, 0.0))
        self.assertEqual([row.distance for row in rows], sorted(row.distance for row in rows))
        near = self.session.scalars(select(Item.id).where(Item.embedding.l2_distance(query) < 1e-3)).all()
        self.assertEqual(near, [3])
        score = (1 + Item.embedding.max_inner_product(query)).label('score')
        self.assertEqual(len(self.session.execute(select(Item.id, score).order_by(score).limit(5)).all()), 5)
        mean = self.session.scalar(select(func.avg(Item.embedding, type_=VECTOR)))
        self.assertAlmostEqual(mean.elements[0], sum(row[0] for row in self.rows) / ROWS, places=4)
        by_category = self.session.execute(select(Item.category, func.avg(Item.half, type_=HALFVEC)).group_by(Item.category)).all()
        self.assertEqual(len(by_category), 10)

    def test_upsert(self):
        """insert().on_conflict_do_update"""
        moved = {i: Vector([50 + i] * DIMENSIONS) for i in (ROWS - 2, ROWS - 1, ROWS, ROWS + 1)}
        statement = postgresql.insert(Item).values([{'id': i, 'embedding': value} for i, value in moved.items()])
        self.session.execute(statement.on_conflict_do_update(index_elements=[Item.id], set_={'embedding': statement.excluded.embedding}))
        for key, value in moved.items():
            self.assertEqual(self.session.scalar(select(Item.id).order_by(Item.embedding.l2_distance(value)).limit(1)), key)
        self.session.execute(delete(Item).where(Item.id >= ROWS))
        self.assertEqual(self.session.scalar(select(func.count()).select_from(Item)), ROWS)

    def test_reflection(self):
        """tables and indexes are reflected with types, dimensions, access methods and options"""
        table = Table('items', MetaData(), autoload_with=self.engine)
        for name, type_class in (('embedding', VECTOR), ('half', HALFVEC), ('sparse', SPARSEVEC)):
            self.assertIsInstance(table.c[name].type, type_class)
            self.assertEqual(table.c[name].type.dimensions, DIMENSIONS)
        self.assertEqual(self.session.scalar(select(table.c.id).order_by(table.c.embedding.l2_distance(self.vectors[5])).limit(1)), 5)
        indexes = {index['name']: index for index in inspect(self.engine).get_indexes('items')}
        self.assertEqual(indexes['items_embedding_hnsw']['column_names'], ['embedding'])
        self.assertEqual(indexes['items_embedding_hnsw']['dialect_options']['postgresql_using'], 'hnsw')
        self.assertEqual(indexes['items_embedding_hnsw']['dialect_options']['postgresql_with'], {'m': '16', 'ef_construction': '64'})
        self.assertEqual(indexes['items_half_ivfflat']['dialect_options']['postgresql_with'], {'lists': '10'})


class Asyncio(unittest.TestCase):
    def test_asyncpg(self):
        """asyncio with asyncpg: codecs registered on connect, values in binary form and as text"""
        async def scenario(binary):
            from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
            engine = create_async_engine('postgresql+asyncpg:///')

            async def register(connection):
                await connection.set_type_codec('vector', schema='public', encoder=Vector.to_binary, decoder=Vector.from_binary, format='binary')

            if binary:
                @event.listens_for(engine.sync_engine, 'connect')
                def connected(connection, record):
                    connection.run_async(register)

            vector_type = sqlalchemy.types.NullType if binary else VECTOR(3)
            metadata = MetaData()
            points = Table('points', metadata, Column('id', Integer, primary_key=True), Column('e', VECTOR(3)))
            async with engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
                await connection.execute(text('CREATE INDEX ON points USING hnsw (e vector_l2_ops)'))
            values = Table('points', MetaData(), Column('id', Integer, primary_key=True), Column('e', vector_type))
            async with AsyncSession(engine) as session:
                await session.execute(insert(values), [{'id': i, 'e': Vector([i, i * i, 1])} for i in range(50)])
                await session.execute(text("SET LOCAL hnsw.iterative_scan = 'strict_order'"))
                distance = values.c.e.op('<->')(Vector([7, 49, 1]))
                found = (await session.execute(select(values.c.id, values.c.e).order_by(distance).limit(2))).all()
                self.assertEqual(found, [(7, Vector([7, 49, 1])), (6, Vector([6, 36, 1]))])
                await session.commit()
            async with engine.begin() as connection:
                await connection.run_sync(metadata.drop_all)
            await engine.dispose()

        with create_engine('postgresql+psycopg2://', future=True).begin() as connection:
            connection.execute(text('CREATE EXTENSION IF NOT EXISTS vector'))
        for binary in (True, False):
            asyncio.run(scenario(binary))


if __name__ == '__main__':
    suite.main()
