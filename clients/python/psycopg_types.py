"""The types of vectors.py registered with psycopg 3 by name, in text and in binary form, as pgvector's Python package does it."""

import psycopg
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo

from vectors import TYPES


def adapters(cls, info):
    """Dumpers and loaders of a type, in text and in binary form, as pgvector's Python package has them."""

    class TextDumper(Dumper):
        format = Format.TEXT
        oid = info.oid

        def dump(self, value):
            return value.to_text().encode()

    class BinaryDumper(TextDumper):
        format = Format.BINARY

        def dump(self, value):
            return value.to_binary()

    class TextLoader(Loader):
        format = Format.TEXT

        def load(self, data):
            return cls.from_text(bytes(data).decode())

    class BinaryLoader(Loader):
        format = Format.BINARY

        def load(self, data):
            return cls.from_binary(bytes(data))

    return TextDumper, BinaryDumper, TextLoader, BinaryLoader


def register(connection, infos):
    for info in infos:
        cls = TYPES[info.name]
        info.register(connection)
        text_dumper, binary_dumper, text_loader, binary_loader = adapters(cls, info)
        connection.adapters.register_dumper(cls, text_dumper)
        connection.adapters.register_dumper(cls, binary_dumper)
        connection.adapters.register_loader(info.oid, text_loader)
        connection.adapters.register_loader(info.oid, binary_loader)


def connect():
    connection = psycopg.connect(autocommit=True)
    connection.execute('CREATE EXTENSION IF NOT EXISTS vector')
    register(connection, [TypeInfo.fetch(connection, name) for name in TYPES])
    return connection
