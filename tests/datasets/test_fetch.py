from __future__ import annotations

import dataclasses
import errno
import functools
import io
import os
import shutil
import tarfile
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.datasets import fetch
from gluon_pix2pix.datasets.catalogue import CATALOGUE, DEMO_COUNTS, MIRROR, NotOnDiskError, find_named
from gluon_pix2pix.datasets.download import DownloadError

PICTURES = ["facades/train/1.jpg", "facades/train/2.jpg", "facades/val/1.jpg"]


def archive(names, kind=tarfile.REGTYPE):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, 1000
            tar.addfile(info, io.BytesIO(os.urandom(1000)))
    return stream.getvalue()


WHOLE = archive(PICTURES)


@pytest.fixture(autouse=True)
def entry(monkeypatch, web):
    """The facades as a set of three pictures, on a server that misbehaves."""
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setattr(fetch, "download", functools.partial(fetch.download, sleep=lambda seconds: None))
    entry = dataclasses.replace(
        CATALOGUE["facades"],
        splits={"train": 2, "val": 1},
        urls=(web.address("/first"), web.address("/second")),
        download_bytes=len(WHOLE),
    )
    monkeypatch.setitem(CATALOGUE, "facades", entry)
    return entry


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_gets_a_set(web, tmp_path):
    web.add("/first", WHOLE)
    seen = []
    located = fetch.get("facades", tmp_path / "new" / "data", progress=lambda *now: seen.append(now))
    assert located.counts == {"train": 2, "val": 1}
    assert located.folder == tmp_path / "new" / "data" / "facades"
    assert tree(tmp_path) == [f"new/data/{name}" for name in PICTURES]
    assert [path.name for path in located.folder.parent.iterdir()] == ["facades"]
    assert seen[:2] == [("connect", 0, None), ("download", 0, len(WHOLE))]
    assert seen[-1] == ("unpack", 3, 3)


def test_what_is_there_is_left_alone(web, tmp_path):
    for name in PICTURES[:1]:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert fetch.get("facades", tmp_path).counts == {"train": 1}
    assert web.requests == []


def test_a_folder_that_is_no_set_is_left_alone(web, tmp_path):
    (tmp_path / "facades" / "trainA").mkdir(parents=True)
    with pytest.raises(ValueError, match="facades has no pairs: a data set is"):
        fetch.get("facades", tmp_path)
    assert web.requests == []


def test_splits_at_the_top_of_the_archive(web, tmp_path):
    web.add("/first", archive([name[len("facades/") :] for name in PICTURES]))
    assert fetch.get("facades", tmp_path).counts == {"train": 2, "val": 1}


BAD = {
    "missing": (None, "/first: HTTP 404 Not Found"),
    "garbage": (b"garbage", r"/first: not the kind of file that was expected \(it begins with b'garbage'\)"),
    "cut in secret": (WHOLE[:-500], "/first: .*archive is damaged or no archive"),
    "short": (archive(PICTURES[1:]), "/first: the archive's train split has 1 picture of the 2 that are published"),
    "without a split": (archive(PICTURES[:2]), "/first: the archive's val split has 0 pictures of the 1"),
    "something else": (archive(["other/1.jpg"]), "/first: the archive has no train folder"),
    "hostile": (archive([*PICTURES, "../evil.jpg"]), "/first: .*archive is refused: its member '../evil.jpg'"),
    "devices": (archive([*PICTURES, "null"], tarfile.CHRTYPE), "/first: .*archive is refused: .* is a device or pipe"),
}


@pytest.mark.parametrize(("body", "words"), BAD.values(), ids=BAD)
def test_bad_mirrors(web, tmp_path, body, words):
    if body is not None:
        web.add("/first", body)
    with pytest.raises(
        DownloadError, match=f"^could not get facades:\n  http.*{words}.*\n  http.*/second: HTTP 404"
    ) as error:
        fetch.get("facades", tmp_path)
    *_, address, by_hand = str(error.value).splitlines()
    assert address.endswith(f"data get facades --url ADDRESS --data-root {tmp_path}")
    assert by_hand == f"  by hand: unpack the archive so that {tmp_path}/facades/train has its pictures"
    assert list(tmp_path.iterdir()) == []
    web.add("/second", WHOLE)
    assert fetch.get("facades", tmp_path).counts == {"train": 2, "val": 1}
    assert tree(tmp_path) == PICTURES
    assert [path.name for path in tmp_path.iterdir()] == ["facades"]


