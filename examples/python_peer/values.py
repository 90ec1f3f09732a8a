"""Values of the JSON wire, as docs/protocol.md specifies them under "Values"."""

import base64
import json
import math
import re
import struct
import sys
from dataclasses import dataclass, field

ATTACHED = 200
MAX_SAFE = 2**53 - 1
MAX_DEPTH = 64
REASON_LEVELS = 8
MAX_DIGITS = 10_000
MAX_NAME = 255
NAME = re.compile(r"[A-Za-z0-9_-]{1,128}@[A-Za-z0-9_.:-]{1,253}")
sys.set_int_max_str_digits(MAX_DIGITS)
KINDS = {
    "ArrayBuffer": 1, "Uint8Array": 1, "Uint8ClampedArray": 1, "Int8Array": 1,
    "Uint16Array": 2, "Int16Array": 2, "Uint32Array": 4, "Int32Array": 4,
    "BigUint64Array": 8, "BigInt64Array": 8, "Float32Array": 4, "Float64Array": 8,
}


class ProtocolError(Exception):
    """A violation of the protocol by a peer: the connection ends."""


class Undefined:
    """JavaScript's undefined."""

    def __repr__(self):
        return "UNDEFINED"

    def __bool__(self):
        return False


UNDEFINED = Undefined()


class BigInt(int):
    """A number that is a bigint at the other end."""


@dataclass(frozen=True)
class Atom:
    name: str


@dataclass(frozen=True)
class Pid:
    """A pid. The number of an Erlang pid may have 64 bits."""

    node: str
    number: int
    creation: int


@dataclass(frozen=True)
class Ref:
    """A reference. The number of an Erlang reference may be a tuple of 32-bit words."""

    node: str
    number: int | tuple
    creation: int


@dataclass(frozen=True)
class Port:
    """A port of an Erlang node."""

    node: str
    number: int
    creation: int


@dataclass
class Tuple:
    """A tuple of Erlang's; an array is a list."""

    elements: list


@dataclass
class ImproperList:
    """A list of Erlang's whose last tail is no list."""

    items: list
    tail: object


@dataclass(frozen=True)
class Float:
    """A whole number that is a float to Erlang."""

    value: float


@dataclass(frozen=True)
class Bits:
    """Bytes; only the upper 1 to 7 bits of the last byte count."""

    count: int
    data: bytes


@dataclass(frozen=True)
class ExternalFunction:
    module: str
    name: str
    arity: int


@dataclass(frozen=True)
class OpaqueFunction:
    """A local function of an Erlang node, in Erlang's external term format."""

    module: str
    index: int
    uniq: int
    arity: int
    data: bytes


@dataclass(frozen=True)
class ReplyTo:
    """The caller of a call, which any process may answer; one on an Erlang node may have a tag."""

    pid: Pid
    ref: Ref | None
    form: str | None = None
    tag: object = None
    returns: str | None = None


@dataclass(frozen=True)
class Date:
    """Milliseconds since 1970; None is an invalid date."""

    time: float | None


class Data(dict):
    """A program's object with the type of a server's message, which is no such message."""


# A whole message with one of these types is a message to a server.
RESERVED = ("$call", "$cast", "$stop", "$tell")


@dataclass
class Map:
    """Pairs in order: keys may be of any type."""

    entries: list


@dataclass
class Set:
    items: list


@dataclass
class Bytes:
    """An ArrayBuffer or a typed array; plain bytes are a Uint8Array."""

    kind: str
    data: bytes


@dataclass
class Error:
    name: str
    message: str
    stack: str | None = None
    fields: dict = field(default_factory=dict)


def need(condition, what):
    if not condition:
        raise ProtocolError(what)


def natural(value):
    number = type(value) is int or type(value) is float and value.is_integer()
    need(number and 0 <= value <= MAX_SAFE, f"no natural number: {value!r:.40}")
    return int(value)


