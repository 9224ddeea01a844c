"""One unary gRPC call by a client that shares nothing with the program under test: gRPC's C core over OpenSSL.

The C core compares a server's certificate with a host name, and the fleet's certificates name identities (a URI) and no host. So the TLS to
the server is made here, with the same care that any client of the fleet owes: its authority alone is trusted, and the certificate must carry
the one URI that is expected. The C core speaks HTTP/2 and gRPC through it; its own TLS ends in this process.

The request's bytes come as hex on standard input; the answer is one line of JSON:
  {"code": "PERMISSION_DENIED", "details": "...", "hex": ""}    what the server answered
  {"code": "TLS", "details": "...", "hex": ""}                  no connection came about
"""
import argparse
import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading

import grpc

# A server that does not answer at all is a failed test, not a hanging one.
LIMIT_SECONDS = 20


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("address", help="host:port of the server")
    parser.add_argument("root", help="PEM file of the only authority that is trusted")
    parser.add_argument("identity", help="the URI that the server's certificate must carry")
    parser.add_argument("method", help="/package.Service/Method")
    parser.add_argument("--credential", help="PEM file with the caller's key and chain; without it, no certificate is presented")
    parser.add_argument("--metadata", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--tls", choices=["1.2", "1.3"], default="1.3", help="the highest version that is offered")
    return parser.parse_args()


def outward(given):
    """TLS towards the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(given.root)
    context.set_alpn_protocols(["h2"])
    if given.tls == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if given.credential:
        context.load_cert_chain(given.credential)
    return context


def inward(folder):
    """TLS between the C core and this process, with a certificate that is thrown away at the end."""
    path = os.path.join(folder, "hop.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=hop",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", path + ".crt"],
        check=True, capture_output=True)
    with open(path + ".crt", "rb") as certificate, open(path, "ab") as both:
        text = certificate.read()
        both.write(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.set_alpn_protocols(["h2"])
    return context, text


class Relay:
    """Listens on loopback and carries each connection to the server."""

    def __init__(self, given, context):
        self.given, self.context, self.port = given, context, 0
        self.ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        self.ready.wait(LIMIT_SECONDS)

    async def serve(self):
        server = await asyncio.start_server(self.carry, "127.0.0.1", 0, ssl=self.context)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await server.serve_forever()

    async def carry(self, reader, writer):
        try:
            far_reader, far_writer = await connect(self.given)
        except (OSError, asyncio.TimeoutError):
            writer.close()
            return
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))


async def connect(given):
    """A verified connection to the server."""
    host, port = given.address.rsplit(":", 1)
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(host, int(port), ssl=outward(given), server_hostname=""), LIMIT_SECONDS)
    names = [value for kind, value in writer.get_extra_info("ssl_object").getpeercert().get("subjectAltName", ()) if kind == "URI"]
    if names != [given.identity]:
        writer.close()
        raise ssl.SSLError(f"the server is {names}")
    return reader, writer


async def try_connection(given):
    """What is wrong with the connection, or None. Asked first, since the C core would go on trying behind the relay."""
    try:
        _, writer = await connect(given)
        writer.close()
        return None
    except (OSError, asyncio.TimeoutError) as error:
        return f"{type(error).__name__}: {error}"


async def copy(source, target):
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except OSError:
        pass  # the other direction says what became of the call
    finally:
        target.close()


def main():
    given = arguments()
    if failure := asyncio.run(try_connection(given)):
        print(json.dumps({"code": "TLS", "details": failure, "hex": ""}))
        return
    with tempfile.TemporaryDirectory() as folder:
        context, certificate = inward(folder)
        relay = Relay(given, context)
        options = [("grpc.enable_retries", 0)]
        with grpc.secure_channel(f"127.0.0.1:{relay.port}", grpc.ssl_channel_credentials(certificate), options) as channel:
            call = channel.unary_unary(given.method, request_serializer=lambda raw: raw, response_deserializer=lambda raw: raw)
            result = {"code": "OK", "details": "", "hex": ""}
            try:
                metadata = [tuple(pair.split("=", 1)) for pair in given.metadata]
                result["hex"] = call(bytes.fromhex(sys.stdin.read().strip()), timeout=LIMIT_SECONDS, metadata=metadata).hex()
            except grpc.RpcError as error:
                result["code"], result["details"] = error.code().name, error.details()
            print(json.dumps(result))


main()
