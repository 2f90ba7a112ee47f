"""The browser and the operating system that a ``User-Agent`` header names."""

import re

from schemas.samples import Item

_LONGEST = 1000

_BROWSERS = tuple(
    (name, re.compile(pattern + r"/(\d+(?:\.\d+)*)"))
    for name, pattern in (
        ("Edge", "Edg(?:e|A|iOS)?"),
        ("Opera", "(?:OPR|OPiOS|Opera)"),
        ("Samsung Browser", "SamsungBrowser"),
        ("Electron", "Electron"),
        ("React Native", "react-native"),
        ("Firefox", "(?:Firefox|FxiOS)"),
        ("Chrome Headless", "HeadlessChrome"),
        ("Chrome", "(?:Chrome|CriOS|Chromium)"),
        ("Safari", "Version"),
    )
)
"""In the order in which they are looked for: most name others as well."""

_SYSTEMS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("Windows", r"Windows NT (\d+(?:\.\d+)*)"),
        ("Android", r"Android (\d+(?:\.\d+)*)"),
        ("iOS", r"(?:iPhone )?OS (\d+(?:_\d+)*) like Mac OS X"),
        ("Mac OS", r"Mac OS X (\d+(?:[._]\d+)*)"),
        ("Chromium OS", r"CrOS \S+ (\d+(?:\.\d+)*)"),
        ("Linux", r"Linux ?([a-z0-9_]+)?"),
    )
)


def user_agent_data(user_agent: str | None) -> Item:
    """``browser`` and ``os``, each with name and version, as far as the header tells; it may be any text."""
    told: Item = {}
    header = (user_agent or "")[:_LONGEST]
    for name, pattern in _BROWSERS:
        found = pattern.search(header)
        if found and (name != "Safari" or "Safari/" in header):
            told["browser"] = {"name": name, "version": found[1]}
            break
    for name, pattern in _SYSTEMS:
        found = pattern.search(header)
        if found:
            version = found[1] or ""
            told["os"] = {"name": name, "version": version if name == "Linux" else version.replace("_", ".")}
            break
    return told
