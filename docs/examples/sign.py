"""Signs a Sealpix image URL: copy sign() and what is above it into your own backend. Or, as a command:
SEALPIX_SECRET_KEY=sk_... python3 docs/examples/sign.py BASE PROJECT PK OPERATIONS SOURCE [EXP]"""
import base64, hashlib, hmac, os, re, sys
from urllib.parse import quote, unquote_to_bytes

ORDER = ("p page frames crop trim w h dpr fit up g pad bg rot flip blur sharpen pixelate "
         "bri con sat hue gray invert wm round f q max meta dl").split()
RESERVED = "api healthz readyz metrics assets setup login dashboard docs".split()
LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # the last label is no number: that would be an IP address
HOST = re.compile(rf"((?:{LABEL}\.)+(?![0-9]+(?::|$)|0x){LABEL})(?::(?!443$)([1-9][0-9]{{0,4}}))?")

def check(ok, message):
    if not ok:
        raise ValueError(message)

def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

def key_bytes(key, prefix, length):
    ok = re.fullmatch(prefix + "[A-Za-z0-9_-]{%d}" % length, key)
    data = base64.urlsafe_b64decode(key[3:] + "==") if ok else b""
    check(ok and base64url(data) == key[3:], f"not a valid {prefix} key: {prefix} and {length} base64url characters")
    return data

def signing_key(secret_key):  # HKDF-SHA256 without salt; 32 bytes are one block of it, so two HMACs do
    prk = hmac.digest(bytes(32), key_bytes(secret_key, "sk_", 43), "sha256")
    return hmac.digest(prk, b"sealpix/url-signing/v1\x01", "sha256")

def canonical_operations(operations):  # sorts the items; the spelling of the values is left to the gate
    items = {}
    for item in operations.split(",") if operations != "_" else []:
        name, _, value = item.partition("_")
        check(name in ORDER and re.fullmatch(r"w_[0-9|]+|[a-z]+_[A-Za-z0-9.:_-]+", item), f"not an operation: {item!r}")
        check(name not in items, f"operation given twice: {name}")
        items[name] = value.replace("|", "%7C")
    return ",".join(f"{name}_{items[name]}" for name in ORDER if name in items) or "_"

def source_text(source):
    if source.startswith("@"):  # a configured source: what follows is a name, taken literally
        check(re.match("@[a-z0-9-]{1,32}/", source), "source: not @name/path")
        text = source
    else:  # a remote address, read as a browser would: %XX in the path decoded once, the query kept
        host, _, rest = (source[8:] if source[:8].lower() == "https://" else source).partition("/")
        check(host.isascii(), "source: write the host in punycode (xn--...)")
        found = HOST.fullmatch(host.lower())
        check(found and len(found[1]) <= 253 and int(found[2] or 1) <= 65535,
              "source: not host[:port]/path: a DNS name, https, no user@, no :443")
        path, mark, query = rest.partition("?")
        check("#" not in rest, "source: fragments are refused; a # that belongs to the path is %23")
        check(not re.search(r"%(2F|3F|5C)|\\", path, re.I), "source: no backslash, %2F, %3F or %5C in the path")
        path = unquote_to_bytes(path).decode()
        for part in map(unquote_to_bytes, path.split("/")):  # once more: %252E%252E must not become .. later
            check(part not in (b".", b"..") and not re.search(rb"[/\\]", part), "source: . or .. or hidden / in the path")
        text = host.lower() + "/" + path + mark + query
    check(not re.search(r"[\x00-\x1f\x7f-\x9f]", text), "source: control character")
    check(not {"", ".", ".."} & set(text.split("/")), "source: empty, . or .. between slashes, or no path at all")
    return text

def sign(secret_key, project, public_key, operations, source, exp=None):
    ok = re.fullmatch("[a-z0-9][a-z0-9-]{1,48}[a-z0-9]", project) and project not in RESERVED
    check(ok, f"not a project name: {project!r}")
    key_bytes(public_key, "pk_", 22)
    ...
