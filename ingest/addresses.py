"""Which addresses belong to the public internet: all others lead back to us or to our neighbours.

What may be asked for is listed for IPv6, what may not be for IPv4, after the registries of IANA:
https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_NOT_PUBLIC: Final = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by the customers of a provider; 100.100.100.200 tells of machines
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # tells of machines at Azure, though it looks public
        "169.254.0.0/16",  # link-local; 169.254.169.254 tells of machines at most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112: answers for private names
        "192.52.193.0/24",  # automatic multicast tunnels
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # measurements
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All that is given out on the internet. Addresses that hold one of IPv4 lie outside of it (mapped
# and compatible ones, local NAT64), but for Teredo and 6to4, which are left out below.
_GIVEN_OUT: Final = IPv6Network("2000::/3")
_NOT_GIVEN_OUT: Final = tuple(
    IPv6Network(one)
    for one in (
        "2001::/23",  # protocols: Teredo, measurements, hashes
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: holds any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# How a network with IPv6 alone reaches IPv4: the address is in the last four bytes.
_NAT64: Final = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Tell whether an address is one that anybody on the internet may be asked at."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    if address.scope_id:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GIVEN_OUT and not any(address in network for network in _NOT_GIVEN_OUT)


def addresses(found: Iterable[str]) -> tuple[Address, ...]:
    """Return addresses that were found for a name, each once, in their order."""
    return tuple(dict.fromkeys(map(ip_address, found)))
