"""Connections: EPMD, the handshake, and frames to signals, by docs/protocol.md."""

import asyncio
import hashlib
import hmac
import re
import secrets
import ssl
import struct
import time

from addresses import listening
from values import (
    RAW_ATTACHMENTS, RAW_END, RAW_JSON,
    MAX_DEPTH, REASON_LEVELS, Decoder, Encoder, ProtocolError, array, attached_frame, dump,
    is_attached, is_deeper, json_frame, natural, need, node_name, parse, raw_frame, text,
)

WIRE = "otp-json/1"
MAX_HANDSHAKE_BYTES = 4096
EPMD_SECONDS = 5
MAX_FRAME_BYTES = 1 << 20
MAX_MESSAGE_BYTES = 1 << 25
MAX_JSON_DEPTH = 5 * MAX_DEPTH + 4 + 4  # a value's, and what is around it in a frame
LARGE = 1 << 16
REASONS = ("exit", "exit_link", "down")
VALUES = ("send", "send_name", "send_alias", "call", "call_name", "reply", "answer", *REASONS, "spawn", "group_leader")
GO_ON = ("ok", "ok_simultaneous", "alive")
HEX = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    """A failed handshake; `status` is the reason, if the other side sent one."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


# EPMD


def registration(name, port, hidden, extra):
    short, words = name.encode("utf-8"), extra.encode("ascii")
    body = struct.pack(">BHBBHHH", 120, port, 72 if hidden else 77, 0, 6, 6, len(short))
    return with_length(body + short + struct.pack(">H", len(words)) + words)


def with_length(body):
    return struct.pack(">H", len(body)) + body


async def register(host, epmd_port, name, port, extra):
    """Registers a node; returns the creation, and the connection, which holds the name."""
    async with asyncio.timeout(EPMD_SECONDS):
        reader, writer = await asyncio.open_connection(host, epmd_port)
    try:
        writer.write(registration(name, port, False, extra))
        async with asyncio.timeout(EPMD_SECONDS):
            kind, result = struct.unpack(">BB", await reader.readexactly(2))
            if result != 0:
                raise Refused(f"Cannot register {name}: EPMD says that the name is taken")
            size = {118: 4, 121: 2}[kind]
            return int.from_bytes(await reader.readexactly(size)), reader, writer
    except BaseException:
        writer.close()
        raise


async def look_up(host, epmd_port, name):
    """The port and Extra of a node; None if EPMD does not know the node."""
    async with asyncio.timeout(EPMD_SECONDS):
        reader, writer = await asyncio.open_connection(host, epmd_port)
    try:
        writer.write(with_length(b"\x7a" + name.encode("utf-8")))
        async with asyncio.timeout(EPMD_SECONDS):
            answer = await reader.read()
    finally:
        writer.close()
    if len(answer) < 12 or answer[1] != 0:
        return None
    port, name_length = int.from_bytes(answer[2:4]), int.from_bytes(answer[10:12])
    at = 12 + name_length
    return port, answer[at + 2 : at + 2 + int.from_bytes(answer[at : at + 2])].decode("latin-1")


# TLS


class Tls:
    """TLS with the files of a certificate, its key, and the CA that signs all nodes' certificates."""

    def __init__(self, cert, key, ca):
        self.client, self.server = [
            ssl.SSLContext(side) for side in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)
        ]
        self.client.check_hostname = False  # a certificate may be a node's: `is_for` checks it
        for context in (self.client, self.server):
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(cert, key)
            context.load_verify_locations(ca)
        with open(cert, encoding="ascii") as file:
            own = re.search("-----BEGIN CERT[^$]*?-----END CERTIFICATE-----", file.read())
        self.fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(own[0])).hexdigest()

    def binding(self, writer, role):
        """The additional lines of a proof: both certificates, the dialler's first."""
        theirs = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        prints = [self.fingerprint, hashlib.sha256(theirs).hexdigest()]
        return ["tls", *(prints if role == "dialler" else reversed(prints))]

    def is_for(self, writer, name):
        """Whether the other side's certificate is for a node."""
        names = writer.get_extra_info("peercert").get("subjectAltName", ())
        nodes = [uri[6:] for kind, uri in names if kind == "URI" and uri.startswith("otp://")]
        if nodes:
            return name in nodes
        host = name.split("@")[1].lower()
        wild = "*." + host.partition(".")[2]
        return any(
            (kind == "DNS" and value.lower() in (host, wild)) or (kind == "IP Address" and value == host)
            for kind, value in names
        )

    def check(self, writer, name):
        if not self.is_for(writer, name):
            raise Refused(f"Cannot connect to {name}: its certificate is for others")


