"""Finds providers by the scheme of a source's address; bundled ones and plug-ins come through the same door."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from strongroom.domain.states import WorkloadType
from strongroom.providers.base import Provider, ProviderFactory
from strongroom.providers.errors import ProviderUnknown, SourceInvalid

GROUP = "strongroom.providers"
# A checkout that is only on the path has no entry points; what the package brings itself works there all the same.
_BUNDLED = {"images": "strongroom.providers.images:factory"}


@dataclass(frozen=True, slots=True)
class BrokenProvider:
    """A plug-in that is installed but cannot be loaded; ``reason`` is in words."""

    scheme: str
    reason: str


def schemes() -> tuple[str, ...]:
    """The schemes of every installed provider, sorted. Loads none of them."""
    return tuple(sorted(_installed()))


def open_provider(address: str, region: str) -> Provider:
    """Make the provider of ``address`` (``scheme:…``) for machines of ``region``; nothing outside is touched yet.

    Raises ``ProviderUnknown`` when no installed provider has the scheme or the one that has cannot be loaded, ``SourceInvalid`` when
    the address makes no sense to its provider.
    """
    return _factory(address)(address, region)


def canonical_address(address: str) -> str:
    """The one spelling of ``address`` under which its source is known; raises as ``open_provider``. Touches nothing."""
    return _factory(address).canonical(address)


def workload_type_of(address: str) -> WorkloadType:
    """What the source at ``address`` yields; raises ``ProviderUnknown`` or ``SourceInvalid``."""
    return _factory(address).workload_type


def broken_providers() -> tuple[BrokenProvider, ...]:
    """Plug-ins that fail to load, with the reason: ``doctor`` shows them, everything else works without them."""
    broken = []
    for scheme, point in sorted(_installed().items()):
        try:
            _load(scheme, point)
        except ProviderUnknown as error:
            broken.append(BrokenProvider(scheme, error.cause))
    return tuple(broken)


def scheme_of(address: str) -> str:
    """The scheme of ``address``, lower case; ``qemu+ssh://host/system`` is of the scheme ``qemu``."""
    scheme, colon, _ = address.strip().partition(":")
    if not colon or not scheme:
        raise SourceInvalid(
            f"Source {address!r} has no scheme",
            cause="an address starts with the kind of its source",
            action=f"Write for example images:/srv/vm (known: {', '.join(schemes())})",
        )
    return scheme.partition("+")[0].lower()


def _factory(address: str) -> ProviderFactory:
    scheme = scheme_of(address)
    point = _installed().get(scheme)
    if point is None:
        raise ProviderUnknown(
            f"No provider for {scheme}: sources is installed",
            cause=f"installed are: {', '.join(schemes())}",
            action="Check the address, or install the plug-in that serves it beside strongroom.",
        )
    return _load(scheme, point)


def _load(scheme: str, point: EntryPoint) -> ProviderFactory:
    try:
        return cast("ProviderFactory", point.load())
    except Exception as error:  # a plug-in may fail in any way at import, and must take nothing else down
        raise ProviderUnknown(
            f"The provider for {scheme}: sources cannot be loaded",
            cause=f"{point.value}: {type(error).__name__}: {error}",
            action="Repair or remove that plug-in; other sources are not affected.",
        ) from error


def _installed() -> dict[str, EntryPoint]:
    found = {scheme: EntryPoint(scheme, value, GROUP) for scheme, value in _BUNDLED.items()}
    for point in entry_points(group=GROUP):
        if point.name not in _BUNDLED:
            found[point.name.lower()] = point
    return found
