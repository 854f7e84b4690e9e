"""A small schema that most tests of tables use."""

import pytest

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema


@pytest.fixture
def meters():
    return Schema((Column("id", "str"), Column("wh", "int"), Column("site", "str", nullable=True)), ("id",))
