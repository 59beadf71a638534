# SPDX-License-Identifier: BSD-3-Clause
"""An operator's metadata service: answers with what it was asked, as JSON.

Usage: endpoint.py unix:/PATH | http://ADDRESS:PORT
/big answers with a megabyte, /slow never.
"""

import json
import os
import socket
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/slow":
            time.sleep(1000)
        data = b"m" * (1 << 20) if self.path == "/big" else json.dumps({
            "method": self.command, "path": self.path, "headers": self.headers.items(),
            "body": body.decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = answer

    def address_string(self):
        return "weftd"


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


class UnixServer(Server):
    address_family = socket.AF_UNIX


def main():
    where = sys.argv[1]
    if where.startswith("unix:"):
        path = where[len("unix:"):]
        if os.path.exists(path):
            os.unlink(path)
        server = UnixServer(path, Handler)
    else:
        host, _, port = where[len("http://"):].rpartition(":")
        Server.address_family = socket.AF_INET6 if host[0] == "[" else socket.AF_INET
        server = Server((host.strip("[]"), int(port)), Handler)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
