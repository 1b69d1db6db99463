"""Grading of the course in ``assignments/``; README.md in this folder has the map."""

import sys

# jsonschema would build a grammar of web addresses, for seconds in each process; what is checked
# here holds none
sys.modules.setdefault("rfc3987_syntax", None)
