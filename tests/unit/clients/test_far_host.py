"""Only this machine may be talked to in plain text."""

import pytest

from spyoncino.clients.far_host import is_loopback, wrong_address


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "192.168.1.4", "localhost.example.org", "::2", "door"])
def test_everything_else_is_another_machine(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://example.org/hook", ""),
        ("https://example.org:8443/hook?key=1", ""),
        ("http://127.0.0.1:9000/x", ""),
        ("http://[::1]:9000/x", ""),
        ("http://localhost/x", ""),
        ("http://example.org/hook", "example.org is another machine"),
        ("ftp://example.org/hook", "must begin with https://"),
        ("example.org/hook", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://example.org:70000/", "no web address"),
        ("https://[::1/", "no web address"),
    ],
)
def test_an_address_says_what_is_wrong_with_it(url: str, problem: str) -> None:
    found = wrong_address(url)
    assert problem in found
    assert bool(found) is bool(problem)
