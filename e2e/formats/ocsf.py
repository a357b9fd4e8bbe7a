"""Prints, for a version of OCSF and classes as `class_uid,profile,...`, what the published schema says of each."""

import json
import sys

from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

version, *wanted = sys.argv[1:]
published = get_ocsf_schema(version=version)
schemas = OcsfJsonSchemaEmbedded(published)


def captions(attribute):
    return {number: value["caption"] for number, value in attribute["enum"].items()}


def siblings(of):
    """Attributes that say in words what another one says as a number."""
    return [
        {"number": name, "words": attribute["sibling"], "captions": captions(attribute)}
        for name, attribute in of["attributes"].items()
        if "sibling" in attribute and "enum" in attribute
    ]


answer = {}
for each in wanted:
    uid, *profiles = each.split(",")
    name = schemas.lookup_class_name_from_uid(int(uid))
    answer[each] = {
        "schema": schemas.get_class_schema(name, profiles),
        "siblings": siblings(published["classes"][name]),
    }
json.dump(answer, sys.stdout)
