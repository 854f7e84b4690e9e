"""Tables in Polars: schemas, validation, files, encoding, commitment. The rules are those of `protocol`."""

from worknet.tables.commit import CommittedTable, commit_table
from worknet.tables.encode import encode_fields, encode_rows
from worknet.tables.errors import DataError, FloatError
from worknet.tables.files import parse_csv, read_csv, read_parquet, read_table, write_csv
from worknet.tables.proofs import FieldProof, FieldsProof, RowProof, TableProofs
from worknet.tables.rows import frame_of_rows
from worknet.tables.schema import DTYPES, empty, polars_schema
from worknet.tables.validate import validate

__all__ = [
    "DTYPES",
    "CommittedTable",
    "DataError",
    "FieldProof",
    "FieldsProof",
    "FloatError",
    "RowProof",
    "TableProofs",
    "commit_table",
    "empty",
    "encode_fields",
    "encode_rows",
    "frame_of_rows",
    "parse_csv",
    "polars_schema",
    "read_csv",
    "read_parquet",
    "read_table",
    "validate",
    "write_csv",
]
