"""``python -m gluon_pix2pix translate`` as its users run it: files, scores, lines and exit codes."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gluon_pix2pix import runtime
from gluon_pix2pix.commands import train
from gluon_pix2pix.commands.translate import default_output
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.runtime import mx


@pytest.fixture
def translate(call, tiny_run):
    """Translate with `tiny_run` on the CPU."""
    return lambda *words: call("translate", "--model", tiny_run, "--gpu", "-1", *words)


def save(path, height=40, width=56, *, dtype=np.uint8, channels=3, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    write_image(path, rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True))
    return path


def names(folder):
    ours = ("translation.json", "index.html")
    paths = (p for p in folder.rglob("*") if p.is_file() and p.name not in ours and p.parent.name != "thumbs")
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def scores(folder):
    return {row["name"]: row for row in json.loads((folder / "scores.json").read_text())["pictures"]}


def test_pairs_are_translated_and_scored(call, translate, tiny_pairs, tmp_path):
    code, out, _ = translate("--input", tiny_pairs / "train", "--output", tmp_path, "--no-dropout")
    assert code == 0
    assert "4 pictures (pairs, BtoA; " in out
    assert "device: CPU with" in out
    assert f"next: python -m gluon_pix2pix evaluate {tmp_path}" in out
    assert names(tmp_path) == sorted(f"{n}_{kind}.png" for n in "1234" for kind in ("fake", "source", "target"))

    # BtoA: the source is the right half, the target the left one; both as the mean of 2 x 2 pixels, 64 to 32.
    pair = read_image(tiny_pairs / "train" / "3.png").astype(float)
    small = pair.reshape(32, 2, 64, 2, 3).mean(axis=(1, 3))
    for kind, half in (("target", small[:, :32]), ("source", small[:, 32:])):
        assert np.abs(read_image(tmp_path / f"3_{kind}.png") - half).max() <= 0.5

    code, _, err = call("evaluate", tmp_path)
    assert (code, err) == (0, "")
    fake, target = (read_image(tmp_path / f"3_{kind}.png").astype(float) for kind in ("fake", "target"))
    assert scores(tmp_path)["3"]["psnr"] == pytest.approx(10 * np.log10(255**2 / ((fake - target) ** 2).mean()))


def test_single_pictures_of_nested_folders(translate, tmp_path):
    save(tmp_path / "in/a.png")
    save(tmp_path / "in/deep/er/a.jpg")
    save(tmp_path / "in/deep/b.c.png", dtype=np.uint16)
    code, out, _ = translate("--input", tmp_path / "in", "--output", tmp_path / "out")
    assert code == 0
    assert "3 pictures (no pairs; " in out
    assert "56x40 -> 32x32, the size of training; --keep-size keeps it\n" in out
    assert f"page: {tmp_path / 'out/index.html'}\n" in out
    assert "eval_psnr" not in out
    stems = ("a", "deep/b.c", "deep/er/a")
    assert names(tmp_path / "out") == sorted(f"{stem}_{kind}.png" for stem in stems for kind in ("fake", "source"))
    fake = read_image(tmp_path / "out/deep/b.c_fake.png")
    assert (fake.shape, fake.dtype) == ((32, 32, 3), np.uint16)


@pytest.mark.parametrize("width", [56, 80], ids=["single", "pair"])
def test_one_file_is_what_it_is_in_its_folder(translate, tmp_path, width):
    """With dropout, whose seed is the picture's name."""
    for name in ("1", "2"):
        save(tmp_path / f"in/{name}.png", 40, width)
    translate("--input", tmp_path / "in", "--output", tmp_path / "all")
    translate("--input", tmp_path / "in/2.png", "--output", tmp_path / "one")
    translate("--input", tmp_path / "in/2.png", "--output", tmp_path / "other", "--seed", "1")
    translate("--input", tmp_path / "in", "--output", tmp_path / "none", "--no-dropout")
    assert {name[0] for name in names(tmp_path / "one")} == {"2"}
    fakes = {
        (folder, name): read_image(tmp_path / folder / f"{name}_fake.png").astype(int)
        for folder, name in (("all", "1"), ("all", "2"), ("one", "2"), ("other", "2"), ("none", "1"), ("none", "2"))
    }
    np.testing.assert_array_equal(fakes["one", "2"], fakes["all", "2"])
    np.testing.assert_array_equal(fakes["none", "1"], fakes["none", "2"])  # the same picture
    for other in (("all", "1"), ("other", "2"), ("none", "2")):
        assert np.abs(fakes[other] - fakes["all", "2"]).max() > 10


def test_own_size_statistics_and_epoch(translate, tmp_path):
    save(tmp_path / "in/1.png", 45, 70)
    fakes = []
    for words in ([], ["--statistics", "running"], ["--epoch", "1"], ["--epoch", "2"], ["--epoch", "best"]):
        output = tmp_path / "-".join(["out", *words])
        code, _, _ = translate("--input", tmp_path / "in", "--output", output, "--keep-size", "--no-dropout", *words)
        assert code == 0
        assert (read_image(output / "1_source.png") == read_image(tmp_path / "in/1.png")).all()
        fakes.append(read_image(output / "1_fake.png").astype(int))
    latest, running, first, second, best = fakes
    assert latest.shape == (45, 70, 3)
    assert np.abs(running - latest).max() > 10
    assert np.abs(first - latest).max() > 0
    np.testing.assert_array_equal(second, latest)
    assert (best == first).all() or (best == second).all()


