"""A small schema that most tests of tables use."""

import pytest

from worknet.protocol.tables import Column, Schema


@pytest.fixture
def meters():
    return Schema((Column("id", "str"), Column("wh", "int"), Column("site", "str", nullable=True)), ("id",))