def within(value, least, most):
    number = natural(value)
    need(least <= number <= most, f"out of range: {number}")
    return number


def word(value):
    return within(value, 0, 2**32 - 1)


def split(number):
    """A number of a pid as JSON has it: two words if it is not safe."""
    return number if number <= MAX_SAFE else [number & 0xFFFF_FFFF, number >> 32]


def joined(number):
    """A number of a pid, which may be two words."""
    if not isinstance(number, list):
        return natural(number)
    need(len(number) == 2, "not two words")
    return word(number[0]) | word(number[1]) << 32


def text(value, most=math.inf):
    need(isinstance(value, str) and size(value) <= most, f"no text: {value!r:.40}")
    return value


def short_name(value):
    """A name of at most 255 characters, which are code points."""
    need(isinstance(value, str) and len(value) <= MAX_NAME, f"no name: {value!r:.40}")
    return value


def size(value):
    """The bytes of a text in UTF-8, where a lone surrogate has three."""
    return len(value.encode("utf-8", "surrogatepass"))


def array(value):
    need(isinstance(value, list), f"no array: {value!r:.40}")
    return value


def boolean(value):
    need(type(value) is bool, f"neither true nor false: {value!r:.40}")
    return value


def node_name(value):
    need(NAME.fullmatch(text(value, MAX_NAME)), f"no name of a node: {value!r:.40}")
    return value


def nearest(digits):
    """An integer of JSON as the float that it is elsewhere, or as an int if that is the same."""
    value = float(digits)
    return int(value) if abs(value) <= MAX_SAFE and digits != "-0" else value


def is_deeper(value, levels):
    """Whether a value has more levels: collections and errors are one each."""
    match value:
        case list() | tuple():
            inner = value
        case Tuple():
            inner = value.elements
        case ImproperList():
            inner = [*value.items, value.tail]
        case dict():
            inner = value.values()
        case Map():
            inner = [each for entry in value.entries for each in entry]
        case Set():
            inner = value.items
        case Error():
            inner = value.fields.values()
        case ReplyTo() if value.form is not None:
            inner = [value.tag]
        case _:
            return False
    return levels <= 0 or any(is_deeper(each, levels - 1) for each in inner)


def refuse_constant(name):
    raise ProtocolError(f"{name} is not JSON")


def parse(data, max_depth):
    """JSON of bytes; its depth is checked before it is parsed."""
    depth, i, end, in_string = 0, 0, len(data), False
    while i < end:
        byte = data[i]
        if in_string:
            if byte == 0x5C:
                i += 1
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            need(depth <= max_depth, f"nested deeper than {max_depth}")
        elif byte in b"]}":
            depth -= 1
        i += 1
    try:
        return json.loads(
            data.decode("utf-8"), parse_constant=refuse_constant, parse_int=nearest
        )
    except ValueError as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from None


def is_attached(value):
    """Whether a value is a text that travels beside the JSON."""
    if not isinstance(value, str) or len(value.encode("utf-16", "surrogatepass")) < 2 * ATTACHED + 2:
        return False
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in value)


def dump(value):
    return json.dumps(value, separators=(",", ":"))