def test_what_is_there_stays(translate, tmp_path):
    save(tmp_path / "in/1.png")
    save(tmp_path / "in/2.png", seed=2)
    translate("--input", tmp_path / "in/1.png", "--output", tmp_path / "out")
    before = (tmp_path / "out/1_fake.png").read_bytes()
    save(tmp_path / "in/1.png", seed=9)
    code, out, _ = translate("--input", tmp_path / "in", "--output", tmp_path / "out")
    assert code == 0
    assert "1 were there already and stay (--overwrite to translate them anew)" in out
    assert (tmp_path / "out/1_fake.png").read_bytes() == before
    assert (tmp_path / "out/2_fake.png").is_file()
    _, out, _ = translate("--input", tmp_path / "in", "--output", tmp_path / "out", "--overwrite")
    assert "were there already" not in out
    assert (tmp_path / "out/1_fake.png").read_bytes() != before


def test_results_of_other_settings_do_not_stay_among_the_new(translate, tmp_path):
    save(tmp_path / "in/1.png")
    words = ("--input", tmp_path / "in", "--output", tmp_path / "out")
    assert translate(*words, "--no-dropout", "--epoch", "1")[0] == 0
    before = (tmp_path / "out/1_fake.png").read_bytes()
    code, _, err = translate(*words, "--seed", "3")
    assert code == 2
    assert f"{tmp_path / 'out'} has pictures of another translation (other checkpoint, sha256, dropout, seed)" in err
    assert (tmp_path / "out/1_fake.png").read_bytes() == before
    assert translate(*words, "--seed", "3", "--overwrite")[0] == 0
    assert (tmp_path / "out/1_fake.png").read_bytes() != before
    settings = json.loads((tmp_path / "out/translation.json").read_text())
    assert (settings["checkpoint"], settings["seed"], settings["dropout"]) == ("epoch_0002", 3, True)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000])
def test_settings_that_are_none_are_named(translate, tmp_path, text):
    save(tmp_path / "in/1.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/translation.json").write_text(text)
    words = ("--input", tmp_path / "in", "--output", tmp_path / "out")
    code, _, err = translate(*words)
    assert code == 1
    assert f"error: {tmp_path / 'out/translation.json'} is not the record of a translation (--overwrite" in err
    assert translate(*words, "--overwrite")[0] == 0


def test_bad_pictures_are_named_and_the_rest_is_done(translate, tmp_path):
    for name in ("1", "4"):
        save(tmp_path / f"in/{name}.png", 20, 40)
    (tmp_path / "in/2.png").write_bytes(b"no picture")
    (tmp_path / "in/3.png").write_bytes((tmp_path / "in/1.png").read_bytes()[:60])
    code, out, err = translate("--input", tmp_path / "in", "--output", tmp_path / "out")
    assert code == 1
    assert "4 pictures (pairs, BtoA; " in out
    lines = err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"not translated: {tmp_path / 'in/2.png'} is not a picture")
    assert lines[1].startswith(f"not translated: {tmp_path / 'in/3.png'} ")
    assert names(tmp_path / "out") == sorted(f"{n}_{kind}.png" for n in "14" for kind in ("fake", "source", "target"))


def test_nothing_to_translate_with_success(translate, tmp_path):
    (tmp_path / "1.png").write_bytes(b"no picture")
    code, out, err = translate("--input", tmp_path / "1.png", "--output", tmp_path / "out")
    assert code == 1
    assert err.startswith(f"not translated: {tmp_path / '1.png'} ")
    assert "next:" not in out
    assert not (tmp_path / "out").exists()


def test_pairs_or_not_as_told(translate, tmp_path):
    save(tmp_path / "in/1.png", 20, 40)
    save(tmp_path / "in/2.png", 20, 41)
    code, out, err = translate("--input", tmp_path / "in", "--output", tmp_path / "yes", "--pairs", "yes")
    assert (code, "1 were" in out) == (1, False)
    assert f"{tmp_path / 'in/2.png'} is 41 pixels wide: a side-by-side pair needs two halves of the same width" in err
    assert names(tmp_path / "yes") == ["1_fake.png", "1_source.png", "1_target.png"]
    code, _, _ = translate("--input", tmp_path / "in/1.png", "--output", tmp_path / "no", "--pairs", "no")
    assert code == 0
    assert names(tmp_path / "no") == ["1_fake.png", "1_source.png"]


def test_default_output(call, tiny_run, tmp_path, monkeypatch):
    save(tmp_path / "1.png")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_run, "runs/mine")
    code, out, _ = call("translate", "--model", "runs/mine", "--gpu", "-1", "--input", "1.png")
    assert (code, "pictures: results/mine" in out) == (0, True)
    assert names(tmp_path / "results/mine") == ["1_fake.png", "1_source.png"]


