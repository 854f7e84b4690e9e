"""What a bundle pins of the place it runs in: `runtime.json` with the runner's number and packages' releases.

    {"packages": {"polars": "2.1.0"}, "runner": 1}

Pinned is what a result can depend on: this runner (its environment, its conversions) and the packages that
the workflow computes with, of which `polars` is always one. The Python release is not: the runner supports
3.11 to 3.13, and workflows must not depend on where these differ.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from worknet.workflow.errors import RuntimeMismatchError
from worknet.workflow.folder import RUNTIME, Bundle, read_object

RUNNER = 1
"""Counts up when a change to the runner could change a result."""

ALWAYS = "polars"


def lock(packages: Iterable[str] = ()) -> bytes:
    """The content of `runtime.json` for what is installed here; `packages` are pinned beside `polars`."""
    pinned = {}
    for package in sorted({ALWAYS, *packages}):
        found = _installed(package)
        if found is None:
            raise RuntimeMismatchError(
                f"the package {package} is not installed here", "install it, then lock"
            )
        pinned[package] = found
    return (json.dumps({"packages": pinned, "runner": RUNNER}, indent=2, sort_keys=True) + "\n").encode()


def pinned_packages(bundle: Bundle) -> dict[str, str]:
    """The packages that the bundle pins, with their releases; `RuntimeMismatchError` if it pins nothing."""
    hint = f"`worknet workflow lock FOLDER` writes {RUNTIME}"
    if RUNTIME not in bundle.files:
        raise RuntimeMismatchError(f"the bundle has no {RUNTIME}", hint)
    document = read_object(RUNTIME, bundle.files[RUNTIME])
    packages = document.get("packages")
    if (
        document.keys() != {"packages", "runner"}
        or not isinstance(packages, Mapping)
        or ALWAYS not in packages
    ):
        message = f"{RUNTIME} must have exactly the keys packages (with {ALWAYS}) and runner"
        raise RuntimeMismatchError(message, hint)
    if type(document["runner"]) is not int or document["runner"] != RUNNER:
        raise RuntimeMismatchError(
            f"{RUNTIME} asks for runner {document['runner']!r}, this is runner {RUNNER}",
            "install the release of worknet that the bundle was made with",
        )
    return {str(package): str(release) for package, release in packages.items()}


def check(bundle: Bundle) -> None:
    """Raises `RuntimeMismatchError` unless the bundle pins exactly what is installed here."""
    for package, release in pinned_packages(bundle).items():
        found = _installed(package)
        if found != release:
            message = f"{RUNTIME} pins {package} {release}, installed is {found or 'none'}"
            hint = f"install {package}=={release}; the author of a new version runs `worknet workflow lock`"
            raise RuntimeMismatchError(message, hint)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except (PackageNotFoundError, ValueError):
        return None
