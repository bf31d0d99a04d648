"""Downloads go where they may and nowhere else, and take no more than they may."""

import contextlib
import datetime
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.errors import BadInput, DownloadFailed, TooLarge, UrlRefused
from serving.settings import Settings
from serving.storage.fetch import FetchRules, fetch
from tests.serving.storage.sites import INNER, PHOTO, Site, run_site

HERE = FetchRules(("photos.test",), private=True, max_bytes=200_000, timeout_s=5)
SOON = FetchRules(("photos.test",), private=True, timeout_s=0.5)


@pytest.fixture
def site() -> Iterator[Site]:
    with run_site() as site:
        yield site


def to(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """Look every name up as these."""
    return lambda _, __: addresses


LOOPBACK = to("127.0.0.1")


def test_what_lies_there_is_returned(site: Site) -> None:
    assert fetch(site.url("/photo?signature=1"), HERE, resolve=LOOPBACK) == PHOTO
    assert site.seen == [(f"photos.test:{site.port}", "/photo?signature=1")]


def test_rules_come_from_the_settings() -> None:
    assert FetchRules.of(Settings()) == FetchRules((), False, 64 * 2**20, 60)
    with pytest.raises(UrlRefused):
        fetch("http://example.org/", FetchRules.of(Settings()))


@pytest.mark.parametrize("url", INNER)
def test_no_form_of_an_inner_address_is_connected_to_even_if_its_name_is_allowed(url: str) -> None:
    host = url.removeprefix("http://").rpartition("/")[0].strip("[]").partition("/")[0]
    rules = FetchRules((host, "[" + host + "]"), timeout_s=2)
    with pytest.raises(UrlRefused):
        fetch(url, rules)


@pytest.mark.parametrize("url", INNER)
def test_no_form_of_an_inner_address_is_an_allowed_name(url: str) -> None:
    with pytest.raises(UrlRefused):
        fetch(url, FetchRules(("photos.test", "*.photos.test"), private=True, timeout_s=2))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
     "2002:7f00:1::", "fe80::1%eth0", "fd00:ec2::254", "100.64.0.1", "nonsense"],
)  # fmt: skip
@pytest.mark.parametrize("others", [(), ("8.8.8.8",), ("2606:4700::1111", "8.8.8.8")])
def test_every_address_of_a_name_must_be_public(address: str, others: tuple[str, ...]) -> None:
    rules = FetchRules(("photos.test",), timeout_s=2)
    for addresses in ((address, *others), (*others, address)):
        with pytest.raises(UrlRefused, match="public"):
            fetch("http://photos.test/", rules, resolve=to(*addresses))


@pytest.mark.parametrize(
    "url",
    ["", "photos.test/a", "//photos.test/a", "ftp://photos.test/a", "file:///etc/passwd",
     "gopher://photos.test/", "data:text/plain,a", "http://", "http:///a", "http://:80/",
     "http://photos.test@127.0.0.1/", "http://user:secret@photos.test/", "http://:@photos.test/",
     "http://127.0.0.1\\@photos.test/", "http://photos.test\\@127.0.0.1/",
     "http://127.0.0.1#@photos.test/", "http://127.0.0.1?@photos.test/",
     "http://photos.test.evil.test/", "http://evilphotos.test/", "http://photos.test%2eevil.test/",
     "http://photos.test%00.evil.test/", "http://photos.test./", "http://sub.photos.test/",
     "http://photos.test:22/", "http://photos.test:0/", "http://photos.test:99999/",
     "http://xn--/", "http://xn--a/",
     "http://photos.test:x/", "https://photos.test:80/", "http://photos.test/a b",
     "http://photos.test/\r\nX-Evil: 1", "http://pho\tos.test/", "http://photos.test/\0",
     "http://[::1/", "http://photos.test/" + "a" * 5000],
)  # fmt: skip
def test_words_that_lead_elsewhere_are_refused(url: str) -> None:
    looked: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        looked.append(host)
        return []

    with pytest.raises(UrlRefused):
        fetch(url, FetchRules(("photos.test",)), resolve=resolve)
    assert looked == []


@given(
    words=st.text(max_size=30), place=st.sampled_from(["{}", "http://{}", "http://photos.test{}"])
)
def test_no_words_are_worse_than_refused(words: str, place: str) -> None:
    looked: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        looked.append(host)
        return []

    with pytest.raises((UrlRefused, DownloadFailed)):
        fetch(place.format(words), HERE, resolve=resolve)
    assert set(looked) <= {"photos.test"}