# The handshake


def proof(cookie, role, dialler, listener, binding=()):
    lines = [WIRE, role]
    for end in (dialler, listener):
        lines += [end["name"], str(end["creation"]), end["nonce"]]
    lines += binding
    return hmac.new(cookie.encode("utf-8"), "\n".join(lines).encode("utf-8"), hashlib.sha256).hexdigest()


async def hear(reader):
    size = int.from_bytes(await reader.readexactly(4))
    need(1 <= size <= MAX_HANDSHAKE_BYTES, f"a first frame of {size} bytes")
    fields = parse(await reader.readexactly(size), 4)
    need(isinstance(fields, dict), "a frame that is not a JSON object")
    return fields


def introduction(fields):
    node_name(fields.get("name"))
    need(HEX.fullmatch(text(fields.get("nonce"))), "a bad nonce")
    need(type(fields.get("hidden")) is bool, "hidden is no boolean")
    natural(fields.get("creation"))
    natural(fields.get("maxMessageBytes"))
    listening(fields)
    return fields


def introduce(node):
    return {
        "name": node.name,
        "creation": node.creation,
        "hidden": False,
        "nonce": secrets.token_hex(32),
        "maxMessageBytes": MAX_MESSAGE_BYTES,
        "listen": {"port": node.port, "host": "127.0.0.1"},
    }


def check_proof(fields, expected):
    if not hmac.compare_digest(str(fields.get("proof")).encode(), expected.encode()):
        raise Refused("its cookie is another one")


async def dial(node, name, reader, writer):
    mine, binding = introduce(node), []
    if node.tls is not None:
        node.tls.check(writer, name)
        binding = node.tls.binding(writer, "dialler")
    writer.write(json_frame({"versions": [1], "to": name, **mine}))
    answer = await hear(reader)
    if answer.get("status") not in GO_ON:
        raise refusal(name, answer)
    theirs = introduction(answer)
    need(theirs["name"] == name, f"{theirs['name']} answered there, not {name}")
    if name in node.connections:
        raise Refused(f"{name} is connected already", "alive")
    writer.write(json_frame({"proof": proof(node.cookie, "dialler", mine, theirs, binding)}))
    last = await hear(reader)
    if "status" in last:
        raise refusal(name, last)
    check_proof(last, proof(node.cookie, "listener", mine, theirs, binding))
    return theirs


def refusal(name, fields):
    status = fields.get("status")
    return Refused(f"Cannot connect to {name}: it answered {status!r:.60}", status)


async def ask(node, reader, writer):
    """The unproven name of the listener."""
    writer.write(json_frame({"versions": [1], "to": None, **introduce(node)}))
    answer = await hear(reader)
    if answer.get("status") == "version":
        raise refusal("it", answer)
    return node_name(answer.get("name"))