def test_an_archive_of_another_size_is_refused(web, tmp_path):
    web.add("/first", WHOLE + bytes(len(WHOLE) + 1))
    with pytest.raises(DownloadError, match=r"bytes, more than the .* that are plausible"):
        fetch.get("facades", tmp_path)


def test_an_interrupted_download_goes_on(web, tmp_path):
    web.add("/first", WHOLE, cuts=[1000, 0, 0, 0])
    with pytest.raises(DownloadError, match=r"ended after 1,000 of .* bytes \(4 attempts\)"):
        fetch.get("facades", tmp_path)
    (part, note) = tree(tmp_path)
    assert note == f"{part}.json"
    assert part.startswith(".facades.part/archive-")
    web.requests.clear()
    fetch.get("facades", tmp_path)
    assert web.requests == [("/first", "bytes=1000-")]
    assert tree(tmp_path) == PICTURES


def test_an_interruption_while_unpacking_keeps_the_archive(web, tmp_path):
    def interrupt(stage, done, total):
        if stage == "unpack":
            raise KeyboardInterrupt

    web.add("/first", WHOLE)
    with pytest.raises(KeyboardInterrupt):
        fetch.get("facades", tmp_path, progress=interrupt)
    (archive,) = tree(tmp_path)
    assert archive.startswith(".facades.part/archive-")
    fetch.get("facades", tmp_path)
    assert len(web.requests) == 1
    assert tree(tmp_path) == PICTURES


DEEP = "/".join(["d"] * 2000)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (f"facades/{DEEP}/1.jpg", "the name of its member 'facades/d.*is too long"),
        (f"facades/{'/'.join(['d'] * 40)}/1.jpg", "lies 41 folders deep"),
        ("facades/" + "/".join(["x" * 200] * 22) + "/1.jpg", "is too long"),
    ],
    ids=["2,000 folders", "40 folders", "4,096 bytes"],
)
def test_an_archive_that_failed_is_not_taken_again(web, tmp_path, bad, words):
    web.add("/first", archive([*PICTURES, bad]))
    with pytest.raises(DownloadError, match=f"/first: .*{words}"):
        fetch.get("facades", tmp_path)
    assert list(tmp_path.iterdir()) == []
    web.add("/mine", WHOLE)
    assert fetch.get("facades", tmp_path, urls=[web.address("/mine")]).counts == {"train": 2, "val": 1}


