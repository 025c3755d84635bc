"""A real nginx, with the documentation's configuration, before a really started service."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx2
import pytest

from certificates import Certificate, make_certificate
from serving import ROOT, Served, SmallAnswerer, running, served, small_app, stored, until

PAGE: Final = (ROOT / "docs" / "how-to" / "reverse-proxy.md").read_text(encoding="utf-8")
HOST: Final = "docs.example.org"
PREFIX: Final = "/afterword"
PUBLIC: Final = f"https://{HOST}{PREFIX}"
KEY: Final = "correct-horse-battery"
# Not an address that the service trusts, so that nginx is seen to tell of it.
CLIENT: Final = "127.0.0.2"
ODD_ID: Final = "a%2Fb,'c&d+e=f@Ärger(東京)"
STYLES: Final = ("prefix stays", "prefix goes")


def program() -> str:
    """Return where nginx is; without it a test is skipped, but where everything is to be tested."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        missing = "nginx is not installed (Debian package nginx-light)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def configuration(style: str) -> str:
    """Return the page's configuration, with its other lines in their places if the prefix goes."""
    whole, other = re.findall(r"^```nginx\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    if style == "prefix stays":
        return str(whole)
    location, proxy_pass = str(other).splitlines()
    assert location in whole
    changed, count = re.subn(r"^ *proxy_pass .*$", proxy_pass, whole, flags=re.MULTILINE)
    assert count == 1
    return changed


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Proxy:
    """A running nginx: its ports, and a client that calls it by the public name."""

    plain: int
    tls: int
    client: httpx2.Client

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Ask for a path from the server's root."""
        return self.client.get(path, headers=headers)


@contextmanager
def nginx(folder: Path, style: str, upstream: int) -> Iterator[Proxy]:
    """Run nginx in a folder, in front of the service on that port."""
    folder.mkdir()
    make_certificate(Certificate(folder / "fullchain.pem", folder / "privkey.pem"), HOST)
    plain, tls = free_port(), free_port()
    text = configuration(style)
    for shown, ours in (
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls} ssl;"),
        ("/etc/ssl/docs.example.org", str(folder)),
    ):
        assert shown in text
        text = text.replace(shown, ours)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error;\n"
        f"events {{}}\nhttp {{\naccess_log {folder}/access;\n{temporary}{text}}}\n"
    )
    command = [program(), "-e", str(folder / "error"), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            until(lambda: process.poll() is not None or listens(tls))
            assert process.poll() is None, (folder / "error").read_text()
            with client_of(folder, tls) as client:
                yield Proxy(plain, tls, client)
        finally:
            process.terminate()
            process.wait(20)


def listens(port: int) -> bool:
    """Tell whether somebody takes connections there."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def client_of(folder: Path, port: int) -> httpx2.Client:
    """Return a client that trusts the certificate and calls the host by its name."""

    def named(request: httpx2.Request) -> None:
        request.headers["Host"] = HOST
        request.extensions["sni_hostname"] = HOST

    context = ssl.create_default_context(cafile=folder / "fullchain.pem")
    transport = httpx2.HTTPTransport(verify=context, local_address=CLIENT)
    return httpx2.Client(
        base_url=f"https://127.0.0.1:{port}",
        transport=transport,
        timeout=60,
        event_hooks={"request": [named]},
    )


@dataclass(frozen=True)
class Site:
    """A service that was really started, and a proxy of each style in front of it."""

    service: Served
    proxies: dict[str, Proxy]
    key: dict[str, str]


@pytest.fixture(scope="module", params=["key", "no key"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A service with a key, then one without."""
    program()
    folder = tmp_path_factory.mktemp("proxied")
    has_key = request.param == "key"
    environ = {"AFTERWORD_PUBLIC_URL": PUBLIC, **({"AFTERWORD_API_KEY": KEY} if has_key else {})}
    with ExitStack() as stack:
        service = stack.enter_context(served(folder / "data", folder / "log", **environ))
        port = service.client.base_url.port
        assert port is not None
        proxies = {
            style: stack.enter_context(nginx(folder / f"nginx{number}", style, port))
            for number, style in enumerate(STYLES)
        }
        yield Site(service, proxies, {"Authorization": f"Bearer {KEY}"} if has_key else {})


@pytest.mark.parametrize("style", STYLES)
def test_a_document_goes_in_and_comes_out_through_the_proxy(site: Site, style: str) -> None:
    """Over nginx's own limit of 1 MB; job, text and original are found by the links alone."""
    proxy = site.proxies[style]
    file = (
        b"<p>The lamp on Gull Point is green.</p><!--" + os.urandom(1 << 20).hex().encode() + b"-->"
    )
    sent = proxy.client.post(
        f"{PREFIX}/v1/documents",
        files={"file": ("gull.html", file)},
        data={"id": ODD_ID},
        headers={**site.key, "Origin": f"https://{HOST}"},
    )
    assert sent.status_code == 202, sent.text
    job = sent.headers["location"]
    assert job == f"{PREFIX}/v1/jobs/{sent.json()['job_id']}"
    until(lambda: proxy.get(job, **site.key).json()["state"] in {"done", "failed"}, 60)
    assert proxy.get(job, **site.key).json()["state"] == "done"
    document = proxy.get(f"{PREFIX}/v1/documents/{quote(ODD_ID, safe='')}", **site.key).json()
    url = document["original"]["url"]
    assert url.startswith(f"{PREFIX}/v1/documents/")
    assert ("ticket=" in url) is bool(site.key)
    # As a browser follows a link: without the key.
    got = proxy.get(url)
    assert (got.status_code, got.content == file) == (200, True)
    part = proxy.get(url, Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, file[100:200])
    asked = {"question": "Which colour has the lamp on Gull Point?"}
    answered = proxy.client.post(f"{PREFIX}/v1/query", json=asked, headers=site.key)
    assert answered.json()["status"] == "answered"
    gone = proxy.client.delete(f"{PREFIX}/v1/documents/{quote(ODD_ID, safe='')}", headers=site.key)
    assert gone.status_code == 204
    assert proxy.get(url).status_code == 404


@pytest.mark.parametrize("style", STYLES)
def test_pages_and_problems_link_below_the_prefix(site: Site, style: str) -> None:
    """The description, its page, and where the address without a slash leads."""
    proxy = site.proxies[style]
    assert f'href="{PREFIX}/openapi.json"' in proxy.get(f"{PREFIX}/docs").text
    assert proxy.get(f"{PREFIX}/openapi.json").json()["servers"] == [{"url": PREFIX}]
    assert proxy.get(PREFIX).headers["location"].endswith(f"{PREFIX}/")
    home = proxy.get(f"{PREFIX}/").text
    assert f'<base href="{PREFIX}/">' in home
    files = re.findall(r'(?:src|href)="(page/[^"]+)"', home)
    assert files
    assert {proxy.get(f"{PREFIX}/{file}").status_code for file in files} == {200}
    missing = proxy.get(f"{PREFIX}/v1/nothing", **site.key)
    assert missing.json()["type"] == f"{PREFIX}/docs#problem-route_not_found"
    assert proxy.get("/v1/documents", **site.key).status_code == 404  # nginx's own: not below it
    with httpx2.Client(base_url=f"http://127.0.0.1:{proxy.plain}") as plain:
        moved = plain.get(f"{PREFIX}/docs?x=1", headers={"Host": HOST})
    assert moved.headers["location"] == f"{PUBLIC}/docs?x=1"


@pytest.mark.parametrize("style", STYLES)
def test_who_may_come_in(site: Site, style: str) -> None:
    """With a key all need it, whatever the path's spelling; without one no other site's page."""
    proxy = site.proxies[style]
    asked = {"question": "What?"}
    for origin in ("https://evil.example", f"http://{HOST}", "null"):
        headers = {"Origin": origin, **site.key}
        sent = proxy.client.post(f"{PREFIX}/v1/query", json=asked, headers=headers)
        # A page that has the key was given it.
        assert sent.status_code in ({200, 404} if site.key else {403}), origin
    if not site.key:
        assert proxy.get(f"{PREFIX}/v1/documents").status_code in {200, 404}
        return
    for path in (
        "/v1/documents",
        "//v1/documents",
        "/%2e/v1/documents",
        "/docs/../v1/documents",
        "/docs/%2e%2e/v1/documents",
        "/docs%2f..%2fv1/documents",
        f"{PREFIX}/v1/documents",
        f"/{PREFIX}/v1/documents",
        "/v1%2fdocuments",
        f"/..{PREFIX}/v1/documents",
        "/metrics",
    ):
        refused = raw(proxy, f"{PREFIX}{path}")
        assert refused.split()[1] in {b"401", b"404", b"400"}, path
        assert b'"items"' not in refused
    assert proxy.get(f"{PREFIX}/v1/collections", **site.key).status_code == 200


def raw(proxy: Proxy, target: str) -> bytes:
    """Send a target as it is written, which no client library does, and return the answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", proxy.tls)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as asked,
    ):
        lines = f"GET {target} HTTP/1.1", f"Host: {HOST}", "Connection: close", "", ""
        asked.sendall("\r\n".join(lines).encode())
        return b"".join(iter(lambda: asked.recv(1 << 16), b""))


@pytest.mark.parametrize("style", STYLES)
def test_the_log_tells_the_client_and_no_ticket(site: Site, style: str) -> None:
    """The one that nginx saw, not one that it was told; and of others nothing is believed."""
    proxy = site.proxies[style]
    request_id = proxy.get(f"{PREFIX}/openapi.json", **{"X-Forwarded-For": "6.6.6.6"}).headers[
        "x-request-id"
    ]
    transport = httpx2.HTTPTransport(local_address=CLIENT)
    with httpx2.Client(base_url=site.service.url, transport=transport) as direct:
        forged = {"X-Forwarded-For": "6.6.6.6", "X-Request-ID": f"forged{len(style)}"}
        assert direct.get("/docs", headers=forged).status_code == 200
    assert logged(site, request_id)["client"] == CLIENT
    assert logged(site, forged["X-Request-ID"])["client"] == CLIENT
    log = site.service.log.read_text()
    assert "ticket=" not in log
    assert ("open_to_all_who_reach_the_proxy" in log) is not bool(site.key)


def logged(site: Site, request_id: str) -> dict[str, object]:
    """Return the one line of the log on a request, which is written when it was answered."""
    (line,) = until(
        lambda: [one for one in site.service.lines() if one.get("request_id") == request_id]
    )
    return line


@pytest.mark.parametrize("style", STYLES)
def test_an_answer_arrives_while_it_is_written(tmp_path: Path, style: str) -> None:
    """Each event is there before the next one is made."""
    program()
    stored(tmp_path, {"d": "swans are white"})
    go_on = threading.Semaphore(0)
    answerer = SmallAnswerer(tmp_path, between=lambda: wait_for(go_on))
    app = small_app(answerer, public_url=PUBLIC)
    with running(app) as direct:
        port = direct.base_url.port
        assert port is not None
        with (
            nginx(tmp_path / "nginx", style, port) as proxy,
            proxy.client.stream(
                "POST", f"{PREFIX}/v1/query", json={"question": "swans", "stream": True}
            ) as answer,
        ):
            seen = []
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    seen.append(line.removeprefix("event: "))
                    go_on.release()
            assert seen == ["search", "token", "token", "token", "token", "final"]


def wait_for(go_on: threading.Semaphore) -> None:
    """Wait until the event before has arrived."""
    assert go_on.acquire(timeout=30), "the event before did not arrive"
