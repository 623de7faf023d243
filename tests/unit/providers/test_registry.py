"""Providers are found by scheme, and one that is broken harms no other (A3, A19)."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from strongroom.domain.states import WorkloadType
from strongroom.providers import registry
from strongroom.providers.errors import ProviderUnknown, SourceInvalid
from strongroom.providers.images.provider import ImagesProvider


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    points: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda *, group: list(points))
    return points


def test_the_bundled_provider_is_found_by_its_scheme() -> None:
    """A3"""
    provider = registry.open_provider("images:/srv/vm", "Frankfurt")
    assert isinstance(provider, ImagesProvider)
    assert (str(provider.source), provider.region) == ("/srv/vm", "Frankfurt")
    assert registry.workload_type_of("images:/srv/vm") is WorkloadType.DISK_IMAGE


def test_a_plug_in_that_cannot_be_imported_harms_only_its_own_scheme(plug_ins: list[EntryPoint]) -> None:
    """A19: the error names the plug-in; the others work."""
    plug_ins.append(EntryPoint("broken", "no_such_module_anywhere:factory", registry.GROUP))
    assert registry.schemes() == ("broken", "images")
    assert registry.canonical_address("images:/srv/vm") == "images:///srv/vm"
    with pytest.raises(ProviderUnknown, match="cannot be loaded") as caught:
        registry.open_provider("broken:here", "Frankfurt")
    assert "no_such_module_anywhere" in caught.value.cause
    assert [broken.scheme for broken in registry.broken_providers()] == ["broken"]


def test_a_plug_in_cannot_take_the_place_of_a_bundled_provider(plug_ins: list[EntryPoint]) -> None:
    """A3: images: always means what the documents say."""
    plug_ins.append(EntryPoint("images", "no_such_module_anywhere:factory", registry.GROUP))
    assert registry.broken_providers() == ()


def test_an_unknown_scheme_names_what_is_installed(plug_ins: list[EntryPoint]) -> None:
    """A19"""
    with pytest.raises(ProviderUnknown) as caught:
        registry.open_provider("azure:abc", "Frankfurt")
    assert "images" in caught.value.cause


@pytest.mark.parametrize("address", ["", "/srv/vm", ":x", "nothing"])
def test_an_address_without_a_scheme_is_refused(address: str) -> None:
    """A19"""
    with pytest.raises(SourceInvalid, match="has no scheme"):
        registry.open_provider(address, "Frankfurt")


def test_a_transport_belongs_to_its_scheme() -> None:
    """A3: qemu+ssh is served by the provider of qemu."""
    assert registry.scheme_of("QEMU+ssh://host/system") == "qemu"
