"""``translate`` with all that it takes and gives: patterns, lists, videos, standard input, formats, true answers."""

from __future__ import annotations

import functools
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.translation.video_files import VideoReader, write_video


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.fixture
def translate(call, tiny_run):
    """Translate with `tiny_run` on the CPU without dropout."""
    return functools.partial(call, "translate", "--model", tiny_run, "--gpu", "-1", "--no-dropout")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number, name in enumerate(("a/1.png", "a/2.png", "b/1.png")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "in" / name, noise(40, 56, 3, seed=number))
    return tmp_path / "in"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def results(folder: Path) -> list[str]:
    """What a folder of results holds, but for the small pictures of its page."""
    return [name for name in files(folder) if not name.startswith("thumbs/")]


def fake_of(tiny_run: Path, picture: np.ndarray, **options: object) -> np.ndarray:
    return Translator.load(tiny_run, dropout=False, **options)(picture)


def test_a_pattern_and_a_list(translate, pictures, tmp_path):
    assert translate("--input", pictures / "*" / "1.png", "--output", tmp_path / "out")[0] == 0
    made = ["a/1_fake.png", "a/1_source.png", "b/1_fake.png", "b/1_source.png", "index.html", "translation.json"]
    assert results(tmp_path / "out") == made
    (tmp_path / "list.txt").write_text("in/a/1.png\nin/b/1.png\n")
    assert translate("--input", tmp_path / "list.txt", "--output", tmp_path / "listed")[0] == 0
    assert results(tmp_path / "listed") == made


def test_a_list_of_pairs_is_scored(translate, pictures, tmp_path):
    """By the column that is the source: this run was trained from B to A."""
    (tmp_path / "pairs.csv").write_text("A,B\nin/a/2.png,in/a/1.png\n")
    code, out, _ = translate("--input", tmp_path / "pairs.csv", "--output", tmp_path / "out")
    assert (code, "1 picture (each with its target)" in out, "gluon_pix2pix evaluate " in out) == (
        0,
        True,
        True,
    )
    assert results(tmp_path / "out") == ["1_fake.png", "1_source.png", "1_target.png", "translation.json"]
    source, target = (resize(noise(40, 56, 3, seed=seed), 32, 32) for seed in (0, 1))
    np.testing.assert_array_equal(read_image(tmp_path / "out/1_source.png"), source)
    np.testing.assert_array_equal(read_image(tmp_path / "out/1_target.png"), target)
    words = ("--input", tmp_path / "pairs.csv", "--output", tmp_path / "alone")
    assert translate(*words, "--pairs", "no")[0] == 0
    assert results(tmp_path / "alone") == ["1_fake.png", "1_source.png", "index.html", "translation.json"]
    code, _, err = translate(*words, "--targets", pictures)
    assert (code, "is a list of pairs, which names the true answers: leave out --targets" in err) == (2, True)


def test_results_within_what_a_pattern_finds(translate, pictures, tmp_path):
    for output in (pictures / "results", pictures):
        code, _, err = translate("--input", pictures / "**/*.png", "--output", output)
        assert (code, err.count("\n")) == (2, 1)
        assert "is inside the input's" in err
    assert files(pictures) == ["a/1.png", "a/2.png", "b/1.png"]