@pytest.mark.parametrize(
    ("pattern", "url", "allowed"),
    [
        ("photos.test", "http://photos.test/", True),
        ("photos.test", "HTTPS://PHOTOS.TEST/", True),
        ("Photos.Test", "http://photos.test:80/", True),
        ("photos.test:8443", "https://photos.test:8443/", True),
        ("photos.test:8443", "https://photos.test/", False),
        ("*.photos.test", "https://a.photos.test/", True),
        ("*.photos.test", "https://a.b.photos.test/", True),
        ("*.photos.test", "https://photos.test/", False),
        ("*.photos.test", "https://aphotos.test/", False),
        ("*.photos.test", "https://a.photos.test:8443/", False),
        ("*", "https://photos.test/", False),
        ("", "https://photos.test/", False),
        ("xn--bcher-kva.test", "https://bücher.test/", True),
        ("[2606:4700::7]", "https://[2606:4700::7]/", True),
    ],
)
def test_hosts_are_names_with_ports_or_all_below_a_name(
    pattern: str, url: str, allowed: bool
) -> None:
    looked: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        looked.append(host)
        return []

    with pytest.raises(DownloadFailed if allowed else UrlRefused):
        fetch(url, FetchRules((pattern,)), resolve=resolve)
    assert bool(looked) == allowed


def test_a_name_that_changes_between_look_ups_is_looked_up_once(site: Site) -> None:
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])
    with socket.create_server(("127.0.0.2", site.port)) as inner:
        inner.setblocking(False)
        url = site.url("/hop/2")
        assert fetch(url, HERE, resolve=lambda _, __: [next(answers)]) == PHOTO
        with pytest.raises(BlockingIOError):
            inner.accept()
    assert next(answers) == "127.0.0.2", "one look-up for a page and three redirects"
    assert len(site.seen) == 4


def test_a_public_name_is_not_connected_to_at_what_it_means_later(site: Site) -> None:
    # nobody answers at the first address, and the name means this machine from then on
    answers = iter(["192.31.196.1"])
    rules = FetchRules((f"localhost:{site.port}",), timeout_s=0.5)
    with pytest.raises(DownloadFailed):
        fetch(f"http://localhost:{site.port}/photo", rules, resolve=lambda _, __: [next(answers)])
    assert site.seen == []


def test_the_next_address_is_tried_when_one_does_not_answer(site: Site) -> None:
    assert fetch(site.url("/photo"), HERE, resolve=to("127.0.0.9", "127.0.0.1")) == PHOTO


def test_a_redirect_on_the_same_host_is_followed(site: Site) -> None:
    for place in ("/photo", "photo", site.url("/photo"), f"//photos.test:{site.port}/photo"):
        assert fetch(site.url(f"/to?u={place}"), HERE, resolve=LOOPBACK) == PHOTO


def test_a_redirect_to_a_name_in_plain_bytes_leads_to_that(site: Site) -> None:
    for written in ("/photo/K%C3%BCche.jpg", "/photo/%C3%80.jpg", "/photo/K%FCche.jpg"):
        assert fetch(site.url(f"/to?u={written}"), HERE, resolve=LOOPBACK) == PHOTO
        assert site.seen[-1][1] == written


@pytest.mark.parametrize(
    "place",
    ["http://127.0.0.1:{port}/photo", "http://localhost:{port}/photo", "http://other.test/photo",
     "http://sub.photos.test/photo", "//169.254.169.254/", "http://photos.test@127.0.0.1:{port}/",
     "file:///etc/passwd", "gopher://photos.test/", "http://[", "http://photos.test:x/"],
)  # fmt: skip
def test_a_redirect_elsewhere_is_refused(site: Site, place: str) -> None:
    rules = FetchRules((*HERE.hosts, "other.test", "localhost", "127.0.0.1"), private=True)
    url = site.url(f"/to?u={place.format(port=site.port)}")
    with pytest.raises(UrlRefused):
        fetch(url, rules, resolve=LOOPBACK)
    assert len(site.seen) == 1


PIECES = ["http:", "https:", "//", "/", "\\", "@", ":", "[", "]", "::1", "photos.test", "evil.test",
          "%", "%2e", "..", "?", "#", "\t", " ", "é", "xn--", "81", "99999", "-1", "a", "data:",
          "javascript:", "\x80"]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=7))
def test_no_redirect_is_worse_than_refused(site: Site, pieces: list[str]) -> None:
    place = quote("".join(pieces), safe="", encoding="latin-1")
    with contextlib.suppress(BadInput, DownloadFailed):
        fetch(site.url(f"/to?u={place}"), HERE, resolve=LOOPBACK)
    assert {host for host, _ in site.seen} <= {f"photos.test:{site.port}"}


