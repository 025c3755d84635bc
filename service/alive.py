"""Ask the service of this machine whether it is alive: `python -m service.alive`.

This is the health check of containers. Exit status 0 if it is, else 1 with the reason.
"""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

from indexes.errors import AfterwordError
from indexes.settings import Settings, load_settings
from service.loopback import reached

SECONDS: Final = 4


def problem(settings: Settings) -> str | None:
    """Return why the service of these settings is not alive, None where it is."""
    host = reached(settings.host)
    try:
        # No proxy that the environment names stands between.
        connection = HTTPConnection(host, settings.port, timeout=SECONDS)
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"no answer from {host} port {settings.port}: {error or type(error).__name__}"
    return None if status == HTTPStatus.OK else f"/health answers {status}"


def main() -> str | None:
    """Return what `sys.exit` makes a message and status 1 of, None where all is well."""
    try:
        return problem(load_settings())
    except AfterwordError as error:
        return error.message


if __name__ == "__main__":
    sys.exit(main())