async def accept(node, reader, writer):
    """The introduction of the dialler; None if it only requests the node's name."""
    hello = await hear(reader)
    if 1 not in array(hello.get("versions")):
        writer.write(json_frame({"status": "version", "versions": [1]}))
        raise Refused(f"it speaks versions {hello['versions']!r:.60}", "version")
    theirs = introduction(hello)
    if hello.get("to", "") is None:
        writer.write(json_frame({"status": "name", "name": node.name, "creation": node.creation}))
        return None
    status = node.admit(theirs["name"]) if hello.get("to") == node.name else "not_allowed"
    stale = node.connections.get(theirs["name"])
    mine, binding = introduce(node), []
    if node.tls is not None:
        binding = node.tls.binding(writer, "listener")
        if not node.tls.is_for(writer, theirs["name"]):
            status = "not_allowed"
    if status == "nok":
        writer.write(json_frame({"status": status}))
        raise Refused(f"{theirs['name']} is not let in: {status}", status)
    writer.write(json_frame({"status": "ok" if status == "not_allowed" else status, **mine}))
    check_proof(await hear(reader), proof(node.cookie, "dialler", theirs, mine, binding))
    if status == "not_allowed":
        writer.write(json_frame({"status": status}))
        raise Refused(f"{theirs['name']} is not let in: {status}", status)
    status = node.admit(theirs["name"], stale)
    if status not in ("ok", "ok_simultaneous"):
        writer.write(json_frame({"status": status}))
        raise Refused(f"{theirs['name']} is not let in: {status}", status)
    writer.write(json_frame({"proof": proof(node.cookie, "listener", theirs, mine, binding)}))
    return theirs


# After the handshake


def levels_of(kind):
    """The maximum depth of a signal's value; the arguments of a spawn are two levels down."""
    if kind in REASONS:
        return MAX_DEPTH - REASON_LEVELS
    return MAX_DEPTH + 2 * (kind == "spawn") - (kind in ("call", "call_name"))


