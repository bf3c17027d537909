"""The checks of .ci/lambda: the binaries, SAM's and `cargo lambda deploy`'s use of them, and the functions' answers."""

import base64
import http.client
import http.server
import io
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile
import zlib

FUNCTIONS = {path.name for path in pathlib.Path("functions").iterdir()}
# The architecture's code in an ELF header.
MACHINES = {"arm64": 183, "x86-64": 62}
# Lambda accepts no larger archive in a call.
LARGEST_ARCHIVE = 50_000_000

# The answers to the samples on a stack without links. SESSION, LINK_ID and RECEIPT_ID are not valid ids.
STATUS = {"callback": 400, "links": 200, "token": 201, "webhook": 200}
OTHER_STATUS = {
    "callback/unknown_outcome": 404,
    "links/accounts": 404,
    "links/delete_link": 404,
    "links/delete_me": 202,
    "links/link": 404,
    "links/receipt": 404,
    "links/refresh_of_accounts": 404,
    "links/transactions_of_a_month": 404,
    # Its application link is unknown to the stack.
    "token/app_to_app": 400,
    "token/identification_in_the_body": 400,
    "token/portal_renew": 404,
    "token/wrong_in_many_places": 400,
}
# The stack has fewer links than this page needs.
ERROR = {"sweeper/reread_all_continued": "NoSuchPage"}

# Method, path, headers, status. No authorizer verifies tokens here, so every user counts as signed out.
ROUTES = [
    ("POST", "/webhook", {"Authorization": "webhook_authorization"}, 200),
    ("POST", "/webhook", {}, 401),
    ("GET", "/callback/SESSION/success", {}, 400),
    ("POST", "/callback", {}, 400),
    ("POST", "/token", {}, 401),
    ("GET", "/links", {}, 401),
    ("DELETE", "/links/LINK_ID", {}, 401),
    ("GET", "/links/LINK_ID/investment-transactions", {}, 401),
    # Unknown routes.
    ("POST", "/links", {}, 404),
    ("GET", "/fetcher", {}, 404),
]


def binaries(folder, arch):
    """Each function and no other file, for the right architecture, and small enough."""
    found = {path.name for path in pathlib.Path(folder).iterdir()}
    assert found == FUNCTIONS, f"{folder} holds {found}"
    for name in sorted(FUNCTIONS):
        bootstrap(pathlib.Path(folder, name), arch)


def package(template, arch):
    """Every CodeUri of SAM's build holds a function."""
    template = pathlib.Path(template)
    folders = re.findall(r"^ +CodeUri: (.+)$", template.read_text(), re.MULTILINE)
    assert {pathlib.Path(it).name for it in folders} == FUNCTIONS, folders
    for folder in folders:
        bootstrap(template.parent / folder, arch)


def bootstrap(folder, arch):
    found = [path.name for path in folder.iterdir()]
    assert found == ["bootstrap"], f"{folder} holds {found}"
    content = (folder / "bootstrap").read_bytes()
    machine = int.from_bytes(content[18:20], "little")
    assert content[:4] == b"\x7fELF" and machine == MACHINES[arch], f"{folder}: not for {arch}"
    size = len(zlib.compress(content))
    assert size < LARGEST_ARCHIVE, f"{folder}: {size} bytes"
    print(f"{folder.name}: {arch}, {size / 1e6:.1f} MB zipped")


def deploy(folder):
    """`cargo lambda deploy` replaces a function's code, and leaves its configuration alone."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Account) as account:
        threading.Thread(target=account.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{account.server_port}"
        for name in sorted(FUNCTIONS):
            account.calls = []
            command = ["cargo", "lambda", "deploy", "--binary-name", name, f"stack-{name}-1", "--lambda-dir", folder]
            subprocess.run(command + ["--endpoint-url", url], check=True, stdout=subprocess.DEVNULL, timeout=60)
            functions = f"/2015-03-31/functions/stack-{name}-1"
            asked = [call for call, _ in account.calls]
            assert asked == [f"GET {functions}", f"PUT {functions}/code"], asked
            body = account.calls[-1][1]
            assert set(body) <= {"Publish", "ZipFile"}, set(body)
            archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(body["ZipFile"])))
            assert archive.namelist() == ["bootstrap"], archive.namelist()
            built = pathlib.Path(folder, name)
            assert archive.read("bootstrap") == (built / "bootstrap").read_bytes()
        account.shutdown()


class Account(http.server.BaseHTTPRequestHandler):
    """Lambda's API for one deployed function, with a record of the calls."""

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or "{}")
        self.server.calls.append((f"{self.command} {self.path.split('?')[0]}", body))
        configuration = {
            "FunctionArn": "arn:aws:lambda:sa-east-1:000000000000:function:f",
            "Version": "1",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "Environment": {"Variables": {"QUEUE_URL": "https://queue.example.com"}},
            "MemorySize": 256,
            "Timeout": 5,
            "TracingConfig": {"Mode": "Active"},
        }
        answer = json.dumps(configuration | {"Configuration": configuration}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        """Records the calls instead of printing a log."""


def calls(port, ready):
    """Every sample through `cargo lambda invoke`, and some routes through HTTP."""
    until_listening(port)
    samples = sorted(pathlib.Path("events").glob("*/*.json"))
    assert {path.parent.name for path in samples} == FUNCTIONS
    wrong = [line for path in samples for line in invoked(port, path)]
    ready = json.loads(pathlib.Path(ready).read_text())
    wrong += [line for route in ROUTES for line in routed(port, ready, *route)]
    print(f"{len(samples)} samples invoked, {len(ROUTES)} routes called")
    if wrong:
        sys.exit("\n".join(wrong))


def invoked(port, path):
    function, sample = path.parent.name, f"{path.parent.name}/{path.stem}"
    command = ["cargo", "lambda", "invoke", function, "--data-file", path]
    where = ["--invoke-address", "127.0.0.1", "--invoke-port", port]
    # The first one may have to wait for the compiler.
    run = subprocess.run(command + where, capture_output=True, text=True, timeout=600)
    if run.returncode or sample in ERROR:
        expected = ERROR.get(sample, "no error")
        return [] if f"Error: {expected}" in run.stderr else [f"{sample}: {expected}, not {run.stdout}{run.stderr}"]
    answer = json.loads(run.stdout)
    if function in STATUS:
        got, expected = answer.get("statusCode"), OTHER_STATUS.get(sample, STATUS[function])
    elif function == "fetcher":
        # Not even the sample of a job that nobody can read fails: such a job is set apart.
        got, expected = answer["batchItemFailures"], []
    else:
        got, expected = type(answer.get("enqueued")), int
    return [] if got == expected else [f"{sample}: {expected}, not {got}: {run.stdout}"]


def routed(port, ready, method, path, headers, expected):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    body = "{}" if method == "POST" else None
    headers = {name: ready[value] for name, value in headers.items()}
    connection.request(method, path, body, headers | {"Content-Type": "application/json"})
    got = connection.getresponse().status
    return [] if got == expected else [f"{method} {path}: {expected}, not {got}"]


def until_listening(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", int(port))).close()
        except ConnectionRefusedError:
            time.sleep(0.2)
    sys.exit("cargo lambda watch does not listen")


{"binaries": binaries, "package": package, "deploy": deploy, "calls": calls}[sys.argv[1]](*sys.argv[2:])
