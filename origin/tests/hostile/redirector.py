"""An https server that redirects wherever it is told to, for the tests of remote sources (SSRF-5).

usage: redirector.py CERTIFICATE.pem KEY.pem

`/picture` is a picture, `/to?LOCATION` redirects there (percent-decoded; `PORT` in it becomes the server's own port),
`/to-nowhere` redirects without a Location, `/ping` and `/pong` redirect to each other. Prints its port, then one line for every request: `PATH`, and ` Referer` and
` Cookie` behind it if the request had one.
"""

import http.server
import ssl
import sys
import urllib.parse

PICTURE = b"a picture behind a redirect"
CIRCLE = {"/ping": "/pong", "/pong": "/ping"}


class Redirector(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        marks = [name for name in ("Referer", "Cookie", "Authorization") if name in self.headers]
        print(" ".join([self.path, *marks]), flush=True)
        if self.path.startswith("/to?"):
            port = str(self.server.server_address[1])
            self.answer(302, location=urllib.parse.unquote(self.path[len("/to?") :]).replace("PORT", port))
        elif self.path == "/to-nowhere":
            self.answer(302)
        elif self.path in CIRCLE:
            self.answer(302, location=CIRCLE[self.path])
        else:
            self.answer(200, body=PICTURE)

    def answer(self, status, location=None, body=b""):
        self.send_response(status)
        self.send_header("Set-Cookie", "visited=yes; Path=/")
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirector)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
