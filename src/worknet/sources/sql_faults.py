"""What a database's error codes mean for a dataset. Its messages are never shown: they quote values."""

from collections.abc import Mapping
from typing import Literal

from worknet.sources.errors import NonsenseError, Origin, RefusedError, SourceError, UnavailableError

Meaning = Literal[
    "writes",
    "syntax",
    "unknown",
    "types",
    "rights",
    "login",
    "busy",
    "locked",
    "slow",
    "gone",
    "bare",
    "data",
]

_WORDS: Mapping[Meaning, tuple[type[SourceError], str, str]] = {
    "writes": (
        RefusedError,
        "the statement writes, and was not carried out",
        "a dataset is read with one SELECT that changes nothing",
    ),
    "syntax": (
        RefusedError,
        "the statement is not one SELECT that the database understands",
        "a dataset is read with one SELECT, or WITH ... SELECT, that changes nothing",
    ),
    "unknown": (
        RefusedError,
        "the statement names a table, column or function that the database does not have",
        "try it in the database's own client, as the same account",
    ),
    "types": (
        RefusedError,
        "the statement compares or calls what does not fit",
        'are :start and :end seconds where the column is a timestamp? then set time_binds = "timestamp"',
    ),
    "rights": (RefusedError, "the account has no right to that", "grant it SELECT, and nothing more"),
    "login": (RefusedError, "the login was refused", "user, password and database right, and not expired?"),
    "busy": (UnavailableError, "the server takes no more connections, or is starting or stopping", ""),
    "locked": (
        UnavailableError,
        "what is to be read is locked",
        "who holds a lock on the table for so long?",
    ),
    "slow": (UnavailableError, "no whole answer in time", "raise the timeout, or give the table an index"),
    "gone": (UnavailableError, "the connection failed", "is the server up, and the address right?"),
    "bare": (RefusedError, "the server does not encrypt", 'tls = "off", where nobody can listen'),
    "data": (
        NonsenseError,
        "the statement fails on the data",
        "a division by zero, or a cast that cannot be?",
    ),
}

_POSTGRESQL: Mapping[str, Meaning] = {
    "25006": "writes",
    "25001": "writes",
    "42601": "syntax",
    "0A000": "syntax",
    "42P01": "unknown",
    "42703": "unknown",
    "3F000": "unknown",
    "42883": "types",
    "42804": "types",
    "42725": "types",
    "42846": "types",
    "42P18": "types",
    "42501": "rights",
    "3D000": "login",
    "53300": "busy",
    "57P01": "busy",
    "57P02": "busy",
    "57P03": "busy",
    "55P03": "locked",
    "40001": "locked",
    "40P01": "locked",
    "57014": "slow",
}
_POSTGRESQL_CLASSES: Mapping[str, Meaning] = {
    "28": "login",
    "22": "data",
    "08": "gone",
    "53": "busy",
    "57": "busy",
    "58": "gone",
}

_MARIADB: Mapping[int, Meaning] = {
    1792: "writes",
    1290: "writes",
    1064: "syntax",
    1235: "syntax",
    1060: "syntax",
    1054: "unknown",
    1146: "unknown",
    1109: "unknown",
    1305: "unknown",
    1630: "unknown",
    1142: "rights",
    1143: "rights",
    1227: "rights",
    1370: "rights",
    1044: "login",
    1045: "login",
    1049: "login",
    1130: "login",
    1698: "login",
    1820: "login",
    1862: "login",
    4151: "login",
    1040: "busy",
    1053: "busy",
    1129: "busy",
    1203: "busy",
    1226: "busy",
    1205: "locked",
    1213: "locked",
    1969: "slow",
    3024: "slow",
    1317: "slow",
    2026: "bare",
    1927: "gone",
    2003: "gone",
    2006: "gone",
    2013: "gone",
    1365: "data",
    1264: "data",
    1292: "data",
    1366: "data",
    1690: "data",
}


def postgresql_fault(code: str, origin: Origin) -> SourceError:
    """The fault behind a SQLSTATE (PostgreSQL's manual, appendix A)."""
    meaning = _POSTGRESQL.get(code) or _POSTGRESQL_CLASSES.get(code[:2])
    return _fault(meaning, f"SQLSTATE {code}", origin)


def mariadb_fault(code: int, origin: Origin) -> SourceError:
    """The fault behind an error number of MariaDB or MySQL."""
    return _fault(_MARIADB.get(code), f"error {code}", origin)


def meant(meaning: Meaning, origin: Origin) -> SourceError:
    """The fault of that meaning, where no code tells it."""
    kind, message, hint = _WORDS[meaning]
    return kind(origin, message, hint)


def _fault(meaning: Meaning | None, code: str, origin: Origin) -> SourceError:
    if meaning is None:
        return RefusedError(
            origin, f"the database refused the statement ({code})", "its manual names the code"
        )
    kind, message, hint = _WORDS[meaning]
    return kind(origin, f"{message} ({code})", hint)
