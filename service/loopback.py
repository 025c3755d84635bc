"""Which addresses are this machine's own, seen from itself."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether an address or host name is this machine's own, seen from itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
