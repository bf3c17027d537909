"""Values that a generator cannot guess: users, their tokens, and the ids of existing objects.

Each run signs in users of its own and connects banks for them. A request of the run is then aimed, more often than
not, at something that exists. Which one follows from the request, so that a finding can be repeated.
"""

import atexit
import collections
import json
import os
import secrets
import time
import zlib

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

READY = json.load(open(os.environ["READY_FILE"]))
API = READY["api_url"]
OPEN = [
    "/webhook",
    "/webhook/",
    "/connection-reports",
    "/callback/{session}/{outcome}",
    "/callback/{session}/{outcome}/",
]
LISTS = ["owners", "accounts", "transactions", "bills", "investments", "investment-transactions"]


class User:
    """A signed-in user."""

    def __init__(self):
        self.external_id = f"tester-{secrets.token_hex(8)}"
        claims = {"sub": self.external_id, "cpf": "76109277673", "name": "Tomás Andrade Freire"}
        claims["exp"] = int(time.time()) + 86_400
        self.token = call("POST", READY["issuer_url"] + "/token", claims)["access_token"]

    def call(self, method, path, body=None):
        return call(method, API + path, body, {"Authorization": f"Bearer {self.token}"})

    def connect(self, **how):
        """Ends a visit to the widget, and follows the redirect."""
        minted = self.call("POST", "/token", {})
        how |= {"access_token": minted["access_token"], "external_id": self.external_id}
        connected = sandbox("POST", "connect", how)
        requests.get(connected["redirect_url"], timeout=30)
        return connected.get("link_id")


def call(method, url, body=None, headers=None):
    answer = requests.request(method, url, json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def sandbox(method, path, body=None):
    return call(method, f"{READY['belvo_url']}/_sandbox/{path}", body)


def until_read(user, links):
    """Waits until these links are listed, and all of the user's links are synced."""
    for _ in range(300):
        status = {link["link_id"]: link["status"] for link in user.call("GET", "/links")["links"]}
        if set(links) <= set(status) and not {"awaiting_owner", "loading"} & set(status.values()):
            return
        time.sleep(0.2)
    raise SystemExit(f"some links are still on their way: {status}")


OWNER, OTHER = User(), User()
READABLE = [OWNER.connect(), OWNER.connect(access_mode="single"), OWNER.connect()]
SOMEBODY_ELSES = [OWNER.connect(owner="23824264030"), OTHER.connect()]
ERASED = OWNER.connect()
for outcome in ["exit", "exit_error:institution_down", "error", "warning"]:
    OWNER.connect(outcome=outcome)
REPORT_SESSION = OWNER.call("POST", "/token")["report_session"]
sandbox("POST", "settle")
until_read(OWNER, [*READABLE, ERASED])
sandbox("POST", f"links/{READABLE[2]}/consent", {"expire": True})
RECEIPT = OWNER.call("DELETE", f"/links/{ERASED}")["receipt_id"]
LINKS = [*READABLE, *SOMEBODY_ELSES, ERASED]

PATHS = [f"/links/{link}/{name}" for link in READABLE for name in LISTS] + ["/transactions", "/export"]
CURSORS = {path: OWNER.call("GET", f"{path}?limit=1")["next_cursor"] for path in PATHS}
WIDGETS = [it["body"]["widget"] for it in sandbox("GET", "requests") if it["path"] == "/api/token/"]
URLS = [widget["callback_urls"] for widget in WIDGETS if "callback_urls" in widget][-1]
SESSIONS = {kind: URLS[kind].split("/")[-2] for kind in ["success", "exit", "event"]}
TAGS = {}
ANSWERS = collections.defaultdict(collections.Counter)


@schemathesis.auth().skip_for(path=OPEN)
class AccessToken:
    def get(self, case, context):
        return OWNER.token

    def set(self, case, token, context):
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.auth().apply_to(path=["/webhook", "/webhook/"], method="POST")
class WebhookAuthorization:
    def get(self, case, context):
        return READY["webhook_authorization"]

    def set(self, case, value, context):
        case.headers["Authorization"] = value


@schemathesis.hook
def before_call(context, case, kwargs):
    number = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())

    def one_of(values):
        return values[(number >> 8) % len(values)]

    def is_good(place):
        return case.meta is None or not case.meta.is_negative_at(place)

    # Deliberately invalid values stay as they are.
    if number % 5 == 0 or not is_good(ParameterLocation.PATH) or not is_good(ParameterLocation.QUERY):
        return
    path, query = case.path_parameters, case.query or {}
    if "link_id" in path:
        path["link_id"] = one_of(READABLE * 3 + LINKS)
    if "receipt_id" in path:
        path["receipt_id"] = RECEIPT
    if path.get("outcome") in SESSIONS:
        path["session"] = SESSIONS[path["outcome"]]
    if "from" in query and number % 2:
        query["from"] = one_of(["2025-12-31", "2026-03-01", "2026-09-30"])
    address = case.formatted_path
    if "cursor" in query and CURSORS.get(address):
        case.query = {"cursor": CURSORS[address], "limit": one_of([1, 2, 500])}
    if "If-None-Match" in (case.headers or {}) and address in TAGS:
        case.headers["If-None-Match"], case.query = TAGS[address], {}
    if isinstance(case.body, dict) and is_good(ParameterLocation.BODY):
        aim(case.operation.label, case.body, one_of)


def aim(operation, body, one_of):
    """Puts ids of existing objects into a body, where it has a member for them."""
    real = {
        "link_id": one_of(LINKS),
        "institutions": ["ofmockbank_br_retail"],
        "return_url": one_of(["https://www.example.com/connected?tab=2", "acmeapp://connected"]),
        "application_link": "https://www.example.com/connected",
        "session": REPORT_SESSION,
    }
    if operation == "POST /callback":
        real["url"] = f"acmeapp://connected/{SESSIONS['success']}/success?link={one_of(LINKS)}"
    body.update({name: value for name, value in real.items() if name in body})
    # The local stack reads the identification from the token.
    body.pop("identification", None)


@schemathesis.hook
def after_call(context, case, response):
    ANSWERS[case.operation.label][response.status_code] += 1
    tag = response.headers.get("etag")
    if tag and not case.query:
        TAGS[case.formatted_path] = tag[0]


@atexit.register
def tell():
    """Prints the answers. A route that never succeeded counts as untested."""
    print()
    for operation, answers in sorted(ANSWERS.items()):
        print(f"{operation:45}", *(f"{status}×{number}" for status, number in sorted(answers.items())))
    refused = [operation for operation, answers in ANSWERS.items() if min(answers) >= 300]
    if refused:
        print("never answered well:", *refused, sep="\n  ", flush=True)
        os._exit(1)
