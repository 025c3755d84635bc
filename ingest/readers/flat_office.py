"""Office documents saved as one XML file (Flat OPC), packed as Office itself packs them."""

import base64
import io
import zipfile
from typing import Final

from lxml import etree

from indexes.errors import ReadFailure
from ingest.readers.packages import SAVE_ANEW
from ingest.readers.trees import local

_PACKAGE: Final = "{http://schemas.microsoft.com/office/2006/xmlPackage}"


def packed(root: etree._Element) -> bytes | None:
    """Return the document that an XML file is, None where it is none.

    Raises ReadFailure `damaged` where a part of it cannot be unpacked.
    """
    if root.tag != f"{_PACKAGE}package":
        return None
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for part in root.iterchildren(f"{_PACKAGE}part"):
            name = str(part.get(f"{_PACKAGE}name", "")).lstrip("/")
            for held in part.iterchildren(etree.Element):
                archive.writestr(name, _content(held))
    return out.getvalue()


def _content(held: etree._Element) -> bytes:
    if local(held) == "xmlData":
        return b"".join(etree.tostring(one, with_tail=False) for one in held)
    try:
        return base64.b64decode(held.text or "")
    except ValueError as error:
        raise ReadFailure("damaged", f"a part of the document is damaged; {SAVE_ANEW}") from error
