"""This peer against docs/protocol_vectors.json: python3 self_test.py"""

import json
import unittest
from pathlib import Path

import connection
from connection import Connection
from node import Node
from values import Decoder, Encoder, ProtocolError, attached_frame, json_frame, parse, raw_frame

VECTORS = json.loads(
    (Path(__file__).parents[2] / "docs" / "protocol_vectors.json").read_text("utf-8")
)
SENDER, RECEIVER = [(VECTORS[end]["name"], VECTORS[end]["creation"]) for end in ("sender", "receiver")]


class Recorder:
    """A node that is also its writer, and records its calls."""

    def __init__(self, end):
        self.name, self.creation = end
        self.signals, self.bytes = [], b""

    def signal(self, _there, kind, items):
        self.signals.append((kind, items))

    def write(self, data):
        self.bytes += data


def connection_of(me, peer):
    node, (name, creation) = Recorder(me), peer
    theirs = {"name": name, "creation": creation, "hidden": False, "maxMessageBytes": 1 << 25}
    return node, Connection(node, theirs, None, node)


class Vectors(unittest.TestCase):
    def test_values(self):
        for vector in VECTORS["values"]:
            with self.subTest(vector["value"]):
                value = Decoder(RECEIVER, SENDER).decode(vector["json"])
                encoder = Encoder(SENDER, RECEIVER)
                self.assertEqual(encoder.encode(value), vector["json"])
                self.assertEqual(encoder.tagged, vector["tagged"])

    def test_refused_values(self):
        for vector in VECTORS["refusedValues"]:
            with self.subTest(vector["why"]), self.assertRaises(ProtocolError):
                Decoder(RECEIVER, SENDER).decode(vector["json"])

    def test_frames(self):
        for vector in VECTORS["frames"]:
            with self.subTest(vector):
                match vector:
                    case {"what": "tick"}:
                        frame = bytes(4)
                    case {"what": "json", "json": text}:
                        frame = bytes.fromhex(vector["hex"])
                        self.assertEqual(parse(frame[4:], 66), json.loads(text))
                        self.assertEqual(parse(json_frame(json.loads(text))[4:], 66), json.loads(text))
                    case {"what": "attached", "json": text, "attachments": attachments}:
                        frame = self.attached(vector, text, attachments)
                    case {"what": "raw"}:
                        frame = raw_frame(
                            vector["number"], bytes.fromhex(vector["bytes"]), vector["kind"]
                        )
                self.assertEqual(frame.hex(), vector["hex"])

    def attached(self, vector, text, attachments):
        """A frame with attachments, which are read and written again."""
        frame = bytes.fromhex(vector["hex"])
        size = 8 + int.from_bytes(frame[4:8])
        decoder, encoder = Decoder(RECEIVER, SENDER), Encoder(SENDER, RECEIVER)
        decoder.begin(frame[8:size])
        for number, each in enumerate(attachments):
            if "text" in each:
                self.assertEqual(decoder.read_text(number), each["text"])
                ascii_text = each["text"].isascii()
                encoder.attach(0 if ascii_text else 0x8000_0000, each["text"].encode("utf-8"))
            else:
                value = decoder.read_bytes(["Uint8Array", number])
                self.assertEqual(value.hex(), each["bytes"])
                encoder.attach(0, value)
        decoder.finish()
        self.assertEqual(parse(frame[size:], 66), json.loads(text))
        return attached_frame(json.loads(text), b"".join(encoder.attachments))

    def test_refused_frames(self):
        for vector in VECTORS["refusedFrames"]:
            with self.subTest(vector["why"]), self.assertRaises(ProtocolError):
                frame = bytes.fromhex(vector["hex"])
                _, received = connection_of(RECEIVER, SENDER)
                received.read_frame(frame[0] >> 6, frame[4:])

    def test_signals(self):
        for vector in VECTORS["signals"]:
            with self.subTest(vector["what"]):
                node, received = connection_of(RECEIVER, SENDER)
                received.read_signal(json.loads(json.dumps(vector["signal"])))
                [(kind, items)] = node.signals
                out, sent = connection_of(SENDER, RECEIVER)
                if vector["signal"][0].endswith("*"):
                    sent.send_value(kind, *items)
                else:
                    sent.send(kind, *items)
                self.assertEqual(json.loads(out.bytes[4:]), [vector["signal"]])

    def test_refused_signals(self):
        for vector in VECTORS["refusedSignals"]:
            with self.subTest(vector["why"]), self.assertRaises(ProtocolError):
                name, creation = SENDER
                theirs = {"name": name, "creation": creation, "hidden": False, "maxMessageBytes": 1}
                node = Node(RECEIVER[0], "secret_token", {})
                node.creation = RECEIVER[1]
                Connection(node, theirs, None, Recorder(SENDER)).read_signal(vector["signal"])

    def test_epmd(self):
        again = f"{connection.WIRE} creation={RECEIVER[1]}"
        self.assertEqual(
            [
                connection.registration("kate", 40123, False, connection.WIRE).hex(),
                connection.registration("kate", 40123, True, connection.WIRE).hex(),
                connection.registration("kate", 40123, False, again).hex(),
                connection.with_length(b"\x7akate").hex(),
                connection.with_length(b"\x6e").hex(),
            ],
            [vector["hex"] for vector in VECTORS["epmd"]],
        )

    def test_proofs(self):
        for vector in VECTORS["handshakes"]:
            ends = vector["dialler"], vector["listener"]
            binding = ["tls", *[end["certificate"] for end in ends]] if vector["tls"] else []
            for role in ("dialler", "listener"):
                proof = connection.proof(vector["cookie"], role, *ends, binding)
                self.assertEqual(proof, vector[role]["proof"])


if __name__ == "__main__":
    unittest.main()