def test_an_archive_that_fails_in_an_unforeseen_way_is_not_taken_again(web, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RecursionError("maximum recursion depth exceeded")

    web.add("/first", WHOLE)
    monkeypatch.setattr(fetch, "unpack", fail)
    with pytest.raises(RecursionError):
        fetch.get("facades", tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(fetch, "unpack", lambda *_, **__: full())

    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fetch.get("facades", tmp_path)
    assert len(tree(tmp_path)) == 1  # a full disk is not the archive's fault
    assert len(web.requests) == 2


def test_the_archive_of_another_address_is_not_taken(web, tmp_path):
    def interrupt(stage, done, total):
        if stage == "unpack":
            raise KeyboardInterrupt

    web.add("/first", WHOLE)
    with pytest.raises(KeyboardInterrupt):
        fetch.get("facades", tmp_path, progress=interrupt)
    web.add("/mine", WHOLE)
    fetch.get("facades", tmp_path, urls=[web.address("/mine")])
    assert [path for path, _ in web.requests] == ["/first", "/mine"]
    assert [path.name for path in tmp_path.iterdir()] == ["facades"]


def test_what_cannot_be_removed_is_in_nobodys_way(web, tmp_path, monkeypatch):
    (tmp_path / ".facades.part" / "unpacked").mkdir(parents=True)
    web.add("/first", WHOLE)
    rmtree = shutil.rmtree

    def fail(path, *args, **options):
        if str(path).endswith("unpacked"):
            raise RecursionError
        return rmtree(path, *args, **options)

    monkeypatch.setattr(shutil, "rmtree", fail)
    assert fetch.get("facades", tmp_path).counts == {"train": 2, "val": 1}


def test_two_at_once_download_once(web, tmp_path):
    web.add("/first", WHOLE)
    seen, second_waits = [], threading.Event()

    def first(stage, done, total):
        if stage == "download" and not done:
            other.start()
            assert second_waits.wait(10)

    def second(stage, done, total):
        seen.append(stage)
        second_waits.set()

    other = threading.Thread(target=fetch.get, args=("facades", tmp_path), kwargs={"progress": second})
    fetch.get("facades", tmp_path, progress=first)
    other.join()
    assert seen == ["wait"]
    assert len(web.requests) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["facades"]


def test_file_systems_without_locks(web, tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    web.add("/first", WHOLE)
    monkeypatch.setattr("fcntl.flock", no_locks)
    assert fetch.get("facades", tmp_path).counts == {"train": 2, "val": 1}


def test_other_addresses(web, tmp_path, monkeypatch):
    web.add("/mine/facades.tar.gz", WHOLE)
    monkeypatch.setenv(MIRROR, web.address("/mine"))
    fetch.get("facades", tmp_path / "a")
    fetch.get("facades", tmp_path / "b", urls=[web.address("/none"), web.address("/mine/facades.tar.gz")])
    assert [path for path, _ in web.requests] == ["/mine/facades.tar.gz", "/none", "/mine/facades.tar.gz"]
    with pytest.raises(DownloadError, match="SHA-256 is"):
        fetch.get("facades", tmp_path / "c", sha256="0" * 64)


def test_a_full_disk(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DownloadError, match=r"has 0\.0 GB free, and getting facades takes .* name another folder"):
        fetch.get("facades", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_draws_the_demo(tmp_path):
    seen = []
    wanted = {"counts": {"train": 2, "val": 1}, "size": 32, "seed": 3}
    located = fetch.get("demo", tmp_path, progress=lambda *now: seen.append(now), **wanted)
    assert located.counts == {"train": 2, "val": 1}
    assert located.direction == "BtoA"
    assert located.differences == []
    assert seen[-1] == ("draw", 3, 3)
    assert find_named("demo", tmp_path) == located
    assert fetch.get("demo", tmp_path, **wanted) == located
    with pytest.raises(ValueError, match=r"holds a demo set of .*wanted"):
        fetch.get("demo", tmp_path, size=64)


def test_the_demo_as_it_is_by_default():
    assert CATALOGUE["demo"].splits == DEMO_COUNTS


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("fasades", {}, "no data set 'fasades' to get; the data sets are facades, "),
        ("demo", {"urls": ["http://x"]}, "demo is drawn, not downloaded"),
        ("demo", {"sha256": "0" * 64}, "demo is drawn, not downloaded"),
        ("facades", {"size": 64, "seed": 1}, "facades is downloaded, not drawn: it takes no size, seed"),
        ("facades", {"sha256": "abc"}, "'abc' is no SHA-256: it has 64 hexadecimal digits"),
        ("facades", {"source": "x"}, "only paris_streetview is copied from a folder, not facades"),
        ("paris_streetview", {"urls": ["http://x"]}, "paris_streetview is by request, not downloaded"),
        ("cmp", {"sha256": "0" * 64}, "cmp is made of cmp_base and cmp_extended, not downloaded"),
    ],
)
def test_arguments_that_do_not_go_together(tmp_path, name, options, words):
    with pytest.raises(ValueError, match=words):
        fetch.get(name, tmp_path, **options)


def picture(size, mode):
    stream = io.BytesIO()
    image = Image.fromarray(np.full(size, 3, np.uint8), "L").convert(mode)
    image.save(stream, "PNG" if mode == "P" else "JPEG")
    return stream.getvalue()


def cmp_archive(part, names, labels=None):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("readme.txt", "read me")
        for name in names:
            packed.writestr(f"{part}/{name}.jpg", picture((20, 30), "RGB"))
            packed.writestr(f"{part}/{name}.png", labels or picture((20, 30), "P"))
            packed.writestr(f"{part}/{name}.xml", "<object/>")
    return stream.getvalue()


@pytest.fixture
def cmp_parts(monkeypatch, web):
    """The raw CMP sets as ten facades, on the server."""
    for part, letter, count in (("base", "b", 6), ("extended", "x", 4)):
        body = cmp_archive(part, [f"cmp_{letter}{number:04d}" for number in range(count)])
        entry = dataclasses.replace(
            CATALOGUE[f"cmp_{part}"],
            splits={part: 2 * count},
            urls=(web.add(f"/{part}.zip", body),),
            download_bytes=len(body),
        )
        monkeypatch.setitem(CATALOGUE, entry.name, entry)


def test_raw_sets_lie_as_they_are(web, cmp_parts, tmp_path):
    with pytest.raises(NotOnDiskError):
        fetch.find_set("cmp_base", tmp_path)
    located = fetch.get("cmp_base", tmp_path)
    assert (located.folder, located.counts) == (tmp_path / "cmp_base", {"base": 12})
    assert located.differences == []
    assert tree(tmp_path)[:2] == ["cmp_base/base/cmp_b0000.jpg", "cmp_base/base/cmp_b0000.png"]
    assert fetch.get("cmp_base", tmp_path) == located
    assert len(web.requests) == 1


def test_a_set_is_prepared_from_its_parts(web, cmp_parts, tmp_path):
    seen = []
    located = fetch.get("cmp", tmp_path, progress=lambda *now: seen.append(now))
    assert located.counts == {"train": 6, "val": 2, "test": 2}
    assert seen[-1] == ("prepare", 10, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cmp", "cmp_base", "cmp_extended"]
    assert fetch.get("cmp", tmp_path) == located
    assert len(web.requests) == 2


def test_a_set_that_cannot_be_prepared_is_not_there(web, cmp_parts, tmp_path):
    broken = cmp_archive("base", [f"cmp_b{number:04d}" for number in range(6)], labels=b"no picture")
    web.add("/base.zip", broken)
    with pytest.raises(DownloadError, match=r"6 pictures could not be prepared; the first: .*/cmp_b0000\.png is no"):
        fetch.get("cmp", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cmp_base", "cmp_extended"]


def test_what_its_authors_have_sent_is_put_in_place(tmp_path):
    for name in ("paris_train_original/a.JPG", "paris_train_original/b.JPG", "paris_eval_gt/001_im.png"):
        (tmp_path / "sent" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sent" / name).touch()
    for _ in range(2):
        with pytest.raises(NotOnDiskError, match="by request: ask Deepak Pathak"):
            fetch.get("paris_streetview", tmp_path / "data")
    located = fetch.get("paris_streetview", tmp_path / "data", source=tmp_path / "sent")
    assert tree(located.folder) == ["train/a.JPG", "train/b.JPG", "val/001_im.png"]
    assert located.counts == {"train": 2, "val": 1}
    assert find_named("paris_streetview", tmp_path / "data", photos=True).counts == {"train": 2, "val": 1}
    assert len(located.differences) == 2


def test_nothing_is_written_among_somebodys_own_pairs(tmp_path):
    for side in "AB":
        (tmp_path / side).mkdir()
        for name in ("1.png", "2.png"):
            (tmp_path / side / name).touch()
    with pytest.raises(
        ValueError, match=rf"--data-root {tmp_path} holds pairs itself, and demo would be written among"
    ):
        fetch.get("demo", tmp_path, counts={"train": 1}, size=32)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A", "B"]
