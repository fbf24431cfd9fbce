"""Verifies an export of Sealpix's audit log with nothing but what the lines say:
python3 docs/examples/verify_audit.py audit.ndjson"""
import hashlib, json, sys

def field(data):  # every field stands behind its length
    return len(data).to_bytes(8, "big") + data

def entry_hash(entry, previous):
    out = field(b"sealpix/audit/v1") + field(previous.encode())
    out += field(entry["seq"].to_bytes(8, "big")) + field(entry["at"].to_bytes(8, "big"))
    for name in ("action", "actor_kind", "actor", "target"):
        out += field(entry[name].encode())
    for name in ("address", "request_id", "before", "after"):
        out += field(b"-") if entry[name] is None else field(b"+") + field(entry[name].encode())
    return hashlib.sha256(out).hexdigest()

def verify(lines):
    held = None  # number and hash of the entry before
    for entry in map(json.loads, lines):
        if held is None:  # a log that was pruned begins later, behind the hash that its first line names
            held = (entry["seq"] - 1, entry["previous"] if entry["seq"] > 1 else "0" * 64)
        if (entry["seq"] - 1, entry["previous"]) != held or entry_hash(entry, entry["previous"]) != entry["hash"]:
            return f"broken at entry {held[0] + 1}"
        held = (entry["seq"], entry["hash"])

if __name__ == "__main__":
    sys.exit(verify(open(sys.argv[1], encoding="utf-8")))