class Connection:
    """A connection to a node: sends signals, and passes received signals to `node.signal`."""

    def __init__(self, node, theirs, reader, writer):
        self.node, self.reader, self.writer = node, reader, writer
        self.name, self.creation, self.hidden = theirs["name"], theirs["creation"], theirs["hidden"]
        self.takes_addresses, self.place, self.remote = "listen" in theirs, None, None
        self.max_message_bytes = min(MAX_MESSAGE_BYTES, theirs["maxMessageBytes"])
        self.last_raw, self.raw, self.raw_bytes = 0, None, 0
        self.written = self.heard = time.monotonic()
        me, peer = (node.name, node.creation), (self.name, self.creation)
        self.encoder = Encoder(me, peer)
        self.decoder = Decoder(me, peer)

    def next_raw(self):
        self.last_raw = (self.last_raw + 1) % 2**32
        return self.last_raw

    def take_raw(self, number):
        found, attached, json_parts, whole = self.raw or (None, [], [], False)
        need(found == number and whole, f"no raw bytes of number {number} have come")
        self.raw, self.raw_bytes = None, 0
        return b"".join(attached), b"".join(json_parts)

    def send(self, kind, *items):
        """Sends a signal whose items hold no tags."""
        self.write_signal([kind, *items])

    def send_value(self, kind, *items):
        """Sends a signal whose last item is a value."""
        *items, value = items
        json_value = self.encoder.encode(value, levels_of(kind))
        attachments = self.encoder.attachments
        if kind == "send" and is_attached(value):
            self.write_signal(["send_text", *items, 0], attachments)
        else:
            star = "*" if self.encoder.tagged else ""
            self.write_signal([kind + star, *items, json_value], attachments)

    def write_signal(self, signal, attachments=()):
        attached, text = b"".join(attachments), dump(signal).encode("utf-8")
        if len(attached) + len(text) <= LARGE:
            self.write(attached_frame([signal], attached) if attached else json_frame([signal]))
            return
        if len(attached) + len(text) > self.max_message_bytes:
            raise ValueError(f"Cannot send it: {self.max_message_bytes} bytes are the most")
        number = self.next_raw()
        for at in range(0, len(attached), LARGE):
            self.write(raw_frame(number, attached[at : at + LARGE], RAW_ATTACHMENTS))
        for at in range(0, len(text), LARGE):
            kind = RAW_END if at + LARGE >= len(text) else RAW_JSON
            self.write(raw_frame(number, text[at : at + LARGE], kind))
        kind = ["large_attached", number, 0] if attached else ["large", number]
        self.write(json_frame([kind]))

    def write(self, data):
        self.written = time.monotonic()
        self.writer.write(data)

    async def run(self):
        """Reads until the connection ends."""
        ticking = asyncio.create_task(self.tick())
        try:
            while True:
                head = int.from_bytes(await self.reader.readexactly(4))
                size = head & 0x3FFF_FFFF
                need(size <= MAX_FRAME_BYTES, f"a frame of {size} bytes")
                body = await self.reader.readexactly(size)
                self.heard = time.monotonic()
                self.read_frame(head >> 30, body)
        except (asyncio.IncompleteReadError, OSError):
            pass
        except ProtocolError as error:
            self.node.log(f"{self.name} is cut off: {error}")
        finally:
            ticking.cancel()
            self.writer.close()

    async def tick(self):
        tick_time = self.node.tick_time
        while True:
            await asyncio.sleep(tick_time / 32)
            now = time.monotonic()
            if now - self.written >= tick_time / 8:
                self.write(bytes(4))
            if now - self.heard >= tick_time * 19 / 16:
                self.node.log(f"{self.name} is silent")
                self.writer.transport.abort()

    def read_frame(self, kind, body):
        need(kind < 3, "a frame of an unknown kind")
        if kind == 2:
            self.read_raw(body)
        elif kind == 1:
            need(len(body) >= 4, "a frame without the length of its attachments")
            size = 4 + int.from_bytes(body[:4])
            need(size <= len(body), "attachments that go beyond their frame")
            self.decoder.begin(body[4:size])
            self.read_signals(body[size:])
            self.decoder.finish()
        elif body:
            self.read_signals(body)

    def read_signals(self, body):
        for signal in array(parse(body, MAX_JSON_DEPTH)):
            self.read_signal(array(signal))

    def read_raw(self, body):
        need(len(body) >= 5 and body[4] < 3, f"a raw frame of {len(body)} bytes")
        number, kind, data = int.from_bytes(body[:4]), body[4], body[5:]
        found, attached, json_parts, whole = self.raw or (number, [], [], False)
        need(found == number, f"raw byte array {number} before the signal of array {found}")
        need(not whole, f"raw byte array {number} goes on after its end")
        self.raw_bytes += len(data)
        need(self.raw_bytes <= MAX_MESSAGE_BYTES, "a message that is too large")
        need(kind != RAW_ATTACHMENTS or not any(json_parts), "attachments after their JSON")
        (attached if kind == RAW_ATTACHMENTS else json_parts).append(data)
        self.raw = (number, attached, json_parts, kind == RAW_END)

    def read_signal(self, signal):
        need(len(signal) > 0 and isinstance(signal[0], str), "a signal without its kind")
        kind, *items = signal
        if kind in ("large", "large_attached"):
            need(len(items) == (1 if kind == "large" else 2), f"a {kind} without its numbers")
            number, first = [natural(item) for item in [*items, 0][:2]]
            attached, text = self.take_raw(number)
            need(bool(attached) == (kind == "large_attached"), f"a {kind} of another kind of array")
            inner = array(parse(text, MAX_JSON_DEPTH))
            need(
                len(inner) > 0 and inner[0] not in ("large", "large_attached"),
                "a large signal in a large signal",
            )
            outer = self.decoder.begin(attached, first)
            self.read_signal(inner)
            self.decoder.finish(outer)
            return
        if kind == "send_text":
            need(len(items) >= 3, "a send_text without a text")
            kind, items[2:] = "send", [self.decoder.read_text(item) for item in items[2:]]
            return self.node.signal(self, kind, items)
        if kind.endswith("*"):
            kind = kind[:-1]
            need(kind in VALUES and len(items) > 0, f"{kind:.40} with tags")
            first = 2 if kind == "send" else len(items) - 1
            items[first:] = [self.decoder.decode(item) for item in items[first:]]
        if kind in VALUES:
            for value in items[2:] if kind == "send" else items[-1:]:
                need(not is_deeper(value, levels_of(kind)), "a value that is nested too deeply")
        self.node.signal(self, kind, items)
