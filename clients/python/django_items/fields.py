"""Fields, indexes and functions for vectors, as pgvector's Python package has them for Django."""

from django.contrib.postgres.indexes import PostgresIndex
from django.contrib.postgres.operations import CreateExtension
from django.db.models import Field, FloatField, Func, Value

from vectors import HalfVector, SparseVector, Vector


class VectorExtension(CreateExtension):
    def __init__(self):
        self.name = 'vector'


class VectorField(Field):
    value = Vector

    def __init__(self, *args, dimensions=None, **kwargs):
        self.dimensions = dimensions
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        if self.dimensions is not None:
            kwargs['dimensions'] = self.dimensions
        return name, path, args, kwargs

    def db_type(self, connection):
        return self.value.name + (f'({self.dimensions})' if self.dimensions else '')

    def from_db_value(self, value, expression, connection):
        return None if value is None else self.value.from_text(value)

    def get_prep_value(self, value):
        return value.to_text() if isinstance(value, self.value) else value


class HalfVectorField(VectorField):
    value = HalfVector


class SparseVectorField(VectorField):
    value = SparseVector


class BitField(Field):
    def __init__(self, *args, length=None, **kwargs):
        self.length = length
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs['length'] = self.length
        return name, path, args, kwargs

    def db_type(self, connection):
        return f'bit({self.length})'


class OptionsIndex(PostgresIndex):
    """An index whose options in WITH are arguments."""

    options = ()

    def __init__(self, *expressions, **kwargs):
        self.values = {option: kwargs.pop(option, None) for option in self.options}
        super().__init__(*expressions, **kwargs)

    def deconstruct(self):
        path, args, kwargs = super().deconstruct()
        kwargs.update({option: value for option, value in self.values.items() if value is not None})
        return path, args, kwargs

    def get_with_params(self):
        return [f'{option} = {value}' for option, value in self.values.items() if value is not None]


class HnswIndex(OptionsIndex):
    suffix = 'hnsw'
    options = ('m', 'ef_construction')


class IvfflatIndex(OptionsIndex):
    suffix = 'ivfflat'
    options = ('lists',)


class Distance(Func):
    """Column and vector with an operator between them."""

    template = '(%(expressions)s)'
    output_field = FloatField()

    def __init__(self, expression, vector, **extra):
        if not hasattr(vector, 'resolve_expression'):
            vector = Value(vector.to_text())
        super().__init__(expression, vector, **extra)


class L2Distance(Distance):
    arg_joiner = ' <-> '


class MaxInnerProduct(Distance):
    arg_joiner = ' <#> '


class CosineDistance(Distance):
    arg_joiner = ' <=> '


class L1Distance(Distance):
    arg_joiner = ' <+> '


class HammingDistance(Distance):
    arg_joiner = ' <~> '
