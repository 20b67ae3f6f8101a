from __future__ import annotations

import contextlib
import errno
import gzip
import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest

from gluon_pix2pix.datasets import unpack as module
from gluon_pix2pix.datasets.unpack import ArchiveError, unpack

GOOD = {"set/train/1.jpg": b"one", "set/train/2.jpg": b"two", "set/val/1.png": b"three"}


def member(name, data=b"x", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in members:
            archive.writestr(info, data)
    return path


def zip_member(name, data=b"x", mode=0):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info, data


def good_tar(path):
    folders = [member("./", b"", type=tarfile.DIRTYPE, mode=0o000), member("./set", b"", type=tarfile.DIRTYPE)]
    return tar(path, [*folders, *(member(f"./{name}", data, mode=0o000) for name, data in GOOD.items())])


def good_zip(path):
    return zipped(path, [zip_member("set/", b""), *(zip_member(name, data) for name, data in GOOD.items())])


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target" / "new"


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    (tmp_path / "target").mkdir()


@pytest.mark.parametrize("make", [good_tar, good_zip])
def test_unpacks(make, tmp_path, target):
    seen = []
    assert unpack(make(tmp_path / "a"), target, progress=lambda *now: seen.append(now)) == 3
    assert files(target) == GOOD
    assert seen == [(1, None), (2, None), (3, None)]
    assert all(path.stat().st_mode & stat.S_IRUSR for path in target.rglob("*"))


def test_leaves_out_what_is_no_picture(tmp_path, target):
    names = ["set/run.sh", "set/train/._1.jpg", "set/.DS_Store", "set/train/noend", "set/x.jpg.exe", "set/train/1.JPG"]
    assert unpack(tar(tmp_path / "a", [member(name) for name in names]), target) == 1
    assert files(target) == {"set/train/1.JPG": b"x"}


HOSTILE = {
    "absolute": (member("/tmp/evil.jpg"), "'/tmp/evil.jpg' would land outside"),
    "parent": (member("set/../../evil.jpg"), "'set/../../evil.jpg' would land outside"),
    "backslash": (member("set\\..\\evil.jpg"), "would land outside"),
    "drive": (member("C:/evil.jpg"), "would land outside"),
    "parent folder": (member("../evil", b"", type=tarfile.DIRTYPE), "would land outside"),
    "symlink": (member("set/train/1.jpg", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link"),
    "symlinked folder": (member("set/train", b"", type=tarfile.SYMTYPE, linkname="/tmp"), "is a link"),
    "hard link": (member("set/train/1.jpg", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"), "is a link"),
    "device": (member("set/train/1.jpg", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5), "is a device or pipe"),
    "block device": (member("set/train/1.jpg", b"", type=tarfile.BLKTYPE), "is a device or pipe"),
    "fifo": (member("set/train/1.jpg", b"", type=tarfile.FIFOTYPE), "is a device or pipe"),
    "sparse": (
        member(
            "set/1.jpg", b"", pax_headers={"GNU.sparse.major": "0", "GNU.sparse.map": "0,1", "GNU.sparse.size": "9"}
        ),
        "is a sparse file",
    ),
    "long name": (member(f"set/{'x' * 300}.jpg"), r"the name of its member 'set/xxx.* is too long"),
    "long path": (member("/".join(["x" * 200] * 6) + "/1.jpg"), "the name of its member .* is too long"),
    "deep": (member("d/" * 40 + "1.jpg"), "lies 40 folders deep"),
    "twice": (member("set/train/0.jpg"), "holds 'set/train/0.jpg' twice"),
    "file as folder": (member("set/train/0.jpg/1.jpg"), "holds 'set/train/0.jpg/1.jpg' twice"),
}


@pytest.mark.parametrize(("evil", "words"), HOSTILE.values(), ids=HOSTILE)
def test_refuses_hostile_members(tmp_path, target, evil, words):
    archive = tar(tmp_path / "a", [member("set/train/0.jpg"), evil])
    with pytest.raises(ArchiveError, match=words):
        unpack(archive, target)
    assert set(files(tmp_path)) - {"a"} <= {"target/new/set/train/0.jpg"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("evil", "words"),
    [
        (zip_member("/tmp/evil.jpg"), "would land outside"),
        (zip_member("set/../../evil.jpg"), "would land outside"),
        (zip_member("set/1.jpg", b"/etc/passwd", stat.S_IFLNK | 0o777), "is a link"),
        (zip_member("set/1.jpg", b"", stat.S_IFIFO), "is a device or pipe"),
        (zip_member("set/train/0.jpg/1.jpg"), "twice"),
    ],
)
def test_refuses_hostile_zip_members(tmp_path, target, evil, words):
    archive = zipped(tmp_path / "a", [zip_member("set/train/0.jpg"), evil])
    with pytest.raises(ArchiveError, match=words):
        unpack(archive, target)
    assert set(files(tmp_path)) - {"a"} <= {"target/new/set/train/0.jpg"}


def test_refuses_encrypted_zip_members(tmp_path, target):
    archive = good_zip(tmp_path / "a")
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4) + 8] |= 1  # a flag of the second directory entry
    archive.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"'set/train/1.jpg' is encrypted"):
        unpack(archive, target)


@pytest.mark.parametrize(("pack", "entry"), [(tar, member), (zipped, zip_member)])
def test_refuses_bombs(tmp_path, target, pack, entry):
    archive = pack(tmp_path / "a", [entry("1.png", bytes(12 << 20))])  # 12 MiB of zeros pack to 12 KB
    with pytest.raises(ArchiveError, match="unpacks to more than 10,485,760 bytes: it looks like a bomb"):
        unpack(archive, target)
    assert sum(len(data) for data in files(target).values()) <= 10 << 20


def test_headers_are_on_the_budget(tmp_path, target):
    archive = tar(tmp_path / "a", [member("1.png", pax_headers={"comment": "x" * (3 << 20)})])
    with pytest.raises(ArchiveError, match="more than 2,097,152 bytes"):
        unpack(archive, target, max_ratio=2)


def test_bounds_that_the_caller_sets(tmp_path, target):
    with pytest.raises(ArchiveError, match="unpacks to more than 2,000 bytes"):
        unpack(good_tar(tmp_path / "a"), target, max_bytes=2000)
    with pytest.raises(ArchiveError, match="holds more than 4 files"):
        unpack(good_tar(tmp_path / "a"), target.with_name("other"), max_files=4)


def test_refuses_damaged_archives(tmp_path, target):
    noise = np.random.default_rng(0).bytes(50_000)
    whole = tar(tmp_path / "a", [member("train/1.png", noise)]).read_bytes()
    flipped = bytearray(whole)
    flipped[-6] ^= 1  # in gzip's checksum
    for number, data in enumerate(
        [whole[:30_000], whole[:-4], flipped, b"", b"<html>", gzip.compress(b"no tar" * 200), b"PK\x03\x04 no zip"]
    ):
        (tmp_path / "b").write_bytes(data)
        with pytest.raises(ArchiveError, match="is damaged or no archive"):
            unpack(tmp_path / "b", target.with_name(str(number)))


@pytest.mark.parametrize("make", [good_tar, good_zip])
def test_random_damage_raises_nothing_else(tmp_path, make):
    archive, rng = make(tmp_path / "a"), np.random.default_rng(0)
    data = archive.read_bytes()
    inner = gzip.decompress(data) if make is good_tar else data
    for number in range(150):
        mutant = bytearray(inner)
        for place in rng.integers(len(inner), size=3):
            mutant[place] = rng.integers(256)
        archive.write_bytes(gzip.compress(mutant, 1) if make is good_tar else mutant)
        with contextlib.suppress(ArchiveError):
            unpack(archive, tmp_path / "target" / str(number))
        assert {path.name for path in tmp_path.iterdir()} == {"a", "target"}


def test_trouble_with_the_disk_is_not_the_archives(tmp_path, target, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(good_tar(tmp_path / "a"), target)


def test_a_picture_that_cannot_be_written_is_named(tmp_path, target, small_files):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("train/1.jpg", bytes(60_000), zipfile.ZIP_DEFLATED)
    with pytest.raises(OSError, match=r"File too large: '.*train/1\.jpg'"):
        unpack(tmp_path / "a", target)


def test_what_follows_the_end_of_a_tar_is_read_for_the_checksum(tmp_path, target):
    whole = gzip.decompress(good_tar(tmp_path / "a").read_bytes())
    padded = bytearray(gzip.compress(whole + bytes(600_000)))
    (tmp_path / "a").write_bytes(padded)
    assert unpack(tmp_path / "a", target) == 3
    padded[-6] ^= 1
    (tmp_path / "a").write_bytes(padded)
    with pytest.raises(ArchiveError, match="CRC check failed"):
        unpack(tmp_path / "a", target.with_name("other"))
