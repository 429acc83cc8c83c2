"""Which addresses of the network may be asked on a stranger's word: those of the open internet and no others."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# Written out: what Python calls global differs from version to version.
_INWARD_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
]
_OPEN_6 = IPv6Network("2000::/3")
_INWARD_6 = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_MAPPED, _NAT64, _6TO4 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16")


def is_open(address: str) -> bool:
    """Returns whether this is an address of the open internet; what leads to another address is judged by that."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return _is_open_4(found) if isinstance(found, IPv4Address) else _is_open_6(found)


def _is_open_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _INWARD_4)


def _is_open_6(address: IPv6Address) -> bool:
    if address.scope_id:
        return False
    if address in _MAPPED or address in _NAT64:
        return _is_open_4(IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _6TO4:
        return _is_open_4(IPv4Address(int(address) >> 80 & 0xFFFFFFFF))
    return address in _OPEN_6 and not any(address in network for network in _INWARD_6)
