"""Releases: immutable, content-addressed folders of Parquet with a card, Croissant metadata and a manifest."""

from dsbuild.release.contents import Contents
from dsbuild.release.manifest import Manifest, read_manifest
from dsbuild.release.verify import verify
from dsbuild.release.write import Release, write_release

__all__ = ["Contents", "Manifest", "Release", "read_manifest", "verify", "write_release"]
