"""Validates exports by the validators of others: exports_check.py FOLDER OPENAPI [CACAO_SCHEMAS].

FOLDER holds stix.json, ocsf.json and cacao.json as `portcullis case export` writes them. Exits 1 with every problem.
"""

import json
import pathlib
import sys

import jsonschema
import ocsf_json_schema
import openapi_spec_validator
import referencing
import stix2validator

folder, openapi = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
cacao_schemas = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
problems = []


def read(path):
    return json.loads(path.read_text())


# Everything that STIX says one should is asked for, but version 4 in the id of a wallet (103): the standard wants version 5
# for observables, which the validator only knows of its own types.
def stix(bundle):
    options = stix2validator.ValidationOptions(
        version="2.1", strict=True, enforce_refs=True, disabled="uuid-check"
    )
    results = stix2validator.validate_instance(bundle, options)
    return [str(error) for error in results.errors]


ocsf_schema = ocsf_json_schema.OcsfJsonSchemaEmbedded(
    ocsf_json_schema.get_ocsf_schema(version="1.8.0")
)


def ocsf(event):
    name = ocsf_schema.lookup_class_name_from_uid(event["class_uid"])
    schema = ocsf_schema.get_class_schema(name, [])
    errors = jsonschema.Draft202012Validator(schema).iter_errors(event)
    return [f"{name}{error.json_path}: {error.message}" for error in errors]


def cacao_validator():
    resources = []
    for path in cacao_schemas.rglob("*.json"):
        schema = read(path)
        resource = referencing.Resource.from_contents(
            schema, default_specification=referencing.jsonschema.DRAFT7
        )
        resources.append((schema["$id"], resource))
    registry = referencing.Registry().with_resources(resources)
    return jsonschema.Draft7Validator(read(cacao_schemas / "playbook.json"), registry=registry)


def check(what, found, broken):
    problems.extend(f"{what}: {one}" for one in found)
    if not broken:
        problems.append(f"{what}: a broken one is accepted, so nothing was checked")


bundle = read(folder / "stix.json")
broken = json.loads(json.dumps(bundle))
del broken["objects"][1]["name"]
check("stix", stix(bundle), stix(broken))
kinds = sorted({one["type"] for one in bundle["objects"]})
print(f"STIX 2.1: {len(bundle['objects'])} objects: {', '.join(kinds)}")

events = read(folder / "ocsf.json")
for event in events:
    check("ocsf", ocsf(event), ocsf({**event, "severity_id": 55}))
print(f"OCSF 1.8.0: {len(events)} events")

document = read(openapi)
errors = openapi_spec_validator.OpenAPIV31SpecValidator(document).iter_errors()
problems.extend(f"openapi: {error.message}" for error in errors)
wrong = openapi_spec_validator.OpenAPIV31SpecValidator({**document, "paths": []}).iter_errors()
check("openapi", [], list(wrong))
print(f"OpenAPI {document['openapi']}: {len(document['paths'])} paths")

playbooks = read(folder / "cacao.json")
if cacao_schemas is None:
    print(f"CACAO 2.0: SKIPPED, {len(playbooks)} playbooks: set PORTCULLIS_CACAO_SCHEMAS")
else:
    validator = cacao_validator()
    for playbook in playbooks:
        found = [f"{e.json_path}: {e.message}" for e in validator.iter_errors(playbook)]
        check("cacao", found, list(validator.iter_errors({**playbook, "spec_version": "1"})))
    print(f"CACAO 2.0: {len(playbooks)} playbooks")

for problem in problems:
    print(f"NOT VALID: {problem}")
sys.exit(1 if problems else 0)
