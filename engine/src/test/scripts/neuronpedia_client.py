"""Sends a graph to a stand-in for Neuronpedia twice, with the site's own client (PyPI's `neuronpedia`) and with `headwater upload`,
and says whether the requests are the same: method, path, body but for what packing makes of it, and the headers that the site reads.

usage: neuronpedia_client.py GRAPH.json HEADWATER     (needs `pip install neuronpedia`; port 3000, which that client talks to)
"""
import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ["USE_LOCALHOST"] = "true"
os.environ["NEURONPEDIA_API_KEY"] = "a-key"
seen = []


class Site(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def take(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        said = json.loads(body) if body else None
        if isinstance(said, dict) and "contentLength" in said:
            said["contentLength"] = "the packed length"
        key = self.headers.get("x-api-key")
        seen.append((self.command, self.path, key, self.headers.get("Content-Encoding"), said))
        graph = {"id": "1", "modelId": "m", "slug": "s", "promptTokens": [], "prompt": "", "titlePrefix": "", "url": "u"}
        answer = {
            "/api/graph/signed-put": {"url": "http://localhost:3000/store", "putRequestId": "7"},
            "/api/graph/save-to-db": {"url": "http://localhost:3000/m/graph?slug=s", "message": "saved"},
        }.get(self.path, graph)
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_PUT = do_GET = take


def requests_of(upload):
    seen.clear()
    upload()
    return list(seen)


def theirs(graph):
    from neuronpedia.np_graph_metadata import NPGraphMetadata

    try:
        NPGraphMetadata.upload_file(graph)
    except (KeyError, TypeError) as e:
        print("their client, reading the stored graph back:", e)


def main(graph, headwater):
    server = ThreadingHTTPServer(("localhost", 3000), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = requests_of(lambda: theirs(graph))
    ours = requests_of(
        lambda: subprocess.run([headwater, "upload", graph, "--url", "http://localhost:3000"], check=True, env=os.environ))
    # Their client asks for what it stored afterwards; the three requests before that are the upload.
    client = [r for r in client if r[0] != "GET" and not r[1].startswith("/api/graph/m")][:3]
    for request in ours:
        print(*request[:4])
    same = client == ours
    print("the same requests" if same else f"different:\n{[r[:4] for r in client]}\n{[r[:4] for r in ours]}")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
