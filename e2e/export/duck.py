"""Answers a question in DuckDB's SQL as JSON: `python duck.py QUESTION`."""
import json
import sys

import duckdb

database = duckdb.connect()
# Nothing is fetched: what it needs is in it.
database.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
answer = database.execute(sys.argv[1])
names = [column[0] for column in answer.description]
json.dump([dict(zip(names, row)) for row in answer.fetchall()], sys.stdout, default=str)
