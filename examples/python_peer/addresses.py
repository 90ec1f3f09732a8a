"""Addresses that peers announce for nodes: which are used, and which are passed on."""

import ipaddress
import re

from values import array, natural, need, text

ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})")
MAX_ADDRESS = 255
MAX_KNOWN = 1024


def reach(host):
    """The reach of an address: 0 its machine, 1 its link, 2 farther; None if no single machine has it."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback:
        return 0
    if ip.is_multicast or ip.is_unspecified or ip.packed[0] == 0 and ip.version == 4 or ip.packed[0] >= 224 and ip.version == 4:
        return None
    return 1 if ip.is_link_local else 2


def is_for(host, remote):
    """Whether an address is no nearer than the peer at the other end of a connection."""
    nearest = reach(remote)
    return reach(host) is not None and reach(host) >= (2 if nearest is None else nearest)


def listening(fields):
    """The `listen` of an introduction."""
    given = fields.get("listen")
    if given is not None or "listen" in fields:
        need(isinstance(given, dict), "listen is no object")
        need("port" not in given or 1 <= natural(given["port"]) <= 65535, "listen has no port")
        need("host" not in given or text(given["host"], MAX_ADDRESS) is not None, "a host is no text")
    return given


def place_of(theirs, remote, dialled):
    """The host and port of a peer; None if they are unknown."""
    listen = theirs.get("listen")
    if listen is None or "port" not in listen:
        return dialled
    host = listen.get("host", remote)
    return (host, listen["port"]) if is_for(host, remote) else dialled


def shown(place, remote):
    """The place of a node, for the peer at the other end of a connection."""
    if place is None or not is_for(place[0], remote):
        return None
    return f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"


def parsed(address):
    """Parses host and port; None if the text is no address."""
    found = ADDRESS.fullmatch(address)
    return found and (found[1] or found[2], int(found[3])) if found and 0 < int(found[3]) < 65536 else None


def announced(names, addresses, remote):
    """The places of nodes that a peer introduces, as far as they are used."""
    need(len(array(addresses)) == len(names), "addresses of more or fewer nodes")
    places = {}
    for name, address in zip(names, addresses):
        place = address if address is None else parsed(text(address, MAX_ADDRESS))
        if place is not None and is_for(place[0], remote):
            places[name] = place
    return places
