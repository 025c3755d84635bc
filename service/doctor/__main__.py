"""`python -m service.doctor`: the doctor where even the command `afterword` does not start."""

import argparse
import sys

from indexes.errors import UsageError
from service.doctor.command import run

_WRONG_USE = 2

parser = argparse.ArgumentParser(prog="python -m service.doctor")
parser.add_argument("--collection", help="look at this collection alone")
parser.add_argument("--full", action="store_true", help="read every text and vector")
parser.add_argument("--json", action="store_true", help="one JSON object at the end")
given = parser.parse_args()
try:
    sys.exit(run(given.collection, full=given.full, as_json=given.json))
except UsageError as error:
    sys.stderr.write(f"afterword: {error.message}\n")
    sys.exit(_WRONG_USE)
