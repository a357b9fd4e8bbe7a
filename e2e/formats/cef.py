"""Reads lines of CEF from standard input; prints what a reader of others finds in each, and what the format's dictionary has against it."""

import json
import sys

import pycef
from cefevent.event import CEFEvent

HEADER = {"CEFVersion", "DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "DeviceName", "Severity", "DeviceSeverity"}


def unescaped(text):
    return text.replace("\\=", "=").replace("\\\\", "\\")


def problems(values):
    event = CEFEvent(strict=True)
    event.set_prefix("severity", values["Severity"])
    for name, value in values.items():
        if name in HEADER or name not in CEFEvent._extension_dictionary:
            continue
        types = CEFEvent._extension_dictionary[name]["data_type"]
        try:
            event.set_field(name, int(value) if "Integer" in types or "Long" in types else unescaped(value))
        except ValueError as error:
            yield f"{name}: {error}"


answers = []
for line in sys.stdin.buffer.read().decode().split("\n")[:-1]:
    values = pycef.parse(line)
    if values is None:
        answers.append({"values": {}, "problems": [f"cannot be read: {line[:200]}"]})
        continue
    answers.append({"values": {name: unescaped(value) for name, value in values.items()}, "problems": list(problems(values))})
json.dump(answers, sys.stdout)
