"""A second decoder, written from docs/protocol.md alone: python3 coding_reference.py FOLDER

FOLDER holds `sidecar` and some of the blocks it names, each in a file called by its SHA-256. Lays
the stripes out, decodes each from K random pieces of those that are there, checks all leaves and
pieces against their SHA-256 and all tree roots, and prints how many leaves were not in the folder.
"""
import hashlib, os, random, sys

def mul(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product

PRODUCT = [bytes(mul(a, b) for b in range(256)) for a in range(256)]
INVERSE = [0] + [next(b for b in range(256) if PRODUCT[a][b] == 1) for a in range(1, 256)]
sha = lambda data: hashlib.sha256(data).digest()

def add(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")

def row(i, k):
    return [int(i == j) if i < k else INVERSE[i ^ j] for j in range(k)]

def combine(factors, pieces):
    total = bytes(len(pieces[0]))
    for factor, piece in zip(factors, pieces):
        total = add(total, piece.translate(PRODUCT[factor]))
    return total

def decode(have, k):
    """The K data pieces from K pieces {index: bytes}, by Gauss-Jordan elimination."""
    rows = [(row(i, k), piece) for i, piece in have.items()]
    for column in range(k):
        pivot = next(r for r in range(column, k) if rows[r][0][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = INVERSE[rows[column][0][column]]
        factors, piece = rows[column]
        rows[column] = ([PRODUCT[scale][f] for f in factors], piece.translate(PRODUCT[scale]))
        for r in range(k):
            factor = rows[r][0][column]
            if r != column and factor:
                table = PRODUCT[factor]
                rows[r] = ([a ^ table[b] for a, b in zip(rows[r][0], rows[column][0])],
                           add(rows[r][1], rows[column][1].translate(table)))
    return [piece for _, piece in rows]

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at

def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value

def blocks(packed):
    at, result = 0, []
    while at < len(packed):
        digest, (size, at) = packed[at + 2:at + 34], varint(packed, at + 34)
        result.append((digest, size))
    return result

def layout(sizes, k):
    rest = sorted((i for i in range(len(sizes)) if sizes[i]), key=lambda i: -sizes[i])
    stripes, sliced = [], []
    while rest:
        total, longest = sum(sizes[i] for i in rest), sizes[rest[0]]
        if longest * k > total:
            sliced.append(rest.pop(0))
            continue
        most = max(longest, min(total // k + total // (32 * k), 1 << 20))
        pieces, filled, left = [[] for _ in range(k)], [0] * k, []
        for leaf in rest:
            at = filled.index(min(filled))
            if filled[at] + sizes[leaf] > most:
                left.append(leaf)
            else:
                pieces[at].append(leaf)
                filled[at] += sizes[leaf]
        rest = left
        stripes.append((False, max(filled), pieces))
    if sliced:
        stripes.append((True, -(-sum(sizes[i] for i in sliced) // k), [sliced]))
    return stripes

def tree(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha(b"")
    left = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha(b"\1" + tree(hashes[:left]) + tree(hashes[left:]))

def tree_root(data):
    return tree([sha(b"\0" + data[i:i + 4096]) for i in range(0, len(data), 4096)])

def main(folder):
    load = lambda digest: open(os.path.join(folder, digest.hex()), "rb").read()
    stored = lambda digest: os.path.exists(os.path.join(folder, digest.hex()))
    sidecar = list(fields(open(os.path.join(folder, "sidecar"), "rb").read()))
    one = {number: value for number, value in sidecar}
    k, n, leaves = one[2], one[3], blocks(one[5])
    names = [value for number, value in sidecar if number == 6]
    stripes = layout([size for _, size in leaves], k)
    assert len(stripes) == len(names)
    missing = 0
    for (sliced, length, members), name in zip(stripes, names):
        first = 0 if sliced else k
        digests = [name[i * 32:i * 32 + 32] for i in range(2 * n - first)]
        ids, roots = [None] * first + digests[:n - first], digests[n - first:]
        have = {}
        for i in range(n):
            needed = [ids[i]] if ids[i] else [leaves[leaf][0] for leaf in members[i]]
            if all(map(stored, needed)):
                have[i] = b"".join(map(load, needed)).ljust(length, b"\0")
        chosen = random.Random(1).sample(sorted(have), k)
        data = decode({i: have[i] for i in chosen}, k)
        if sliced:
            runs = [b"".join(data)]
        else:
            runs = data
        for run, piece in zip(members, runs):
            at = 0
            for leaf in run:
                digest, size = leaves[leaf]
                assert sha(piece[at:at + size]) == digest, "a leaf is wrong"
                missing, at = missing + (not stored(digest)), at + size
        for i in range(n):
            piece = combine(row(i, k), data)
            if ids[i]:
                assert sha(piece) == ids[i], "a piece is wrong"
            else:
                piece = piece[:sum(leaves[leaf][1] for leaf in members[i])]
            assert tree_root(piece) == roots[i], "a tree root is wrong"
    print(missing)

main(sys.argv[1])