def test_pictures_without_targets_do_not_land_beside_scored_ones(call, tiny_run, tiny_pairs, tmp_path, monkeypatch):
    save(tmp_path / "new.png")
    monkeypatch.chdir(tmp_path)
    words = ("translate", "--model", tiny_run, "--gpu", "-1", "--input")
    results = default_output(str(tiny_run))
    assert call(*words, tiny_pairs / "val")[0] == 0
    there = names(results)
    code, out, _ = call(*words, "new.png")
    assert (code, names(results)) == (0, there)
    assert f"{results} has pictures with their targets: these, without, go to {results}_unpaired\n" in out
    assert names(tmp_path / f"{results}_unpaired") == ["new_fake.png", "new_source.png"]
    code, out, err = call("evaluate", "results")
    assert (code, err) == (0, "")
    assert f"note: passed over {results}_unpaired: 1 picture was translated without targets\n" in out


def test_gray_runs_give_gray_pictures_that_can_be_scored(call, tiny_options, tiny_pairs, tmp_path):
    options = tiny_options(run_dir=tmp_path / "run", input_nc=1, output_nc=1, max_dataset_size=2)
    assert train.main(options) is None
    words = ["--model", tmp_path / "run", "--gpu", "-1", "--input", tiny_pairs / "val", "--output", tmp_path / "out"]
    assert call("translate", *words)[0] == 0
    assert (
        read_image(tmp_path / "out/1_fake.png").shape == read_image(tmp_path / "out/1_target.png").shape == (16, 16, 1)
    )
    assert call("evaluate", tmp_path / "out")[0] == 0
    assert {row["channels"] for row in scores(tmp_path / "out").values()} == {1}


def test_pictures_that_would_share_their_results(translate, tmp_path):
    save(tmp_path / "in/a/1.png")
    save(tmp_path / "in/a/1.jpg")
    code, _, err = translate("--input", tmp_path / "in", "--output", tmp_path / "out")
    assert code == 1
    assert err.count("\n") == 1
    assert "would have results of the same name: rename one" in err
    assert "in/a/1.png" in err
    assert "in/a/1.jpg" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["in", "in/results", "in/../in/deep/er"])
def test_results_inside_the_input(translate, tmp_path, output):
    save(tmp_path / "in/1.png")
    code, _, err = translate("--input", tmp_path / "in", "--output", tmp_path / output)
    assert (code, err.count("\n")) == (2, 1)
    assert f"is inside the input's, {tmp_path / 'in'}: pass another --output" in err
    assert names(tmp_path / "in") == ["1.png"]


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--model", "no/where"], 1, "error: there is no file or folder no/where in "),
        (
            ["--model", "nowhere"],
            1,
            "error: there is no model 'nowhere': it is no path that is there, and the models in",
        ),
        (["--input", "nothing"], 1, "error: there is no file or folder nothing in "),
        (["--input", "empty"], 1, "error: empty holds no pictures"),
        (["--epoch", "7"], 1, "has no checkpoint 7; there: epoch_0001, epoch_0002"),
        (["--epoch", "newest"], 2, "error: an epoch is a number, 'latest' or 'best', not 'newest'"),
        (["--gpu", "one"], 2, "error: --gpu takes numbers such as 0 or 0,1, or -1 for the CPU, and got 'one'"),
        (["--statistics", "mean"], 2, "--statistics"),
        (["--quality", "0"], 2, "error: --quality 0 is not between 1 and 100"),
        (["--aspect-ratio", "-1"], 2, "error: --aspect-ratio -1.0 is not between 0 and 100"),
        (["--targets", "empty", "--pairs", "yes"], 2, "pass one"),
        (["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_errors(translate, tmp_path, monkeypatch, words, code, error):
    save(tmp_path / "1.png")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    found, _, err = translate("--input", "1.png", "--output", "out", *words)
    assert found == code
    assert error in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_one_device_only(translate, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "devices", lambda gpu: ([mx.cpu(0), mx.cpu(1)], "two"))
    code, _, err = translate("--input", save(tmp_path / "1.png"))
    assert (code, err) == (2, "error: translate runs on one device, not on --gpu -1\n")


def test_a_damaged_checkpoint_is_no_usage_error(call, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    weights = run / "checkpoints" / "epoch_0002" / "generator.params"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    code, _, err = call("translate", "--model", run, "--gpu", "-1", "--input", save(tmp_path / "1.png"))
    assert (code, err.count("\n")) == (1, 1)
    assert f"error: {weights} is missing or damaged" in err


def test_results_of_runs_that_are_numbered_with_a_dot_do_not_meet(tmp_path):
    for name in ("exp.1", "exp.2"):
        (tmp_path / name).mkdir()
    (tmp_path / "exp.onnx").touch()
    names = [default_output(str(tmp_path / name)).as_posix() for name in ("exp.1", "exp.2/", "exp.onnx")]
    assert names == ["results/exp.1", "results/exp.2", "results/exp"]
