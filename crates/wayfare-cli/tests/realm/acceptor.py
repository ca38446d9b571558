"""A server over TLS whose tickets have to be bound to its certificate; Apache's module cannot demand it.

Usage: acceptor.py CHAIN KEY PORT BOUND, where BOUND is the certificate that tickets have to be bound to.
What it answers is what the ticket asked for, as gssapi.h numbers it.
"""

import base64
import ctypes
import hashlib
import socket
import ssl
import sys

library = ctypes.CDLL("libgssapi_krb5.so.2")


class Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    @classmethod
    def of(cls, data):
        kept = ctypes.create_string_buffer(data, len(data))
        made = cls(len(data), ctypes.cast(kept, ctypes.c_void_p))
        made.kept = kept
        return made


class Bindings(ctypes.Structure):
    _fields_ = [
        ("initiator_type", ctypes.c_uint32),
        ("initiator_address", Buffer),
        ("acceptor_type", ctypes.c_uint32),
        ("acceptor_address", Buffer),
        ("application_data", Buffer),
    ]


def accept(token, bound):
    """Takes a token; gives the answer to it and what it asked for, or nothing."""
    nothing, data, said = Buffer(0, None), Buffer.of(bound), Buffer.of(token)
    bindings = Bindings(0, nothing, 0, nothing, data)
    context, minor, flags, answer = ctypes.c_void_p(), ctypes.c_uint32(), ctypes.c_uint32(), Buffer()
    major = library.gss_accept_sec_context(
        ctypes.byref(minor), ctypes.byref(context), None, ctypes.byref(said), ctypes.byref(bindings),
        None, None, ctypes.byref(answer), ctypes.byref(flags), None, None,
    )
    return None if major else (ctypes.string_at(answer.value, answer.length), flags.value)


def serve(connection, bound):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        read = connection.recv(65536)
        if not read:
            return
        head += read
    tokens = [line.split(b" ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"authorization: negotiate ")]
    accepted = accept(base64.b64decode(tokens[0]), bound) if tokens else None
    status, challenge, body = b"401 No", b"Negotiate", b""
    if accepted:
        status, challenge = b"200 OK", b"Negotiate " + base64.b64encode(accepted[0])
        body = b"%d\n" % accepted[1]
    connection.sendall(
        b"HTTP/1.1 %s\r\nWWW-Authenticate: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        % (status, challenge, len(body), body)
    )


def main():
    chain, key, port, bound = sys.argv[1:]
    text = open(bound).read()
    first = text[: text.index("-----END CERTIFICATE-----") + 26]
    hashed = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).digest()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain, key)
    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        try:
            with tls.wrap_socket(listener.accept()[0], server_side=True) as connection:
                serve(connection, b"tls-server-end-point:" + hashed)
        except OSError:
            pass  # Whoever only looks whether it listens.


main()
