"""Signs a Sealpix image URL. Copy all but the last block into your own backend, or run it as a command:
SEALPIX_SECRET_KEY=sk_... python3 docs/examples/sign.py BASE PROJECT PK OPERATIONS SOURCE [EXP]"""
import base64, hmac, os, re, sys
from urllib.parse import quote, unquote_to_bytes
ORDER = ("p page frames crop trim w h dpr fit up g pad bg rot flip blur sharpen pixelate "
         "bri con sat hue gray invert wm round f q max meta dl").split()
RESERVED = "api healthz readyz metrics assets setup login dashboard docs".split()
LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # the last one is not numeric: that would be an IP address
HOST = re.compile(rf"((?:{LABEL}\.)+(?![0-9]+(?::|$)|0x){LABEL})(?::(?!443$)([1-9][0-9]{{0,4}}))?", re.A | re.I)

def check(ok, message):
    if not ok: raise ValueError(message)

def canonical_operations(operations):  # sorts the items; how a value is spelled is left to the gate
    items = {}
    for item in operations.split(",") if operations != "_" else []:
        name = item.split("_")[0]
        check(name in ORDER and re.fullmatch(r"w_[0-9|]+|[a-z]+_[A-Za-z0-9._:-]+", item), f"not an operation: {item!r}")
        check(name not in items, f"operation given twice: {item!r}")
        items[name] = item.replace("|", "%7C")
    return ",".join(items[name] for name in ORDER if name in items) or "_"

def source_text(text):
    check(text[:1] != "@" or re.match("@[a-z0-9-]{1,32}/", text), "source: not @name/path")
    if text[:1] != "@":  # a named source is literal; a remote one is read as browsers do: %XX in its path decoded once
        host, _, rest = (text[8:] if text[:8].lower() == "https://" else text).partition("/")
        name = HOST.fullmatch(host)
        check(name and len(name[1]) <= 253 and int(name[2] or 1) <= 65535, "source: "
              "not https host[:port]/path (a DNS name, in punycode if not ASCII; no user@, no :443)")
        path, mark, query = rest.partition("?")
        once = unquote_to_bytes(path)
        twice = unquote_to_bytes(once)  # %252F must not become a slash further on either
        check("#" not in rest and b"?" not in once and b"\\" not in twice and twice.count(b"/") == path.count("/")
              and not {b".", b".."} & set(twice.split(b"/")), r"source: fragment, or \ %2F %3F %5C . .. in the path")
        text = name[0].lower() + "/" + once.decode() + mark + query
    check(not re.search(r"[\x00-\x1f\x7f-\x9f]|/\.{0,2}(/|$)", text), "source: control character, empty or dot segment")
    return text

def sign(secret_key, project, public_key, operations, source, exp=None):
    check(re.fullmatch("[a-z0-9][a-z0-9-]{1,48}[a-z0-9]", project) and project not in RESERVED, "not a project")
    # 32 and 16 bytes in base64url; the last character holds fewer than 6 bits, hence its shorter list
    check(re.fullmatch("sk_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", secret_key), "not a secret key (sk_ and 43 characters)")
    check(re.fullmatch("pk_[A-Za-z0-9_-]{21}[AQgw]", public_key), "not a public key (pk_ and 22 characters)")
    check(exp is None or re.fullmatch("[1-9][0-9]{0,9}", str(exp)), "exp: not 1 to 9999999999 (seconds, not milliseconds)")
    path = quote(source_text(source), safe="/,:@=")  # letters, digits and -._~ stand for themselves anyway
    target = f"/{project}/{canonical_operations(operations)}/{path}?key={public_key}" + (f"&exp={exp}" if exp else "")
    check(len(target) + 37 + 7 * ("|" in operations) <= 8192, "the URL is too long")  # 37: &sig=, 7: &w=8192
    # HKDF-SHA256 without salt; 32 bytes are one block of it, so two HMACs do
    prk = hmac.digest(bytes(32), base64.urlsafe_b64decode(secret_key[3:] + "="), "sha256")
    key = hmac.digest(prk, b"sealpix/url-signing/v1\x01", "sha256")
    mac = hmac.digest(key, b"sealpix:url:v1\n" + target.encode(), "sha256")
    return target + "&sig=" + base64.urlsafe_b64encode(mac[:24]).decode()

if __name__ == "__main__":
    try:
        check(len(sys.argv) in (6, 7) and re.fullmatch(r"https?://[^/?#\s]+", sys.argv[1]),
              "usage: sign.py BASE PROJECT PK OPERATIONS SOURCE [EXP], where BASE is https://host")
        print(sys.argv[1] + sign(os.environ.get("SEALPIX_SECRET_KEY", ""), *sys.argv[2:]))
    except ValueError as error:
        sys.exit(f"sign.py: {'source: not valid UTF-8' if isinstance(error, UnicodeError) else error}")
