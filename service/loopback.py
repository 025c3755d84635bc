"""Which addresses are this machine's own, seen from itself."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether an address or host name is this machine's own, seen from itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def reached(host: str) -> str:
    """Return where a service that listens on `host` is reached: all addresses have loopback's."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "::1" if isinstance(address, ipaddress.IPv6Address) else "127.0.0.1"
