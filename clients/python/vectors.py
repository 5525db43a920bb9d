"""The types of pgvector as values, their text and binary forms, data to search, and exact distances.

What pgvector's own Python package does for a client is written out here by hand, because neither Debian nor npm has it.
The server's answers are compared with distances computed here, in float8, from the same values.
"""

import math
import operator
import random
import struct


class Vector:
    """A dense vector; its elements are what `element` (a struct code) can hold."""

    name = 'vector'
    element = 'f'

    def __init__(self, elements):
        form = f'{len(elements)}{self.element}'
        self.elements = struct.unpack(form, struct.pack(form, *elements))

    def __eq__(self, other):
        return type(self) is type(other) and self.elements == other.elements

    def __repr__(self):
        return f'{type(self).__name__}({list(self.elements)})'

    def dense(self):
        return self.elements

    def to_text(self):
        return '[' + ','.join(map(repr, self.elements)) + ']'

    @classmethod
    def from_text(cls, text):
        return cls([float(element) for element in text[1:-1].split(',')])

    def to_binary(self):
        return struct.pack(f'>HH{len(self.elements)}{self.element}', len(self.elements), 0, *self.elements)

    @classmethod
    def from_binary(cls, data):
        dimensions, unused = struct.unpack_from('>HH', data)
        assert unused == 0
        return cls(struct.unpack(f'>{dimensions}{cls.element}', data[4:]))


class HalfVector(Vector):
    name = 'halfvec'
    element = 'e'


class SparseVector:
    """Elements that are not zero, by index from 0."""

    name = 'sparsevec'

    def __init__(self, dimensions, elements):
        self.dimensions = dimensions
        self.elements = dict(sorted(elements.items()))

    @classmethod
    def from_dense(cls, values):
        return cls(len(values), {i: value for i, value in enumerate(values) if value})

    def __eq__(self, other):
        return type(self) is type(other) and (self.dimensions, self.elements) == (other.dimensions, other.elements)

    def __repr__(self):
        return f'SparseVector({self.dimensions}, {self.elements})'

    def dense(self):
        return [self.elements.get(i, 0.0) for i in range(self.dimensions)]

    def to_text(self):
        return '{' + ','.join(f'{i + 1}:{value!r}' for i, value in self.elements.items()) + '}/' + str(self.dimensions)

    @classmethod
    def from_text(cls, text):
        elements, dimensions = text[1:].split('}/')
        pairs = (pair.split(':') for pair in elements.split(',') if pair)
        return cls(int(dimensions), {int(i) - 1: float(value) for i, value in pairs})

    def to_binary(self):
        count = len(self.elements)
        return struct.pack(f'>3i{count}i{count}f', self.dimensions, count, 0, *self.elements, *self.elements.values())

    @classmethod
    def from_binary(cls, data):
        dimensions, count, unused = struct.unpack_from('>3i', data)
        assert unused == 0
        body = struct.unpack(f'>{count}i{count}f', data[12:])
        return cls(dimensions, dict(zip(body[:count], body[count:])))


class Bit:
    """A string of bits."""

    name = 'bit'

    def __init__(self, bits):
        self.bits = bits

    @classmethod
    def from_dense(cls, values):
        """What binary_quantize makes of a vector."""
        return cls(''.join('1' if value > 0 else '0' for value in values))

    def __eq__(self, other):
        return type(self) is type(other) and self.bits == other.bits

    def __repr__(self):
        return f'Bit({self.bits!r})'

    def dense(self):
        return [int(bit) for bit in self.bits]

    def to_text(self):
        return self.bits

    @classmethod
    def from_text(cls, text):
        return cls(text)

    def to_binary(self):
        padded = self.bits + '0' * (-len(self.bits) % 8)
        return struct.pack('>i', len(self.bits)) + int(padded, 2).to_bytes(len(padded) // 8, 'big')

    @classmethod
    def from_binary(cls, data):
        length, = struct.unpack_from('>i', data)
        return cls(''.join(f'{byte:08b}' for byte in data[4:])[:length])


TYPES = {cls.name: cls for cls in (Vector, HalfVector, SparseVector, Bit)}


def dot(a, b):
    return sum(map(operator.mul, a, b))


def cosine_distance(a, b):
    return 1 - dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def jaccard_distance(a, b):
    both = dot(a, b)
    return 1 - both / (sum(a) + sum(b) - both) if both else 1.0


# By operator class suffix: the operator, and the exact distance of two dense vectors.
METRICS = {
    'l2': ('<->', math.dist),
    'ip': ('<#>', lambda a, b: -dot(a, b)),
    'cosine': ('<=>', cosine_distance),
    'l1': ('<+>', lambda a, b: sum(map(abs, map(operator.sub, a, b)))),
    'hamming': ('<~>', lambda a, b: sum(map(operator.ne, a, b))),
    'jaccard': ('<%>', jaccard_distance),
}

DIMENSIONS = 64


def make_rows(count, seed=1):
    """count dense vectors around the same 25 centres whatever the seed; multiples of 1/64, which all types hold exactly."""
    noise = random.Random(0)
    centres = [[noise.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(25)]
    noise = random.Random(seed)
    return [[round((x + noise.gauss(0, 0.4)) * 64) / 64 for x in noise.choice(centres)] for _ in range(count)]


def as_type(name, values):
    """Dense values as a value of the type; a sparse vector leaves small elements out."""
    if name == 'sparsevec':
        return SparseVector.from_dense([x if abs(x) > 1 else 0.0 for x in values])
    return TYPES[name].from_dense(values) if name == 'bit' else TYPES[name](values)


class Exact:
    """The nearest of `values` (a dict from id) to a query, by the metric, computed here."""

    def __init__(self, values, metric):
        self.dense = {key: value.dense() for key, value in values.items()}
        self.distance = METRICS[metric][1]

    def nearest(self, query, count):
        """(distance, id) in order."""
        query = query.dense()
        return sorted((self.distance(value, query), key) for key, value in self.dense.items())[:count]

    def share_found(self, query, ids, count):
        """How many of the `count` nearest are among ids: the recall of one answer. An equally distant row is as good."""
        limit = self.nearest(query, count)[-1][0] + 1e-5
        query = query.dense()
        return sum(self.distance(self.dense[key], query) <= limit for key in set(ids)) / count
