"""Checks exported evidence of a host's trail (`hosttrail evidence export`) without Hosttrail.

Needs python3 (3.8 or newer) and openssl (3.0 or newer), and shares no code with Hosttrail. Says one word: verified, incomplete, altered or
not checked. Exit status: 0 verified, 1 incomplete, 2 altered, not checked, or failed.

  check.py EVIDENCE --authority ROOTS.pem [--log-key KEY] [--witness KEY]... [--witnesses N]

EVIDENCE is a folder or a tar file. ROOTS.pem are the authorities that you trust: not those that came with the evidence. KEY is a key as logs
and witnesses publish it (C2SP signed-note, "<name>+<id>+<base64>"): without --log-key it is not shown that nothing is missing at the end.
"""
import argparse
import base64
import concurrent.futures
import datetime
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

DOMAIN = b"hosttrail-block-v2\0"
FORMAT = "hosttrail-evidence-1"
ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
# Lines of one file, at most: a file that never ends must not fill the memory.
LINE_BYTES_MAX = 4 * 1024 * 1024


class Findings:
    """What is wrong, by verdict. The worst word is said."""

    ORDER = ["altered", "not checked", "incomplete"]

    def __init__(self):
        self.all = []

    def add(self, verdict, text):
        self.all.append((verdict, text))

    @property
    def verdict(self):
        for verdict in self.ORDER:
            if any(verdict == each for each, _ in self.all):
                return verdict
        return "verified"


class Malformed(Exception):
    """Bytes that cannot be read."""


# ---- Files ---------------------------------------------------------------------------------------------------------------------


def unpack(path, folder):
    """Takes a tar apart: plain files below the folder alone."""
    with tarfile.open(path) as archive:
        for member in archive:
            name = os.path.normpath(member.name)
            if name.startswith(("..", "/")) or not (member.isfile() or member.isdir()):
                raise Malformed(f"{path} has {member.name}, which is no plain file within it")
            target = os.path.join(folder, name)
            if member.isdir():
                os.makedirs(target, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.extractfile(member) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink)


def read_manifest(folder, findings):
    with open(os.path.join(folder, "manifest.json"), "rb") as file:
        manifest = json.load(file)
    if manifest.get("format") != FORMAT:
        raise Malformed(f"manifest.json is of format {manifest.get('format')!r}; only {FORMAT!r} is known")
    for name, about in manifest["files"].items():
        path = os.path.join(folder, os.path.normpath(name))
        if os.path.normpath(name).startswith(("..", "/")) or not os.path.isfile(path):
            findings.add("altered", f"{name} is listed in manifest.json and is not there")
            continue
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for piece in iter(lambda: file.read(1 << 20), b""):
                digest.update(piece)
        if digest.hexdigest() != about["sha256"]:
            findings.add("altered", f"{name} is another file than manifest.json lists")
    return manifest


def json_lines(folder, name):
    path = os.path.join(folder, name)
    if not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        number = 0
        while True:
            line = file.readline(LINE_BYTES_MAX + 1)
            if not line:
                return
            number += 1
            try:
                if len(line) > LINE_BYTES_MAX:
                    raise ValueError("longer than a block can be")
                yield number, json.loads(line)
            except ValueError as error:
                yield number, Malformed(f"{name}, line {number}: {error}")


# ---- Blocks --------------------------------------------------------------------------------------------------------------------