def test_whole_pictures_for_a_run_without_pairs_side_by_side(translate, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    described = json.loads((run / "options.json").read_text())
    assert described["pair_layout"] == {"side_by_side": True, "width_to_height": 2.0}
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        write_image(tmp_path / f"in/{number}.png", noise(32, 64, 3))
    for layout, words in (
        ({"side_by_side": False, "width_to_height": None}, "2 pictures (no pairs; "),
        ({"side_by_side": True, "width_to_height": 2.0}, "2 pictures (pairs, BtoA; "),
        (None, "2 pictures (pairs, BtoA; "),  # of a version that did not say
    ):
        (run / "options.json").write_text(json.dumps({**described, "pair_layout": layout}))
        code, out, _ = translate("--model", run, "--input", tmp_path / "in", "--output", tmp_path / "out")
        assert (code, words in out) == (0, True)
        shutil.rmtree(tmp_path / "out")


def test_pairs_of_another_shape(translate, tiny_run, tmp_path):
    """Of a run whose files were 3 times as wide as high, such files are pairs too."""
    run = shutil.copytree(tiny_run, tmp_path / "run")
    described = json.loads((run / "options.json").read_text())
    described["pair_layout"] = {"side_by_side": True, "width_to_height": 3.0}
    (run / "options.json").write_text(json.dumps(described))
    write_image(tmp_path / "1.png", noise(40, 120, 3))
    _, out, _ = translate("--model", run, "--input", tmp_path / "1.png", "--output", tmp_path / "out")
    assert "1 picture (pairs, BtoA; " in out


def test_names_as_long_as_can_be(translate, tmp_path):
    """NAME_source.png has 255 bytes, the most that file systems take; and one more is named."""
    longest = "n" * (255 - len("_source.png"))
    for name in (longest, longest + "n"):
        write_image(tmp_path / f"{name}.png", noise(32, 32, 3))
    code, _, err = translate("--input", tmp_path / "n*.png", "--output", tmp_path / "out")
    assert (code, err.count("\n")) == (1, 1)
    assert "File name too long" in err
    assert {f"{longest}_fake.png", f"{longest}_source.png"} <= set(files(tmp_path / "out"))


def test_scores_of_earlier_pictures_are_named(translate, pictures, tmp_path):
    assert translate("--input", pictures / "a/1.png", "--output", tmp_path / "out")[0] == 0
    (tmp_path / "out/scores.json").write_text("{}")
    _, out, _ = translate("--input", pictures / "a", "--output", tmp_path / "out")
    assert f"note: {tmp_path / 'out/scores.json'} is of the pictures that were there before: score them again" in out
    _, out, _ = translate("--input", pictures / "a", "--output", tmp_path / "out")
    assert "scores.json" not in out


def test_own_size_in_tiles(translate, pictures, tmp_path, tiny_run):
    words = ("--input", pictures / "a", "--keep-size")
    assert translate(*words, "--output", tmp_path / "tiles", "--tile", "32")[0] == 0
    tiled = read_image(tmp_path / "tiles/1_fake.png")
    np.testing.assert_array_equal(tiled, fake_of(tiny_run, noise(40, 56, 3), size=None, tile=32))
    assert tiled.shape == (40, 56, 3)


def test_formats(translate, pictures, tmp_path):
    write_image(pictures / "deep.png", noise(32, 32, 3, dtype=np.uint16))
    assert translate("--input", pictures, "--output", tmp_path / "tiff", "--format", "tiff")[0] == 0
    assert read_image(tmp_path / "tiff/deep_fake.tiff").dtype == np.uint16
    sizes = []
    for quality in ("30", "95"):
        code, _, err = translate(
            "--input", pictures, "--output", tmp_path / quality, "--format", "jpg", "--quality", quality
        )
        assert code == 1
        assert err.count("\n") == 1
        assert "deep" in err
        assert ".jpg would cut 16 bits to 8" in err
        sizes.append((tmp_path / quality / "a/1_fake.jpg").stat().st_size)
    assert sizes[0] < sizes[1] / 1.5


def test_side_by_side_and_stretched(translate, pictures, tmp_path):
    assert (
        translate("--input", pictures / "a/1.png", "--output", tmp_path, "--side-by-side", "--aspect-ratio", "2")[0]
        == 0
    )
    source, fake = (read_image(tmp_path / f"1_{part}.png") for part in ("source", "fake"))
    assert source.shape == fake.shape == (32, 64, 3)
    np.testing.assert_array_equal(read_image(tmp_path / "1_side.png"), np.concatenate([source, fake], axis=1))
    assert translate("--input", pictures / "a/1.png", "--output", tmp_path / "high", "--aspect-ratio", "0.5")[0] == 0
    assert read_image(tmp_path / "high/1_fake.png").shape == (64, 32, 3)


def test_targets_of_their_own(translate, pictures, tmp_path):
    (tmp_path / "true").mkdir()
    write_image(tmp_path / "true/1.jpg", noise(80, 112, 3))
    write_image(tmp_path / "true/2.png", noise(40, 56, 1))
    code, out, _ = translate("--input", pictures / "a", "--targets", tmp_path / "true", "--output", tmp_path / "out")
    assert (code, "gluon_pix2pix evaluate " in out) == (0, True)
    assert read_image(tmp_path / "out/2_target.png").shape == (32, 32, 3)
    code, _, err = translate("--input", pictures, "--targets", tmp_path / "true", "--output", tmp_path / "none")
    assert (code, err) == (1, f"error: a/1 has no target in {tmp_path / 'true'} (3 of 3 have none)\n")


def test_targets_that_are_no_ones_or_of_another_shape(translate, pictures, tmp_path):
    true = tmp_path / "true"
    (true / ".ipynb_checkpoints").mkdir(parents=True)
    for name, shape in (("1.png", (40, 56, 3)), ("2.png", (56, 56, 3)), (".ipynb_checkpoints/2.jpg", (40, 56, 3))):
        write_image(true / name, noise(*shape))
    words = ("--input", pictures / "a", "--targets", true, "--output", tmp_path / "out")
    code, _, err = translate(*words)
    assert (code, files(tmp_path / "out")[:-1]) == (1, ["1_fake.png", "1_source.png", "1_target.png"])
    assert err.startswith(f"not translated: {pictures}/a/2.png is 56 x 40 pixels and its target {true}/2.png 56 x 56: ")
    write_image(true / "1.jpg", noise(40, 56, 3))
    code, _, err = translate(*words[:-1], tmp_path / "none")
    assert (code, err) == (1, f"error: {true}/1.jpg and {true}/1.png would each be the target of '1': keep one\n")


def test_a_video(translate, tmp_path, tiny_run):
    frames = [noise(48, 64, 3, seed=number) for number in range(3)]
    write_video(tmp_path / "clip.mkv", frames, rate=12.5)
    words = ("--input", tmp_path / "clip.mkv", "--output", tmp_path / "out", "--keep-size")
    assert translate(*words)[0] == 0
    video = VideoReader(tmp_path / "out/clip_fake.mkv")
    assert (video.rate, video.size) == (12.5, (48, 64))
    expected = [fake_of(tiny_run, frame, size=None) for frame in frames]
    np.testing.assert_array_equal(list(video), expected)

    code, out, _ = translate(*words)
    assert (code, "1 were there already and stay" in out) == (0, True)
    assert translate(*words[:3], tmp_path / "frames", "--keep-size", "--video-format", "frames")[0] == 0
    assert files(tmp_path / "frames/clip_fake") == ["000001.png", "000002.png", "000003.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "frames/clip_fake/000003.png"), expected[2])
    assert translate(*words[:3], tmp_path / "side", "--side-by-side", "--video-format", "mp4")[0] == 0
    assert VideoReader(tmp_path / "side/clip_fake.mp4").size == (48, 128)


def test_a_video_that_is_cut(translate, tmp_path):
    write_video(tmp_path / "clip.avi", [noise(48, 64, 3, seed=number) for number in range(12)], rate=10)
    data = (tmp_path / "clip.avi").read_bytes()
    (tmp_path / "clip.avi").write_bytes(data[: len(data) * 6 // 10])
    words = ("--input", tmp_path / "clip.avi", "--output", tmp_path / "out", "--keep-size")
    for _ in range(2):  # the second time it is there, and still not whole
        code, out, err = translate(*words)
        assert (code, err.count("\n"), f"pictures: {tmp_path / 'out'}" in out) == (1, 1, True)
        assert err.startswith(f"not whole: {tmp_path / 'clip.avi'} is cut off or damaged: ")
        assert " of 12 frames could be read, and " in err
    assert 1 < len(list(VideoReader(tmp_path / "out/clip_fake.avi"))) < 12
    assert "videos are written without sound" in translate(*words, "--overwrite")[1]


def test_a_video_of_odd_sides(translate, tmp_path):
    write_video(tmp_path / "clip.avi", [noise(47, 63, 3)] * 2, rate=10)
    words = ("--input", tmp_path / "clip.avi", "--output")
    assert translate(*words, tmp_path / "same")[0] == 0
    assert VideoReader(tmp_path / "same/clip_fake.avi").size == (47, 63)
    code, out, _ = translate(*words, tmp_path / "even", "--video-format", "mkv")
    assert code == 0
    assert "clip_fake.mkv is 64 x 48 pixels, the last row or column of 63 x 47 repeated" in out
    assert VideoReader(tmp_path / "even/clip_fake.mkv").size == (48, 64)


def test_a_still_video_does_not_flicker(call, tiny_run, tmp_path):
    write_video(tmp_path / "clip.mkv", [noise(32, 32, 3)] * 3, rate=10)
    words = ["--input", tmp_path / "clip.mkv", "--output", tmp_path / "out"]
    assert call("translate", "--model", tiny_run, "--gpu", "-1", *words)[0] == 0  # with dropout
    first, *others = VideoReader(tmp_path / "out/clip_fake.mkv")
    for frame in others:
        np.testing.assert_array_equal(frame, first)


def test_a_folder_of_pictures_and_videos(translate, pictures, tmp_path):
    write_video(pictures / "b/clip.avi", [noise(32, 32, 3)], rate=10)
    (pictures / "b/junk.mp4").write_text("text")
    code, out, err = translate("--input", pictures, "--output", tmp_path / "out")
    assert code == 1
    assert "3 pictures (no pairs; " in out
    assert err == f"not translated: {pictures / 'b/junk.mp4'} is not a video that OpenCV can decode\n"
    assert {"b/clip_fake.avi", "b/1_fake.png"} <= set(files(tmp_path / "out"))


def test_standard_input_and_output(translate, pictures, tmp_path, tiny_run, monkeypatch):
    words = [sys.executable, "-m", "gluon_pix2pix", "translate", "--model", tiny_run, "--gpu", "-1", "--no-dropout"]
    data = (pictures / "a/1.png").read_bytes()
    done = subprocess.run([*words, "--input", "-"], input=data, capture_output=True, check=True)
    (tmp_path / "piped.png").write_bytes(done.stdout)
    np.testing.assert_array_equal(read_image(tmp_path / "piped.png"), fake_of(tiny_run, noise(40, 56, 3)))

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert translate("--input", "-", "--output", tmp_path / "one.png") == (0, "", "")
    np.testing.assert_array_equal(read_image(tmp_path / "one.png"), read_image(tmp_path / "piped.png"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text")))
    code, _, err = translate("--input", "-")
    assert (code, err.startswith("error: standard input is not a picture")) == (1, True)
    monkeypatch.setattr("gluon_pix2pix.translation.standard_streams.MOST_BYTES", 1 << 20)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bytes((1 << 20) + 1))))
    code, _, err = translate("--input", "-")
    assert (code, err) == (1, "error: standard input has more than 1 MiB, as no picture has that is read here\n")


def test_an_output_that_cannot_be_written(translate, pictures, tmp_path):
    (tmp_path / "out").write_text("a file")
    code, _, err = translate("--input", pictures, "--output", tmp_path / "out")
    assert (code, err.count("\n")) == (1, 1)
    assert f"cannot write results into {tmp_path / 'out'} (" in err


def test_a_full_disk_stops_it(translate, pictures, tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "x.png")

    monkeypatch.setattr("gluon_pix2pix.translation.result_files.save_picture", full)
    assert translate("--input", pictures, "--output", tmp_path / "out")[::2] == (
        1,
        "error: x.png: No space left on device\n",
    )


def test_batches_and_their_statistics(translate, pictures, tmp_path):
    words = ("--input", pictures, "--output")
    for name, options in (("one", ["1"]), ("three", ["3"]), ("batch", ["3", "--statistics", "batch"])):
        assert translate(*words, tmp_path / name, "--batch-size", *options)[0] == 0
    one, three, batch = (read_image(tmp_path / name / "b/1_fake.png").astype(int) for name in ("one", "three", "batch"))
    assert np.abs(three - one).max() <= 1
    assert np.abs(batch - one).max() > 1
    settings = json.loads((tmp_path / "batch/translation.json").read_text())
    assert (settings["statistics"], settings["batch_size"]) == ("batch", 3)


@pytest.fixture(scope="module")
def exports(tiny_run, tmp_path_factory) -> Path:
    """The export of `tiny_run` in both forms."""
    pytest.importorskip("onnxruntime")
    from gluon_pix2pix.handover.export import export_generator

    folder = tmp_path_factory.mktemp("exports") / "tiny"
    export_generator(tiny_run, folder, onnx=True)
    return folder


@pytest.mark.parametrize("form", ["symbol", "onnx"])
@pytest.mark.parametrize(
    "words",
    [(), ("--keep-size",), ("--keep-size", "--tile", "64"), ("--pairs", "yes")],
    ids=["fixed", "own", "tiles", "pairs"],
)
def test_a_run_and_its_exports_give_the_same_pictures(translate, exports, tiny_run, tmp_path, form, words):
    """Odd sizes, a large one, gray and 16 bits, and a video: to one grey level."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, (shape, dtype) in enumerate(
        [((33, 58, 3), np.uint8), ((64, 64, 1), np.uint8), ((150, 202, 3), np.uint8), ((40, 36, 3), np.uint16)]
    ):
        write_image(folder / f"{number}.png", noise(*shape, dtype=dtype, seed=number))
    write_video(folder / "clip.mkv", [noise(48, 70, 3, seed=number) for number in range(2)], rate=10)
    model = exports / "generator.onnx" if form == "onnx" else exports
    assert translate("--input", folder, "--output", tmp_path / "run", *words)[0] == 0
    code, out, _ = translate("--model", model, "--input", folder, "--output", tmp_path / form, *words)
    assert (code, "device: CPU, ONNX Runtime" in out) == (0, form == "onnx")
    assert files(tmp_path / form) == files(tmp_path / "run")
    for name in files(tmp_path / "run"):
        if name.endswith(".png"):
            of_run, of_export = (read_image(tmp_path / where / name).astype(int) for where in ("run", form))
            assert np.abs(of_run - of_export).max() <= (257 if name.startswith("3_") else 1)
    clips = [np.asarray(list(VideoReader(tmp_path / where / "clip_fake.mkv")), int) for where in ("run", form)]
    assert np.abs(clips[0] - clips[1]).max() <= 1


def test_what_computes_an_onnx_model_is_chosen_and_said(translate, exports, tmp_path):
    write_image(tmp_path / "a.png", noise(33, 58, 3))
    words = ("--model", exports, "--input", tmp_path / "a.png", "--output", tmp_path / "out")
    code, out, _ = translate(*words, "--provider", "CPU")
    assert (code, "device: CPU, ONNX Runtime" in out) == (0, True)
    code, _, err = translate(*words, "--provider", "tpu")
    assert (code, "this ONNX Runtime has no provider tpu; it has " in err) == (1, True)
    code, _, err = translate(*words, "--backend", "onnx", "--gpu", "0")
    assert (code, "--gpu 0 is for MXNet: an ONNX model takes --provider cuda" in err) == (2, True)
