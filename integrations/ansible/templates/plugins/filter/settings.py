"""What the groups of a fleet spec give to a host: the same as the fleet's other modules do."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re


def known(fleet, name):
    """What the spec knows of a host; where not by its whole name, by the part before the first dot."""
    for key in (name, name.split(".")[0]):
        if key in fleet["hosts"]:
            return fleet["hosts"][key]
    return {"labels": {}, "tags": []}


def is_in(group, name, tags, labels):
    """Whether a host is in a group: each kind of match that is given must hold."""
    if group["hosts"] and not any(re.match(expression, name, re.IGNORECASE) for expression in group["hosts"]):
        return False
    if group["tags"] and not any(tag in tags for tag in group["tags"]):
        return False
    return all(labels.get(key) == value for key, value in group["labels"].items())


def settings(fleet, name, tags=(), labels=None):
    """The settings of a host: the fleet's, then its groups' in their order. Labels are added to, its own last."""
    host = known(fleet, name)
    own = dict(host["labels"], **(labels or {}))
    every_tag = list(host["tags"]) + list(tags)
    found = dict(fleet["settings"])
    found["labels"] = dict(found["labels"], **own)
    for group in fleet["groups"]:
        if is_in(group, name, every_tag, found["labels"]):
            more = dict(found["labels"], **group["settings"].get("labels", {}))
            found.update(group["settings"])
            found["labels"] = dict(more, **own)
    return found


class FilterModule(object):
    """Filters of this collection."""

    def filters(self):
        return {"settings": settings}
