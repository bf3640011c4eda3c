"""safetensors_to_onnx.py MODEL.safetensors OUT.onnx

Writes all-MiniLM-L6-v2 (a BERT of 6 layers, 384 wide, 12 heads) as an ONNX graph with mean pooling
and normalisation inside: inputs `input_ids`, `attention_mask`, `token_type_ids` (int64 [b, s]),
output `sentence_embedding` (float32 [b, 384], unit length).

Only the Python standard library is used, so that nothing need be installed to build the model. The
same input always gives the same bytes. ONNX is protocol buffers; the field numbers below are those
of onnx.proto, opset 20.
"""

import array
import json
import math
import struct
import sys

LAYERS, WIDTH, HEADS = 6, 384, 12
FLOAT, INT64 = 1, 7  # TensorProto.DataType


# --- protocol buffers: a varint, and fields of the three wire types that ONNX needs here


def varint(value):
    value &= (1 << 64) - 1  # negative int64 are ten bytes
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def real(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


# --- safetensors: eight bytes of header length, a JSON header, the data


class Weights:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        (length,) = struct.unpack_from("<Q", self.data)
        self.header = json.loads(self.data[8 : 8 + length])
        self.start = 8 + length
        self.prefix = "" if "embeddings.word_embeddings.weight" in self.header else "bert."

    def get(self, name):
        """Shape and little-endian float32 bytes."""
        entry = self.header[self.prefix + name]
        if entry["dtype"] != "F32":
            raise SystemExit(f"{name} is {entry['dtype']}, expected F32")
        begin, end = entry["data_offsets"]
        return entry["shape"], self.data[self.start + begin : self.start + end]

    def get_transposed(self, name):
        (rows, columns), data = self.get(name)
        cells = array.array("I", data)  # as bits: the values are only moved
        return [columns, rows], b"".join(cells[c::columns].tobytes() for c in range(columns))


# --- the graph


class Graph:
    def __init__(self):
        self.nodes, self.tensors, self.count = [], [], 0

    def tensor(self, name, kind, shape, data):
        self.tensors.append(
            block(5, b"".join(number(1, d) for d in shape) + number(2, kind) + block(8, name) + block(9, data))
        )
        return name

    def floats(self, name, shape_and_data):
        return self.tensor(name, FLOAT, *shape_and_data)

    def integers(self, name, *values):
        return self.tensor(name, INT64, [len(values)], struct.pack(f"<{len(values)}q", *values))

    def scalar(self, name, value):
        return self.tensor(name, FLOAT, [], struct.pack("<f", value))

    def node(self, kind, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{kind}_{self.count}"
        body = b"".join(block(1, name) for name in inputs) + block(2, output) + block(3, output) + block(4, kind)
        for name in sorted(attributes):
            body += block(5, attribute(name, attributes[name]))
        self.nodes.append(block(1, body))
        return output


def attribute(name, value):
    """AttributeProto: f = 2, i = 3, ints = 8, type = 20."""
    if isinstance(value, float):
        return block(1, name) + real(2, value) + number(20, 1)
    if isinstance(value, int):
        return block(1, name) + number(3, value) + number(20, 2)
    return block(1, name) + b"".join(number(8, v) for v in value) + number(20, 7)


def linear(g, w, x, name):
    product = g.node("MatMul", x, g.floats(name + ".w", w.get_transposed(name + ".weight")))
    return g.node("Add", product, g.floats(name + ".b", w.get(name + ".bias")))


def normalise(g, w, x, name):
    gain, bias = g.floats(name + ".g", w.get(name + ".weight")), g.floats(name + ".b", w.get(name + ".bias"))
    return g.node("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)


def embeddings(g, w):
    words = g.node("Gather", g.floats("words", w.get("embeddings.word_embeddings.weight")), "input_ids")
    types = g.node("Gather", g.floats("types", w.get("embeddings.token_type_embeddings.weight")), "token_type_ids")
    zero = g.integers("zero", 0)
    length = g.node("Slice", g.node("Shape", "input_ids"), g.integers("one", 1), g.integers("two", 2), zero)
    positions = g.floats("positions", w.get("embeddings.position_embeddings.weight"))
    positions = g.node("Slice", positions, zero, length, zero)
    x = g.node("Add", g.node("Add", words, types), positions)
    return normalise(g, w, x, "embeddings.LayerNorm")


def attention(g, w, x, layer, bias, constants):
    def heads(name, order):
        split = g.node("Reshape", linear(g, w, x, f"{layer}attention.self.{name}"), constants["split"])
        return g.node("Transpose", split, perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    scores = g.node("Mul", g.node("MatMul", query, key), constants["scale"])
    weights = g.node("Softmax", g.node("Add", scores, bias), axis=-1)
    mixed = g.node("Transpose", g.node("MatMul", weights, value), perm=[0, 2, 1, 3])
    joined = g.node("Reshape", mixed, constants["join"])
    out = g.node("Add", linear(g, w, joined, layer + "attention.output.dense"), x)
    return normalise(g, w, out, layer + "attention.output.LayerNorm")


def feed_forward(g, w, x, layer):
    inner = g.node("Gelu", linear(g, w, x, layer + "intermediate.dense"))
    out = g.node("Add", linear(g, w, inner, layer + "output.dense"), x)
    return normalise(g, w, out, layer + "output.LayerNorm")


def pool(g, x, mask):
    mask3, axis = g.node("Unsqueeze", mask, g.integers("axis_2", 2)), g.integers("axis_1", 1)
    total = g.node("ReduceSum", g.node("Mul", x, mask3), axis, keepdims=0)
    mean = g.node("Div", total, g.node("ReduceSum", mask3, axis, keepdims=0))
    length = g.node("ReduceL2", mean, g.integers("axis_last", -1), keepdims=1)
    g.node("Div", mean, length, output="sentence_embedding")


def build(w):
    g = Graph()
    x = embeddings(g, w)
    mask = g.node("Cast", "attention_mask", to=FLOAT)
    outside = g.node("Sub", g.scalar("one_real", 1.0), g.node("Unsqueeze", mask, g.integers("axes_1_2", 1, 2)))
    bias = g.node("Mul", outside, g.scalar("lowest", -3.4e38))
    constants = {
        "split": g.integers("split", 0, 0, HEADS, WIDTH // HEADS),
        "join": g.integers("join", 0, 0, WIDTH),
        "scale": g.scalar("scale", 1 / math.sqrt(WIDTH // HEADS)),
    }
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}."
        x = feed_forward(g, w, attention(g, w, x, layer, bias, constants), layer)
    pool(g, x, mask)
    return g


def value_info(field, name, kind, last):
    batch = block(1, block(2, "b"))
    dims = batch + block(1, number(1, last) if isinstance(last, int) else block(2, last))
    return block(field, block(1, name) + block(2, block(1, number(1, kind) + block(2, dims))))


def model(g):
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    parts = [*g.nodes, block(2, "all-MiniLM-L6-v2"), *g.tensors]
    parts += [value_info(11, name, INT64, "s") for name in inputs]
    parts.append(value_info(12, "sentence_embedding", FLOAT, WIDTH))
    # ModelProto: ir_version = 1, producer_name = 2, graph = 7, opset_import = 8
    return number(1, 9) + block(2, "millwright") + block(7, b"".join(parts)) + block(8, block(1, "") + number(2, 20))


def main():
    if sys.byteorder != "little":
        raise SystemExit("this converter expects a little-endian machine")
    source, target = sys.argv[1:]
    data = model(build(Weights(source)))
    with open(target, "wb") as file:
        file.write(data)


main()