class Encoder:
    """Encodes Python values as JSON. `attachments` belong to the last value."""

    def __init__(self, me, peer):
        self.me, self.peer = me, peer
        self.tagged, self.attachments = False, []

    def encode(self, value, levels=MAX_DEPTH):
        self.tagged, self.attachments = False, []
        if is_deeper(value, levels):
            raise ValueError(f"Cannot send a value of more than {levels} levels")
        return self.write(value)

    def tag(self, name, content):
        self.tagged = True
        return {name: content}

    def write(self, value):
        match value:
            case str() if is_attached(value):
                return self.tag("$text", self.attach(0x8000_0000, value.encode("utf-8")))
            case None | bool() | str():
                return value
            case BigInt():
                if abs(value) >= 10**MAX_DIGITS:
                    raise ValueError(f"Cannot send an integer of more than {MAX_DIGITS} digits")
                return self.tag("$bigint", str(int(value)))
            case int():
                if abs(value) > MAX_SAFE:
                    raise ValueError(f"Cannot send {value}: use BigInt beyond 2^53")
                return value
            case float():
                return self.write_float(value)
            case list() | tuple():
                return [self.write(each) for each in value]
            case dict():
                if isinstance(value, Data) or any(key.startswith("$") for key in value):
                    return self.tag("$object", self.pairs(value.items()))
                return {key: self.write(each) for key, each in value.items()}
            case Undefined():
                return self.tag("$undefined", True)
            case Atom():
                return self.tag("$atom", value.name)
            case Pid():
                return self.tag("$pid", self.name(value))
            case Ref():
                return self.tag("$ref", self.name(value))
            case ReplyTo():
                ref = None if value.ref is None else self.name(value.ref)
                tag = [] if value.form is None else [value.form, self.write(value.tag)]
                returns = [] if value.returns is None else [value.returns]
                return self.tag("$reply_to", [self.name(value.pid), ref, *tag, *returns])
            case Port():
                return self.tag("$port", self.name(value))
            case Tuple():
                return self.tag("$tuple", [self.write(each) for each in value.elements])
            case ImproperList():
                items = [self.write(each) for each in value.items]
                return self.tag("$improper", [items, self.write(value.tail)])
            case Float():
                return self.tag("$float", value.value)
            case Bits():
                return self.tag("$bits", [value.count, self.where(value.data)])
            case ExternalFunction():
                return self.tag("$fun", [value.module, value.name, value.arity])
            case OpaqueFunction():
                parts = [value.module, value.index, value.uniq, value.arity]
                return self.tag("$opaque_fun", [*parts, self.where(value.data)])
            case Date():
                return self.tag("$date", value.time)
            case Map():
                return self.tag("$map", self.pairs(value.entries))
            case Set():
                return self.tag("$set", [self.write(each) for each in value.items])
            case Error():
                term = {"name": value.name, "message": value.message}
                if value.stack is not None:
                    term["stack"] = value.stack
                if value.fields:
                    term["fields"] = self.write(value.fields)
                return self.tag("$error", term)
            case bytes():
                return self.write_bytes("Uint8Array", value)
            case Bytes():
                return self.write_bytes(value.kind, value.data)
        raise ValueError(f"Cannot send a {type(value).__name__}: {value!r:.80}")

    def pairs(self, entries):
        return [[self.write(key), self.write(each)] for key, each in entries]

    def write_float(self, value):
        if value == 0 and math.copysign(1, value) < 0:
            return self.tag("$number", "-0")
        if math.isnan(value):
            return self.tag("$number", "NaN")
        if math.isinf(value):
            return self.tag("$number", "Infinity" if value > 0 else "-Infinity")
        return value

    def name(self, of):
        ends = (self.me[0], self.peer[0])
        node = ends.index(of.node) if of.node in ends else of.node
        number = of.number
        return [node, list(number) if isinstance(number, tuple) else split(number), of.creation]

    def attach(self, kind, data):
        self.attachments.append(struct.pack(">I", kind | len(data)) + data)
        return len(self.attachments) - 1

    def write_bytes(self, kind, data):
        where = self.where(data)
        alone = kind == "Uint8Array" and isinstance(where, int)
        return self.tag("$bytes", where if alone else [kind, where])

    def where(self, data):
        if len(data) >= ATTACHED:
            return self.attach(0, data)
        return base64.b64encode(data).decode("ascii")


