"""Writes conformance/schemas/ocsf-1.8.0: OCSF's own definition of two classes, as JSON Schema.

Wants the package ocsf-json-schema (MIT), which brings OCSF's schema (Apache-2.0). With --check it writes nothing and says
whether what is there is what it would write.
"""

import json
import pathlib
import sys

from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION = "1.8.0"
FOLDER = pathlib.Path(__file__).parent.parent / "conformance" / "schemas" / f"ocsf-{VERSION}"

schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
for name in ("detection_finding", "incident_finding"):
    text = json.dumps(schema.get_class_schema(name, []), sort_keys=True, indent=1)
    file = FOLDER / f"{name}.json"
    if "--check" not in sys.argv:
        file.write_text(text)
    elif file.read_text() != text:
        sys.exit(f"{file} is not what ocsf-json-schema makes of OCSF {VERSION}")
