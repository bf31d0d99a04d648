"""Only public addresses are connected to, however they are dressed."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.storage.addresses import may_connect


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.63.0.1", "100.128.0.1",
     "2606:4700::1111", "2a00:1450:4001::200e", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"],
)  # fmt: skip
def test_public_addresses_are(address: str) -> None:
    assert may_connect(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::1", "fc00::1",
     "fd12::1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1"],
)  # fmt: skip
def test_private_and_loopback_addresses_are_if_that_is_allowed(address: str) -> None:
    assert not may_connect(address)
    assert may_connect(address, private=True)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "0.1.2.3", "100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.170.2",
     "168.63.129.16", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1",
     "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
     "255.255.255.255", "::", "::127.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
     "64:ff9b::169.254.169.254", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::",
     "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1", "fd00:ec2::254",
     "fd20:ce::254", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1",
     "", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "1.2.3.4.5"],
)  # fmt: skip
def test_the_rest_never_are(address: str) -> None:
    assert not may_connect(address)
    assert not may_connect(address, private=True)


@given(st.ip_addresses(v=4))
def test_an_address_within_an_address_counts_as_itself(address: IPv4Address) -> None:
    for private in (False, True):
        alone = may_connect(str(address), private)
        for prefix in ("::ffff:", "64:ff9b::"):
            assert may_connect(str(IPv6Address(f"{prefix}{address}")), private) == alone


SPECIAL = [
    ip_network(text)
    for text in ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
                 "100.64.0.0/10", "224.0.0.0/4", "fc00::/7", "fe80::/10", "ff00::/8"]
]  # fmt: skip


@given(st.sampled_from(SPECIAL).flatmap(lambda network: st.ip_addresses(network=network)))
def test_no_address_of_a_special_network_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not may_connect(str(address))


@given(st.ip_addresses())
def test_what_python_calls_not_global_is_refused(address: IPv4Address | IPv6Address) -> None:
    nat64 = isinstance(address, IPv6Address) and address in IPv6Network("64:ff9b::/96")
    if not address.is_global and not nat64:
        assert not may_connect(str(ip_address(str(address))))


def test_every_private_network_of_rfc_1918_is_whole() -> None:
    for network in map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")):
        assert not may_connect(str(network[0]))
        assert not may_connect(str(network[-1]))
