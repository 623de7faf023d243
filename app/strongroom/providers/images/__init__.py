"""Folders of disk images as a source: raw and qcow2, read while nobody writes to them."""

from __future__ import annotations

from strongroom.providers.images.provider import ImagesFactory

factory = ImagesFactory()
