"""The blob store on a folder, and on a real S3 protocol on loopback: content-addressed, whole, once."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from core.outside import Blobs, BlobsFailed

DATA = b"%PDF-1.7 some bytes"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    given = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    for name, value in (given | {"AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true"}).items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=address, region_name="us-east-1").create_bucket(Bucket="bytes")
    yield "s3://bytes/of/rowmill"
    server.stop()


@pytest.fixture(params=["folder", "file url", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "bucket":
        return Blobs(request.getfixturevalue("bucket"))
    return Blobs(str(tmp_path / "blobs") if request.param == "folder" else f"file://{tmp_path}/blobs")


async def test_bytes_lie_under_their_own_hash_and_come_back_whole(store: Blobs) -> None:
    kept = await store.keep(DATA)
    assert (kept.sha256, kept.path, kept.size) == (SHA256, f"sha256/{SHA256[:2]}/{SHA256}", len(DATA))
    assert await store.get(kept.path) == DATA


async def test_the_same_bytes_many_times_at_once_are_one_blob(store: Blobs) -> None:
    kept = await asyncio.gather(*(store.keep(DATA) for _ in range(32)))
    assert len(set(kept)) == 1


async def test_what_is_not_there_is_told_in_a_sentence(store: Blobs) -> None:
    with pytest.raises(BlobsFailed, match="has no sha256/00/00"):
        await store.get("sha256/00/00")


async def test_damaged_bytes_are_never_given(tmp_path: Path) -> None:
    store = Blobs(str(tmp_path))
    kept = await store.keep(DATA)
    (tmp_path / kept.path).write_bytes(b"something else")
    with pytest.raises(BlobsFailed, match="is damaged"):
        await store.get(kept.path)
    with pytest.raises(BlobsFailed, match="is damaged"):
        await store.keep(DATA)


async def test_bytes_are_on_the_disk_before_they_count_as_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fsync of the file, and of every folder down to the store's own: LocalStore does none."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    kept = await Blobs(str(tmp_path)).keep(DATA)
    file = tmp_path / kept.path
    assert synced == [str(each) for each in (file, file.parent, file.parent.parent, tmp_path)]


async def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "sha256").write_text("a file where a folder should be")
    with pytest.raises(BlobsFailed, match="check ROWMILL_BLOB_URL"):
        await Blobs(str(tmp_path)).keep(DATA)