def test_a_redirect_to_another_port_is_refused_unless_it_is_allowed(site: Site) -> None:
    rules = FetchRules((f"photos.test:{site.port}",), private=False)
    with pytest.raises(UrlRefused):
        fetch(site.url("/to?u=http://photos.test:22/"), rules, resolve=LOOPBACK)


def test_three_redirects_are_followed_and_no_more(site: Site) -> None:
    assert fetch(site.url("/hop/2"), HERE, resolve=LOOPBACK) == PHOTO
    with pytest.raises(UrlRefused, match="more than 3"):
        fetch(site.url("/hop/3"), HERE, resolve=LOOPBACK)


@pytest.mark.parametrize("path", ["/promised", "/chunks", "/unbounded"])
def test_more_than_is_allowed_is_not_read_whatever_was_promised(site: Site, path: str) -> None:
    with pytest.raises(TooLarge):
        fetch(site.url(path), HERE, resolve=LOOPBACK)


@pytest.mark.parametrize("path", ["/drops", "/slow_head", "/silence"])
def test_a_slow_server_gets_no_more_time_for_sending_drop_by_drop(site: Site, path: str) -> None:
    start = time.monotonic()
    with pytest.raises(DownloadFailed, match=r"time|longer"):
        fetch(site.url(path), SOON, resolve=LOOPBACK)
    assert time.monotonic() - start < 1.5


def test_a_slow_look_up_counts_too() -> None:
    def resolve(_: str, __: int) -> list[str]:
        time.sleep(1)
        return []

    start = time.monotonic()
    with pytest.raises(DownloadFailed, match="looked up"):
        fetch("http://photos.test/", SOON, resolve=resolve)
    assert time.monotonic() - start < 0.9


@pytest.mark.parametrize("path", ["/short", "/long_head", "/status/500", "/status/503",
                                  "/status/408", "/status/425", "/status/429"])  # fmt: skip
def test_trouble_that_may_pass_is_named_so(site: Site, path: str) -> None:
    with pytest.raises(DownloadFailed):
        fetch(site.url(path), HERE, resolve=LOOPBACK)


@pytest.mark.parametrize("path", ["/status/404", "/status/403", "/status/410", "/status/204",
                                  "/status/304", "/status/302", "/zipped"])  # fmt: skip
def test_what_will_not_change_is_named_so(site: Site, path: str) -> None:
    with pytest.raises(BadInput):
        fetch(site.url(path), HERE, resolve=LOOPBACK)


def test_nobody_at_the_door_may_pass() -> None:
    with pytest.raises(DownloadFailed, match="refused"):
        fetch("http://photos.test:1/", HERE, resolve=LOOPBACK)
    with pytest.raises(DownloadFailed, match="looked up"):
        fetch("http://no-such-name.invalid/", FetchRules(("no-such-name.invalid",)))


def test_a_signature_in_a_url_is_in_no_message(site: Site) -> None:
    with pytest.raises(BadInput) as caught:
        fetch(site.url("/status/404?X-Amz-Signature=secret"), HERE, resolve=LOOPBACK)
    assert "secret" not in str(caught.value)
    with pytest.raises(UrlRefused) as caught:
        fetch("http://user:secret@photos.test/?secret", HERE, resolve=LOOPBACK)
    assert "secret" not in str(caught.value)


def test_proxies_of_the_environment_are_not_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetch(site.url("/photo"), HERE, resolve=LOOPBACK) == PHOTO


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of `photos.test` that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "photos.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("photos.test")]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "photos.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_is_for_the_name_though_the_connection_is_to_an_address(certificate: Path) -> None:
    asked: list[str | None] = []
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    serving.sni_callback = lambda _, name, __: asked.append(name)
    trust = ssl.create_default_context(cafile=str(certificate))
    rules = FetchRules(("photos.test", "other.test"), private=True, timeout_s=5)
    with run_site(tls=serving) as site:
        url = site.url("/photo", "https")
        assert fetch(url, rules, resolve=LOOPBACK, tls=trust) == PHOTO
        assert asked == ["photos.test"]
        with pytest.raises(DownloadFailed, match="certificate"):
            fetch(url.replace("photos", "other"), rules, resolve=LOOPBACK, tls=trust)
        with pytest.raises(DownloadFailed, match="certificate"):
            fetch(url, rules, resolve=LOOPBACK)
        down = site.url(f"/to?u={site.url('/photo')}", "https")
        with pytest.raises(UrlRefused, match="https to http"):
            fetch(down, rules, resolve=LOOPBACK, tls=trust)
