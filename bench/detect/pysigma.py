"""What pySigma's SQLite backend finds: rules as SQL, documents as rows.

Usage: pysigma.py FOLDER, with rules.json ([{"number", "route", "text"}]) and documents.ndjson ({"route", "event", "document"} a line).
Prints {"engine", "matches": {number: [event]}, "left": {number: why a rule was not asked}}.
"""

import collections
import importlib.metadata
import json
import re
import sqlite3
import sys

from sigma.backends.sqlite import sqlite as backends
from sigma.collection import SigmaCollection
from sigma.rule import SigmaDetectionItem


def column(field):
    """SQLite knows neither case nor points in names, and records have both type and TYPE."""
    return ("U_" + field if field.isupper() else field).replace(".", "_").replace("@", "_")


def rename(detection, fields):
    """Gives the fields of a detection the names of columns, and tells them; None for keywords."""
    for item in detection.detection_items:
        if not isinstance(item, SigmaDetectionItem):
            rename(item, fields)
            continue
        if item.field is not None:
            item.field = column(item.field)
        fields.add(item.field)


class Documents:
    """Documents of each route, in a table of its own."""

    def __init__(self, path, connection):
        self.path = path
        self.connection = connection
        self.fields = collections.defaultdict(set)
        self.lists = collections.defaultdict(set)
        for route, _, row in self.rows():
            self.fields[route] |= row.keys()

    def rows(self):
        with open(self.path, encoding="utf8") as lines:
            for line in lines:
                told = json.loads(line)
                row = {}
                for field, value in told["document"].items():
                    if isinstance(value, list):
                        if len(value) > 1:
                            self.lists[told["route"]].add(column(field))
                        value = value[0] if value else None
                    row[column(field)] = value
                yield told["route"], told["event"], row

    def fill(self, asked):
        """Makes the tables, with a column also for what is asked and never there."""
        columns = {}
        for route, fields in self.fields.items():
            known = {field.lower() for field in fields}
            columns[route] = sorted(fields) + sorted(each for each in asked[route] if each.lower() not in known)
            # Values of rules are compared without case.
            self.connection.execute(
                "create table %s (_event integer, %s)"
                % (table(route), ", ".join('"%s" text collate nocase' % each for each in columns[route]))
            )
        for route, event, row in self.rows():
            names = columns[route]
            self.connection.execute(
                "insert into %s values (?%s)" % (table(route), ",?" * len(names)), [event, *map(row.get, names)]
            )


def table(route):
    return "t_" + route


def read(rule, documents):
    """The rule as pySigma has it with its fields, or why it cannot be asked."""
    collection = SigmaCollection.from_yaml(rule["text"])
    [parsed] = collection.rules
    fields = set()
    for detection in parsed.detection.detections.values():
        rename(detection, fields)
    route = rule["route"]
    if None in fields:
        return "the backend does not look for keywords in all fields"
    if route not in documents.fields:
        return "no document is of its kind"
    if fields & documents.lists[route]:
        return "a row has one value of a field"
    if re.search(r"\|(lt|lte|gt|gte)\b", rule["text"]):
        return "the table's values are texts, and it compares numbers"
    return parsed, fields


def ask(connection, backend, parsed, route):
    found = set()
    for query in backend.convert_rule(parsed):
        query = re.sub(r"FROM (?:logs|<TABLE_NAME>)", "FROM " + table(route), query, count=1)
        query = re.sub(r"^SELECT \*", "SELECT _event", query)
        found |= {event for (event,) in connection.execute(query)}
    return sorted(found)


def main(folder):
    connection = sqlite3.connect(folder + "/documents.sqlite")
    connection.create_function(
        "REGEXP", 2, lambda pattern, text: text is not None and re.search(pattern, text) is not None
    )
    documents = Documents(folder + "/documents.ndjson", connection)
    with open(folder + "/rules.json", encoding="utf8") as file:
        rules = json.load(file)
    left, readable, asked = {}, [], collections.defaultdict(set)
    for rule in rules:
        try:
            reading = read(rule, documents)
        except Exception as error:  # Of whatever kind: it is told.
            reading = "pySigma: %s" % error
        if isinstance(reading, str):
            left[rule["number"]] = reading
            continue
        readable.append((rule, reading[0]))
        asked[rule["route"]] |= reading[1]
    documents.fill(asked)
    backend = backends.sqliteBackend()
    matches = {}
    for rule, parsed in readable:
        try:
            matches[rule["number"]] = ask(connection, backend, parsed, rule["route"])
        except Exception as error:
            left[rule["number"]] = "pySigma: %s: %s" % (type(error).__name__, error)
    engine = "pySigma %s with its SQLite backend %s" % tuple(
        map(importlib.metadata.version, ("pysigma", "pysigma-backend-sqlite"))
    )
    json.dump({"engine": engine, "matches": matches, "left": left}, sys.stdout)


main(sys.argv[1])
