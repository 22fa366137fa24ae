"""A second reader of the audit format, written from its description alone: verify.py DIRECTORY KEYFILE prints a JSON
object of log origin to verdict. Chain, RFC 6962 tree, C2SP notes, Ed25519 (RFC 8032); standard library only."""
import base64, glob, hashlib, json, os, re, sys

P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
sha = lambda b: hashlib.sha256(b).digest()

def add(a, b):
    x1, y1, x2, y2 = *a, *b
    k = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P

def mul(n, a):
    out = (0, 1)
    while n:
        if n & 1: out = add(out, a)
        a, n = add(a, a), n >> 1
    return out

def point(b):
    n = int.from_bytes(b, "little")
    y, sign = n & (2**255 - 1), n >> 255
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P: x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or y >= P: raise ValueError("not a point")
    return (P - x if x & 1 != sign else x), y

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def signed(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    return s < Q and mul(s, BASE) == add(point(signature[:32]), mul(h, point(key)))

def root(leaves):
    if len(leaves) < 2: return leaves[0] if leaves else sha(b"")
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1" + root(leaves[:k]) + root(leaves[k:]))

def verify(data, origin, last, name, key_id, key):
    *lines, torn = data.split(b"\n")
    prev, leaves, good, closed, before = "0" * 64, [], None, False, None
    for seq, raw in enumerate(lines):
        line = json.loads(raw)
        if closed or line["seq"] != seq or line["prev"] != prev or (seq == 0 and line["log"] != origin): return "INVALID"
        if line["type"] == "log.checkpoint":
            text, _, signature = line["note"].partition("\n\n")
            text += "\n"
            if text != f"{origin}\n{seq}\n{base64.b64encode(root(leaves)).decode()}\n": return "INVALID"
            who, blob = re.fullmatch("\u2014 (\\S+) (\\S+)\n", signature).groups()
            blob = base64.b64decode(blob, validate=True)
            if (who, blob[:4].hex()) == (name, key_id):
                if not signed(key, text.encode(), blob[4:]): return "INVALID"
                good, closed = seq, before == last
        prev, before = hashlib.sha256(raw).hexdigest(), line["type"]
        leaves.append(sha(b"\0" + raw))
    if not lines: return "EMPTY"
    if good is None: return "CANNOT_VERIFY"
    return "COMPLETE" if closed and not torn else "PREFIX_VALID_END_UNPROVEN"

name, key_id, encoded = re.fullmatch(r"(\S+?)\+([0-9a-f]{8})\+(\S+)\s*", open(sys.argv[2]).read()).groups()
verdicts = {}
for ledger in glob.glob(os.path.join(sys.argv[1], "*", "ledger-000000.jsonl")):
    writer = os.path.dirname(ledger)
    for place, prefix, last in [(writer, "ledger-", "log.closed")] + [(d, "", "session.closed") for d in glob.glob(writer + "/*/")]:
        data = b"".join(open(f, "rb").read() for f in sorted(glob.glob(os.path.join(place, prefix + "[0-9]*.jsonl"))))
        origin = "sallyport/" + os.path.relpath(place, sys.argv[1]).replace(os.sep, "/")
        try: verdicts[origin] = verify(data, origin, last, name, key_id, base64.b64decode(encoded)[1:])
        except (ValueError, KeyError, AttributeError, TypeError, UnicodeError): verdicts[origin] = "INVALID"
print(json.dumps(verdicts))