def fields_of(data):
    """Fields of a protobuf message: number -> value; the last one counts. Source: protobuf.dev/programming-guides/encoding."""
    fields, at = {}, 0

    def varint(at):
        value = shift = 0
        while True:
            if at >= len(data) or shift > 63:
                raise Malformed("a number is cut off")
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value & (1 << 64) - 1, at

    while at < len(data):
        key, at = varint(at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            fields[number], at = varint(at)
            continue
        if kind == 1:
            length = 8
        elif kind == 5:
            length = 4
        elif kind == 2:
            length, at = varint(at)
        else:
            raise Malformed(f"field {number} is of kind {kind}")
        if at + length > len(data):
            raise Malformed(f"field {number} is cut off")
        fields[number] = data[at : at + length]
        at += length
    return fields


class Block:
    """A block as its host sealed it."""

    def __init__(self, line):
        self.id = line["id"]
        self.header = base64.b64decode(line["header"], validate=True)
        self.signature = base64.b64decode(line["signature"], validate=True)
        self.columns = base64.b64decode(line["columns"], validate=True)
        self.neighbour = line["neighbour"] is True
        self.received_ms = int(line["received_ms"])
        fields = fields_of(self.header)
        if fields.get(1) != 2:
            raise Malformed(f"{self.id}: a header of version {fields.get(1)}; only 2 is known")
        self.host = fields.get(2, b"").hex()
        self.epoch = struct.unpack("<Q", fields.get(3, bytes(8)))[0]
        self.first = fields.get(4, 0)
        self.count = fields.get(5, 0)
        self.next = self.first + self.count
        self.first_time = struct.unpack("<q", fields.get(6, bytes(8)))[0]
        self.last_time = self.first_time + fields.get(7, 0)
        self.columns_bytes = fields.get(9, 0)
        self.columns_sha256 = fields.get(10, b"")
        self.previous = fields.get(11, b"")
        self.hash = hashlib.sha256(self.header).digest()
        parts = self.id.split("-")
        if len(parts) != 3 or self.count < 1:
            raise Malformed(f"{self.id}: an id or a count that cannot be")
        self.kept_epoch = int(parts[1], 16)
        self.is_fork = self.kept_epoch != self.epoch

    def problem(self, host):
        """What is wrong with it by itself, but for its signature."""
        if self.host != host:
            return f"it is of host {self.host}"
        if self.is_fork and self.kept_epoch != int.from_bytes(self.hash[:8], "big"):
            return "its id has another epoch than its header"
        if self.id != f"{host}-{self.kept_epoch:016x}-{self.first:016x}":
            return "its id is not that of its header"
        if self.neighbour:
            return None
        if len(self.columns) != self.columns_bytes:
            return f"its columns have {len(self.columns)} bytes, not {self.columns_bytes}"
        if hashlib.sha256(self.columns).digest() != self.columns_sha256:
            return "its columns are not those that its header has the SHA-256 of"
        return None


def read_blocks(folder, host, findings):
    blocks = []
    for number, line in json_lines(folder, "blocks.jsonl"):
        try:
            if isinstance(line, Malformed):
                raise line
            block = Block(line)
        except (Malformed, KeyError, TypeError, ValueError, struct.error) as error:
            findings.add("altered", f"blocks.jsonl, line {number}: {error}")
            continue
        problem = block.problem(host)
        if problem is None:
            blocks.append(block)
        else:
            findings.add("altered", f"{block.id}: {problem}")
    return blocks


# ---- Keys and signatures -------------------------------------------------------------------------------------------------------


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def is_signed(key_file, message, signature, folder):
    """Ed25519: openssl wants the message and the signature as files."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        paths = [os.path.join(own, name) for name in ("message", "signature")]
        for path, content in zip(paths, (message, signature)):
            with open(path, "wb") as file:
                file.write(content)
        ran = openssl("pkeyutl", "-verify", "-pubin", "-inkey", key_file, "-rawin", "-in", paths[0], "-sigfile", paths[1])
    return ran.returncode == 0


def pem_of_key(raw):
    text = base64.b64encode(ED25519_SPKI + raw).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"


class Certificate:
    """A certificate of the host: its key, and whether an authority vouched for it at a time."""

    def __init__(self, path, host, authority, work):
        self.path, self.authority, self.work = path, authority, work
        key = openssl("x509", "-in", path, "-noout", "-pubkey")
        names = openssl("x509", "-in", path, "-noout", "-ext", "subjectAltName").stdout.decode(errors="replace")
        if key.returncode != 0:
            raise Malformed("it cannot be read")
        if f"URI:spiffe://hosttrail/host/{host}" not in [name.strip() for name in names.replace("\n", ",").split(",")]:
            raise Malformed("it is of another host")
        der = openssl("pkey", "-pubin", "-outform", "DER", data=key.stdout).stdout
        if not der.startswith(ED25519_SPKI):
            raise Malformed("it has no Ed25519 key")
        self.key = der
        self.key_file = os.path.join(work, f"{hashlib.sha256(der).hexdigest()}.pub")
        with open(self.key_file, "wb") as file:
            file.write(key.stdout)
        self.right = None

    def vouches(self, at_ms):
        """True where it hangs on a trusted root at this time. What is right at two times is right in between."""
        if self.right is not None and self.right[0] <= at_ms <= self.right[1]:
            return True
        ran = openssl(
            "verify", "-CAfile", self.authority, "-no-CApath", "-no-CAstore", "-untrusted", self.path,
            "-attime", str(at_ms // 1000), "-purpose", "sslclient", self.path,
        )
        if ran.returncode != 0:
            return False
        first, last = self.right or (at_ms, at_ms)
        self.right = (min(first, at_ms), max(last, at_ms))
        return True


def read_certificates(folder, host, authority, work):
    certificates, problems = [], []
    directory = os.path.join(folder, "certificates")
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        try:
            certificates.append(Certificate(os.path.join(directory, name), host, authority, work))
        except Malformed as error:
            problems.append(f"certificates/{name}: {error}")
    return certificates, problems


def check_signatures(blocks, certificates, problems, findings, work):
    """Those that the host's key signed while an authority vouched for it."""
    if blocks and not certificates:
        findings.add("not checked", "; ".join(problems) or "there is no certificate of the host")
        return []
    keys = list({certificate.key_file for certificate in certificates})

    def signer(block):
        if len(block.signature) != 64:
            return None
        for key in keys:
            if is_signed(key, DOMAIN + block.header, block.signature, work):
                return key
        return None

    signed, unvouched = [], []
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for block, key in zip(blocks, pool.map(signer, blocks)):
            if key is None:
                findings.add("altered", f"{block.id}: the signature over its header is by none of the host's keys")
            elif any(each.key_file == key and each.vouches(block.received_ms) for each in certificates):
                signed.append(block)
            else:
                unvouched.append(block)
    if unvouched:
        block = unvouched[0]
        findings.add(
            "not checked",
            f"{block.id}, which came at {time_of(block.received_ms * 1000000)}: no trusted authority vouched for the host's key then"
            + (f"; it is one of {len(unvouched)} blocks" if len(unvouched) > 1 else ""),
        )
    return signed


# ---- The log -------------------------------------------------------------------------------------------------------------------


def note_key(text):
    """A key as it is published: name, its four bytes of id, type, and the 32 bytes of Ed25519. Source: C2SP signed-note."""
    try:
        name, key_id, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        expected = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        if len(raw) != 33 or bytes.fromhex(key_id) != expected:
            raise ValueError("its id is not its own")
        return name, expected, raw[0], raw[1:]
    except ValueError as error:
        raise Malformed(f"{text!r} is no key of a log or a witness: {error}") from error


def open_note(data):
    text, separator, tail = data.rpartition(b"\n\n")
    if not separator:
        raise Malformed("no signatures")
    signatures = []
    for line in tail.splitlines():
        mark, name, encoded = line.decode().split(" ", 2)
        raw = base64.b64decode(encoded, validate=True)
        if mark != "\u2014" or len(raw) < 5:
            raise Malformed("a signature that is none")
        signatures.append((name, raw[:4], raw[4:]))
    return text + b"\n", signatures


class Log:
    """A checkpoint that the log's key has signed."""

    def __init__(self, folder, key, work):
        with open(os.path.join(folder, "log", "checkpoint"), "rb") as file:
            self.text, self.signatures = open_note(file.read(1 << 20))
        lines = self.text.decode().split("\n")
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        self.work = work
        name, key_id, kind, raw = note_key(key)
        if kind != 1 or name != self.origin or not self.signed_by(name, key_id, raw, self.text):
            raise Malformed(f"it is not signed by {name}")

    def signed_by(self, name, key_id, raw, message, skip=0):
        path = os.path.join(self.work, f"{key_id.hex()}.note.pub")
        with open(path, "w", encoding="ascii") as file:
            file.write(pem_of_key(raw))
        return any(
            own == name and own_id == key_id and is_signed(path, message, value[skip:], self.work)
            for own, own_id, value in self.signatures
        )

    def cosigned_by(self, key):
        """Source: C2SP tlog-cosignature: eight bytes of time before the signature, which goes over them, too."""
        name, key_id, kind, raw = note_key(key)
        if kind != 4:
            raise Malformed(f"{name} is no key of a witness")
        for own, own_id, value in self.signatures:
            if own != name or own_id != key_id or len(value) != 72:
                continue
            seconds = struct.unpack(">Q", value[:8])[0]
            message = b"cosignature/v1\ntime %d\n" % seconds + self.text
            if self.signed_by(name, key_id, raw, message, 8):
                return True
        return False

    def includes(self, index, entry, proof):
        """RFC 9162, 2.1.3.2."""
        if not 0 <= index < self.size:
            return False
        node, last = index, self.size - 1
        digest = hashlib.sha256(b"\0" + entry).digest()
        for sibling in proof:
            if last == 0:
                return False
            if node & 1 or node == last:
                digest = hashlib.sha256(b"\1" + sibling + digest).digest()
                while not node & 1 and node:
                    node, last = node >> 1, last >> 1
            else:
                digest = hashlib.sha256(b"\1" + digest + sibling).digest()
            node, last = node >> 1, last >> 1
        return last == 0 and digest == self.root


def parse_entry(data):
    lines = data.decode().split("\n")
    kind = lines[0].split("/")
    if len(kind) != 3 or kind[0] != "hosttrail" or kind[2] != "v1":
        raise Malformed(f"an entry that begins with {lines[0]!r}")
    entry = {"kind": kind[1]}
    for line in lines[1:]:
        key, _, value = line.partition(" ")
        if key in entry:
            entry[key] = f"{entry[key]} {value}"
        elif key:
            entry[key] = value
    return entry


def read_log(folder, arguments, host, findings, work):
    """Heads (epoch -> next, hash, time) and dropped ranges (epoch -> list) that the log proves; None where there is none to be believed."""
    is_there = os.path.isfile(os.path.join(folder, "log", "checkpoint"))
    if arguments.log_key is None:
        return None
    try:
        if not is_there:
            raise Malformed("there is none")
        log = Log(folder, arguments.log_key, work)
        cosigned = sum(log.cosigned_by(key) for key in arguments.witness)
        if cosigned < (len(arguments.witness) if arguments.witnesses is None else arguments.witnesses):
            findings.add("not checked", f"log/checkpoint: only {cosigned} of the {len(arguments.witness)} witnesses have cosigned it")
    except (Malformed, ValueError, OSError) as error:
        findings.add("altered" if is_there else "not checked", f"log/checkpoint: {error}")
        return None
    heads, dropped = {}, {}
    for number, line in json_lines(folder, "log/entries.jsonl"):
        try:
            if isinstance(line, Malformed):
                raise line
            data = base64.b64decode(line["entry"], validate=True)
            proof = [base64.b64decode(each, validate=True) for each in line["inclusion_proof"]]
            if not log.includes(int(line["index"]), data, proof):
                raise Malformed("it is not in the log's tree")
            entry = parse_entry(data)
            if entry.get("host") != host:
                continue
            epoch = int(entry["epoch"], 16)
            if entry["kind"] == "head":
                head = (int(entry["last"]) + 1, bytes.fromhex(entry["header"]), entry["time"])
                if epoch not in heads or heads[epoch][0] < head[0]:
                    heads[epoch] = head
            elif entry["kind"] == "dropped":
                about = (entry["policy"], entry["time"])
                for part in entry["ranges"].split(","):
                    first, _, last = part.partition("-")
                    dropped.setdefault(epoch, []).append((int(first), int(last or first) + 1, about))
        except (Malformed, KeyError, TypeError, ValueError) as error:
            findings.add("altered", f"log/entries.jsonl, line {number}: {error}")
    return heads, dropped


# ---- The chain -----------------------------------------------------------------------------------------------------------------


def check_chain(blocks, log, start, end, findings, notes):
    heads, dropped = log if log is not None else ({}, {})
    hashes = {block.hash for block in blocks}
    main = {}
    for block in blocks:
        if block.is_fork:
            if not block.neighbour:
                notes.append(f"{block.id}: numbers {block.first} to {block.next - 1} stand twice, both signed by the host")
            continue
        other = main.get((block.epoch, block.first))
        if other is not None:
            findings.add("altered", f"{block.id}: it stands there twice")
        main[block.epoch, block.first] = block
    epochs = {}
    for block in main.values():
        epochs.setdefault(block.epoch, []).append(block)
    for epoch in sorted(set(epochs) | set(heads)):
        chain = sorted(epochs.get(epoch, []), key=lambda block: block.first)
        check_numbers(epoch, chain, heads.get(epoch), dropped.get(epoch, []), (start, end), findings, notes)
        check_links(chain, hashes, findings)
        if epoch in heads:
            check_head(epoch, chain, heads[epoch], hashes, findings)
    for chain in epochs.values():
        first = min(chain, key=lambda block: block.first)
        if first.first == 0 and first.previous and first.previous not in hashes and first.last_time >= start and not first.neighbour:
            gone = any(header == first.previous and covered(dropped.get(epoch, []), next_ - 1) for epoch, (next_, header, _) in heads.items())
            if not gone:
                findings.add("incomplete", f"{first.id} names a block of the epoch before it that is not there")


def covered(dropped, number):
    return any(first <= number < next_ for first, next_, _ in dropped)


def check_numbers(epoch, chain, head, dropped, asked, findings, notes):
    start, end = asked
    # Numbers are shown to be whole from where one block is before the time, or from 0 on.
    at = 0
    before = (epoch >> 16) * 1000000
    first = chain[0] if chain else None
    if first is not None and first.neighbour and first.last_time < start:
        at, before = first.first, first.first_time
    pieces = [(block.first, block.next, block.first_time, block.last_time) for block in chain]
    pieces += [(one, two, None, None) for one, two, _ in dropped]
    for one, two, about in dropped:
        notes.append(f"numbers {one} to {two - 1} of epoch {epoch:016x}: dropped by retention (policy {about[0]}, {about[1]})")
    holes = []
    for one, two, begin, finish in sorted(pieces):
        if one > at:
            holes.append((at, one, before, begin, "by the chain"))
        if two > at:
            at, before = two, finish if finish is not None else before
    ends = bool(chain) and chain[-1].neighbour and chain[-1].first_time >= end
    if head is not None and head[0] > at and not ends:
        holes.append((at, head[0], before, nanos_of(head[2]), "by the log"))
    for one, two, begin, finish, by in holes:
        # Clocks are set back: what lies between two times may lie on either side of them.
        low, high = min(begin, finish if finish is not None else begin), max(begin, finish if finish is not None else end)
        if low < end and high >= start:
            findings.add("incomplete", f"numbers {one} to {two - 1} of epoch {epoch:016x} are not there, {by} ({time_of(low)} to {time_of(high)})")


def check_links(chain, hashes, findings):
    ends = {block.next: block for block in chain}
    for block in chain:
        before = ends.get(block.first)
        # A host that was set back goes on from what is kept as a fork.
        if before is not None and block.previous != before.hash and block.previous not in hashes:
            findings.add("altered", f"{block.id}: it names another block before it than {before.id}")


def check_head(epoch, chain, head, hashes, findings):
    next_, header, _ = head
    if header in hashes:
        return
    for block in chain:
        if block.first < next_ <= block.next:
            findings.add("altered", f"{block.id}: the log names another block that ends with number {next_ - 1}")


# ---- All of it -----------------------------------------------------------------------------------------------------------------


def nanos_of(text):
    time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(time.timestamp() * 1000) * 1000000


def time_of(nanos):
    try:
        return datetime.datetime.fromtimestamp(nanos / 1e9, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return "any time"


def check(folder, arguments, work, findings, notes):
    manifest = read_manifest(folder, findings)
    host = manifest["host_id"]
    if len(host) != 32 or set(host) - set("0123456789abcdef"):
        raise Malformed("manifest.json names no host")
    start, end = (int(manifest[key]) for key in ("start", "end"))
    blocks = read_blocks(folder, host, findings)
    certificates, problems = read_certificates(folder, host, arguments.authority, work)
    if any(hashlib.sha256(each.key).hexdigest()[:32] == host for each in certificates):
        notes.append("the host's id is that of its key: nobody else can have it")
    signed = check_signatures(blocks, certificates, problems, findings, work)
    log = read_log(folder, arguments, host, findings, work)
    check_chain(signed, log, start, end, findings, notes)
    own = [block for block in signed if not block.neighbour]
    if not own and findings.verdict == "verified":
        findings.add("not checked", "there is no block of the host in the time")
    if len(blocks) != manifest["blocks"] and findings.verdict == "verified":
        findings.add("incomplete", f"{len(blocks)} of {manifest['blocks']} blocks are there")
    if log is None and arguments.log_key is None:
        notes.append("no --log-key: that nothing is missing at the end of a chain is the collector's word alone")
    events = sum(block.count for block in own)
    times = "" if not own else f", {time_of(min(b.first_time for b in own))} to {time_of(max(b.last_time for b in own))}"
    if start > -(1 << 63) or end < (1 << 63) - 1:
        notes.append(f"of the time from {time_of(start)} to {time_of(end)} alone")
    return f"host {host}: {len(own)} blocks with {events} events are as they were sealed{times}"


def main():
    parser = argparse.ArgumentParser(description="Checks exported evidence of a host's trail.", allow_abbrev=False)
    parser.add_argument("evidence")
    parser.add_argument("--authority", required=True, metavar="ROOTS.pem", help="the authorities that you trust")
    parser.add_argument("--log-key", metavar="KEY", help="the transparency log's key")
    parser.add_argument("--witness", metavar="KEY", action="append", default=[], help="a witness's key; again for more")
    parser.add_argument("--witnesses", metavar="N", type=int, help="so many of them must have cosigned (default: all)")
    arguments = parser.parse_args()
    findings, notes, about = Findings(), [], ""
    with tempfile.TemporaryDirectory() as work:
        folder = arguments.evidence
        try:
            if not os.path.isdir(folder):
                folder = os.path.join(work, "evidence")
                os.mkdir(folder)
                unpack(arguments.evidence, folder)
            about = check(folder, arguments, work, findings, notes)
        except Exception as error:  # Whatever went wrong: nothing was shown.
            findings.add("not checked", f"{type(error).__name__}: {error}")
    verdict = findings.verdict
    print(verdict)
    if about:
        print(about)
    for each, text in findings.all:
        print(f"  {each}: {text}")
    for text in notes:
        print(f"  note: {text}")
    return {"verified": 0, "incomplete": 1}.get(verdict, 2)


if __name__ == "__main__":
    sys.exit(main())
