"""
Takes OTLP logs over HTTP, read by OpenTelemetry's own messages, and writes each record as a line of JSON: `python otlp.py FOLDER`. Prints its port.

What it answers depends on the path: /v1/logs takes all. /busy/v1/logs refuses its first two requests for a second. /picky/v1/logs refuses each
request that has a record of which the body has the word "poison". /partial/v1/logs takes all but such records, and says so. /none/v1/logs
understands nothing at all.
"""
import gzip
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

folder = sys.argv[1]
busy = [2]


def value(any_value):
    kind = any_value.WhichOneof("value")
    return getattr(any_value, kind) if kind else None


def pairs(attributes):
    return {pair.key: value(pair.value) for pair in attributes}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        name = self.path.strip("/").split("/")[0]
        if self.headers["content-type"] != "application/x-protobuf" or name == "none":
            return self.answer(400, b"not understood")
        if name == "busy" and busy[0] > 0:
            busy[0] -= 1
            return self.answer(503, b"busy", {"retry-after": "1"})
        request = ExportLogsServiceRequest.FromString(body)
        rows = []
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    rows.append({
                        "time": str(record.time_unix_nano),
                        "observed": str(record.observed_time_unix_nano),
                        "severity": record.severity_text,
                        "number": record.severity_number,
                        "event": record.event_name,
                        "body": record.body.string_value,
                        "attributes": pairs(record.attributes),
                        "resource": pairs(resource.resource.attributes),
                        "scope": scope.scope.name,
                        "token": self.headers.get("x-token"),
                    })
        response = ExportLogsServiceResponse()
        poisoned = [row for row in rows if "poison" in row["body"]]
        if name == "picky" and poisoned:
            return self.answer(400, b"a record is not as it should be")
        if name == "partial" and poisoned:
            rows = [row for row in rows if row not in poisoned]
            response.partial_success.rejected_log_records = len(poisoned)
            response.partial_success.error_message = "some are poison"
        with open(os.path.join(folder, name + ".jsonl"), "a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        self.answer(200, response.SerializeToString())

    def answer(self, status, body, headers={}):
        self.send_response(status)
        for key, text in headers.items():
            self.send_header(key, text)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
