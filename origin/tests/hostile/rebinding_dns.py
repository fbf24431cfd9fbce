"""A name server that changes its answers, for the tests of remote sources (SSRF-4, SSRF-11).

usage: rebinding_dns.py NAME=ANSWER[,ANSWER…][;ANSWER…] …

The answers to a name's first look-up stand before the first `;`, those to its second one before the next, and so on;
the last stay. IPv4 addresses answer A queries, IPv6 addresses AAAA queries. `nxdomain`, `servfail` and `empty` are
answers of their own. Prints its port, then one line for every query: `NAME TYPE`.
"""

import ipaddress
import socket
import struct
import sys

TYPES = {1: "A", 28: "AAAA"}
CODES = {"servfail": 2, "nxdomain": 3}


def question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii"))
        at += 1 + packet[at]
    (kind,) = struct.unpack("!H", packet[at + 1 : at + 3])
    return ".".join(labels), kind, packet[12 : at + 5]


def reply(packet, asked, kind, answers):
    code = next((CODES[answer] for answer in answers if answer in CODES), 0)
    addresses = [ipaddress.ip_address(answer) for answer in answers if answer not in CODES and answer != "empty"]
    fitting = [address.packed for address in addresses if (address.version == 4) == (kind == 1)]
    header = packet[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(fitting), 0, 0)
    # The name of each record is a pointer to the question; it may be kept for no time at all.
    records = [struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed for packed in fitting]
    return header + asked + b"".join(records)


def main():
    scripts = {}
    for argument in sys.argv[1:]:
        name, answers = argument.split("=", 1)
        scripts[name] = [turn.split(",") for turn in answers.split(";")]
    turns = {}
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        packet, client = server.recvfrom(512)
        name, kind, asked = question(packet)
        print(name, TYPES.get(kind, kind), flush=True)
        script = scripts.get(name, [["nxdomain"]])
        turn = turns.get((name, kind), 0)
        turns[name, kind] = turn + 1
        server.sendto(reply(packet, asked, kind, script[min(turn, len(script) - 1)]), client)


main()
