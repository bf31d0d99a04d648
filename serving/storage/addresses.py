"""Which network addresses a download may connect to."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# The special-purpose registries of IANA, written out: `ipaddress` of Python 3.11 still calls
# 192.0.0.192 (a metadata service) or 2002:7f00:1:: (127.0.0.1 through 6to4) global.
# https://www.iana.org/assignments/iana-ipv4-special-registry (and ipv6)
_PRIVATE_V4 = tuple(
    map(IPv4Network, ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
)
_NEVER_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT, and metadata of some clouds
            "169.254.0.0/16",  # link-local, and metadata of most clouds
            "168.63.129.16/32",  # Azure's host, a public address by number only
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
_PRIVATE_V6 = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))
_PUBLIC_V6 = IPv6Network("2000::/3")
_NEVER_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo (2001::/32) and other tunnels
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",
            "fd00:ec2::/32",  # metadata of AWS
            "fd20:ce::/32",  # metadata of Google
        ),
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


def may_connect(address: str, private: bool = False) -> bool:
    """Say whether a download may connect to `address`.

    Only public unicast addresses are; with `private` also loopback and private networks. Metadata
    services, link-local, multicast, documentation and tunnelled addresses never are. An IPv4
    address inside an IPv6 one (mapped, NAT64) counts as itself.

    Parameters
    ----------
    address : as `getaddrinfo` gives it; what is not an address may not be connected to

    Examples
    --------
    >>> may_connect("8.8.8.8"), may_connect("127.0.0.1"), may_connect("::ffff:169.254.169.254")
    (True, False, False)
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        return _may_connect_v6(parsed, private)
    return _may_connect_v4(parsed, private)


def _may_connect_v4(address: IPv4Address, private: bool) -> bool:
    if any(address in network for network in _PRIVATE_V4):
        return private
    return not any(address in network for network in _NEVER_V4)


def _may_connect_v6(address: IPv6Address, private: bool) -> bool:
    if address in _MAPPED or address in _NAT64:
        return _may_connect_v4(IPv4Address(int(address) & 0xFFFFFFFF), private)
    if address.scope_id or any(address in network for network in _NEVER_V6):
        return False
    if any(address in network for network in _PRIVATE_V6):
        return private
    return address in _PUBLIC_V6