class Decoder:
    """Decodes JSON as Python values, with the attachments that the JSON refers to."""

    def __init__(self, me, peer):
        self.ends, self.attached = (peer[0], me[0]), {}

    def begin(self, data, first=0):
        """Sets the attachments of a frame or large signal; returns the previous ones."""
        outer, self.attached, at = self.attached, {}, 0
        while at < len(data):
            head = int.from_bytes(data[at : at + 4])
            end = at + 4 + (head & 0x7FFF_FFFF)
            need(end <= len(data), "an attachment that goes beyond its frame")
            self.attached[first + len(self.attached)] = head >= 0x8000_0000, data[at + 4 : end]
            at = end
        return outer

    def finish(self, outer=None):
        need(not self.attached, "attachments that nothing uses")
        self.attached = outer or {}

    def take(self, number):
        need(natural(number) in self.attached, f"no attachment {number}")
        return self.attached.pop(number)

    def read_text(self, content):
        is_utf8, data = self.take(content)
        try:
            return data.decode("utf-8" if is_utf8 else "latin-1")
        except UnicodeDecodeError:
            raise ProtocolError("a text is not UTF-8") from None

    def decode(self, value):
        if isinstance(value, list):
            return [self.decode(each) for each in value]
        if not isinstance(value, dict):
            return value
        tag = next((key for key in value if key.startswith("$")), None)
        if tag is None:
            return {key: self.decode(each) for key, each in value.items()}
        need(len(value) == 1, f"{tag} beside other keys")
        read = getattr(self, "read_" + tag[1:], None)
        need(read is not None, f"unknown tag {tag:.40}")
        return read(value[tag])

    def name(self, content):
        need(len(array(content)) == 3, "a pid or reference of too few or too many items")
        node, number, creation = content
        node = self.ends[node] if type(node) is int and 0 <= node <= 1 else node_name(node)
        return node, number, natural(creation)

    def entries(self, content):
        for entry in array(content):
            need(isinstance(entry, list) and len(entry) == 2, "an entry is not a pair")
        return [[self.decode(key), self.decode(each)] for key, each in content]

    def read_undefined(self, content):
        need(content is True, "a $undefined that is not true")
        return UNDEFINED

    def read_number(self, content):
        need(content in ("-0", "NaN", "Infinity", "-Infinity"), "unknown $number")
        return float(content)

    def read_bigint(self, content):
        need(re.fullmatch(r"-?[0-9]{1,10000}", text(content)), "a $bigint is no number")
        return BigInt(content)

    def read_atom(self, content):
        return Atom(short_name(content))

    def read_pid(self, content):
        return Pid(*self.long_name(content))

    def long_name(self, content):
        """A name whose number may be two words."""
        node, number, creation = self.name(content)
        return node, joined(number), creation

    def read_ref(self, content):
        node, number, creation = self.name(content)
        if not isinstance(number, list):
            return Ref(node, natural(number), creation)
        need(1 <= len(number) <= 5, "a reference of too few or too many words")
        words = tuple(word(each) for each in number)
        # Join two words that fit in one number, so that equal references compare equal.
        if len(words) == 2 and words[1] < 2**21:
            return Ref(node, words[0] | words[1] << 32, creation)
        return Ref(node, words, creation)

    def read_port(self, content):
        node, number, creation = self.long_name(content)
        return Port(node, number, word(creation))

    def read_tuple(self, content):
        return Tuple(self.decode(array(content)))

    def read_improper(self, content):
        need(len(array(content)) == 2 and array(content[0]), "an improper list lacks items or tail")
        items, tail = self.decode(content)
        need(not isinstance(tail, (list, ImproperList)), "the tail of an improper list is a list")
        return ImproperList(items, tail)

    def read_float(self, content):
        whole = type(content) is int or type(content) is float and content.is_integer()
        negative_zero = content == 0 and math.copysign(1, content) < 0
        need(whole and not negative_zero, "a $float that is not whole")
        return Float(content)

    def read_bits(self, content):
        need(len(array(content)) == 2, "a $bits lacks its count or bytes")
        data = self.contents(content[1])
        need(len(data) > 0, "bits without bytes")
        count = within(content[0], 1, 7)
        last = data[-1] & (0xFF << (8 - count)) & 0xFF
        return Bits(count, data[:-1] + bytes([last]))

    def read_fun(self, content):
        need(len(array(content)) == 3, "a function of too few or too many items")
        module, name, arity = content
        return ExternalFunction(short_name(module), short_name(name), within(arity, 0, 255))

    def read_opaque_fun(self, content):
        need(len(array(content)) == 5, "an opaque function of too few or too many items")
        module, index, uniq, arity, where = content
        data = self.contents(where)
        need(0 < len(data) <= 2**24, "an opaque function of too few or too many bytes")
        return OpaqueFunction(
            short_name(module), word(index), word(uniq), within(arity, 0, 255), data
        )

    def read_reply_to(self, content):
        need(len(array(content)) in (2, 4, 5), "a $reply_to of too few or too many items")
        pid, ref = self.read_pid(content[0]), None
        if content[1] is not None:
            ref = self.read_ref(content[1])
            need((ref.node, ref.creation) == (pid.node, pid.creation), "a $reply_to of two nodes")
        if len(content) == 2:
            need(ref is not None, "a $reply_to that no reply can reach")
            return ReplyTo(pid, ref)
        need(content[2] in ("call", "io"), "a $reply_to of an unknown form")
        returns = text(content[4], 2**14) if len(content) == 5 else None
        return ReplyTo(pid, ref, content[2], self.decode(content[3]), returns)

    def read_date(self, content):
        need(content is None or type(content) in (int, float), "a $date is no number")
        return Date(content)

    def read_map(self, content):
        return Map(self.entries(content))

    def read_set(self, content):
        return Set(self.decode(array(content)))

    def read_object(self, content):
        value = {text(key): each for key, each in self.entries(content)}
        kind = value.get("type")
        return Data(value) if isinstance(kind, str) and kind in RESERVED else value

    def read_error(self, content):
        need(isinstance(content, dict), "an error that is no object")
        need(content.keys() <= {"name", "message", "stack", "fields"}, "an error with more")
        stack = text(content["stack"]) if "stack" in content else None
        fields = content.get("fields", {})
        need(isinstance(fields, dict), "an error's fields are no object")
        fields = self.decode(fields)
        need(isinstance(fields, dict), "an error's fields are no object")
        return Error(text(content.get("name")), text(content.get("message")), stack, fields)

    def read_bytes(self, content):
        if isinstance(content, (int, float)):
            content = ["Uint8Array", content]
        need(len(array(content)) == 2, "a $bytes lacks its kind or bytes")
        return self.bytes_of(content[0], self.contents(content[1]))

    def contents(self, where):
        """Bytes in base64, or the bytes of an attachment."""
        if not isinstance(where, str):
            is_utf8, data = self.take(where)
            need(not is_utf8, "a text as bytes")
            return data
        try:
            return base64.b64decode(text(where), validate=True)
        except ValueError:
            raise ProtocolError("a byte array is not base64") from None

    def bytes_of(self, kind, data):
        need(isinstance(kind, str) and kind in KINDS, f"unknown kind of bytes {kind!r:.40}")
        need(len(data) % KINDS[kind] == 0, f"{len(data)} bytes are no {kind}")
        return data if kind == "Uint8Array" else Bytes(kind, data)


def json_frame(content):
    """A JSON frame of signals, or of a part of the handshake."""
    body = dump(content).encode("utf-8")
    return struct.pack(">I", len(body)) + body


def attached_frame(content, attached):
    """A JSON frame of signals with attachments."""
    body = struct.pack(">I", len(attached)) + attached + dump(content).encode("utf-8")
    return struct.pack(">I", 0x4000_0000 | len(body)) + body


RAW_JSON, RAW_END, RAW_ATTACHMENTS = 0, 1, 2


def raw_frame(number, data, kind):
    """A part of a large signal: of its attachments, or of its JSON, which may end with it."""
    return struct.pack(">IIB", 0x8000_0000 | (5 + len(data)), number, kind) + data
