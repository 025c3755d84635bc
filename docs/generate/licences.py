"""The page on licences: what each package of requirements.txt says of itself."""

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from docs.generate.markdown import page, table

ROOT: Final = Path(__file__).parent.parent.parent
_ABOUT: Final = """\
Afterword is under Apache-2.0 ([LICENSE](../../LICENSE)), and so are its three bundled networks
([encoder](../../indexes/models/encoder/MODEL_CARD.md),
[reader](../../service/models/reader/MODEL_CARD.md),
[entailment](../../service/models/entailment/MODEL_CARD.md)). These are the packages that
`requirements.txt` pins, each with the licence that its own metadata state. All of them may be
used, changed and passed on in any product, as long as their notices stay; MPL-2.0 asks besides
that changes to its own files stay open. None is under the GPL or AGPL. A test fails where one
comes in whose licence is another or unknown."""
_MORE: Final = """\
What only tests and training use is in `requirements-test.txt` and is not passed on. `make sbom`
writes the same list for programs, as CycloneDX with the sha256 of each file; each container image
has its own in `/opt/afterword/afterword.cdx.json`."""
# What the metadata say in many words, or that of the parts within.
_SAID: Final = {
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "BSD-3-Clause, Apache-2.0, dependency licenses": "BSD-3-Clause AND Apache-2.0",
}
_LONGEST: Final = 60
UNKNOWN: Final = "unknown"


def licences() -> Iterator[tuple[str, str]]:
    """Yield each pinned package with its licence, in SPDX's words; the packages are installed."""
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name = Requirement(line).name
            yield name, _licence(name)


def _licence(name: str) -> str:
    metadata = importlib.metadata.metadata(name)
    stated = [metadata["License-Expression"], metadata["License"]]
    stated += [
        one.rpartition(" :: ")[2]
        for one in metadata.get_all("Classifier", [])
        if one.startswith("License ::")
    ]
    for one in stated:
        if one and len(one) <= _LONGEST and "\n" not in one:
            return _SAID.get(one, one)
    expression = metadata["License-Expression"]
    return expression or UNKNOWN


def licences_page() -> str:
    """Return the page."""
    return page("Licences", _ABOUT, [table(("package", "licence"), licences()), _MORE])
