"""From words to a command's ``main``, and from its errors to one line and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from gluon_pix2pix.commands import cli
from gluon_pix2pix.commands.cli import COMMANDS
from gluon_pix2pix.errors import CommonOptions, UsageError


@dataclass
class Options(CommonOptions):
    """What to do."""

    number: int = 3
    """How often."""


@dataclass
class PathOptions(CommonOptions):
    """Where to do it."""

    folder: Path = Path()
    """In what."""


@pytest.fixture
def command(monkeypatch, capsys):
    """Run words through a command whose main is given; return exit code, output, errors."""
    module = ModuleType("gluon_pix2pix.commands.fake", "Do something.")
    module.Options = Options
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def run(main, *words):
        module.main = main
        with pytest.raises(SystemExit) as caught:
            cli.run("fake", words)
        return (caught.value.code or 0, *capsys.readouterr())

    return run


def raiser(error: BaseException):
    def main(options):
        raise error

    return main


def test_libraries_are_kept_quiet_first(command, monkeypatch):
    seen = []
    monkeypatch.setattr(cli, "quiet_libraries", lambda: seen.append("quiet"))
    command(seen.append)
    assert seen == ["quiet", Options()]


def test_options_come_from_the_words(command, monkeypatch):
    seen = []
    assert command(seen.append, "--number", "7") == (0, "", "")
    assert command(seen.append) == (0, "", "")
    assert seen == [Options(number=7), Options(number=3)]
    monkeypatch.setattr(sys, "argv", ["program", "--number", "9"])
    with pytest.raises(SystemExit):
        cli.run("fake")
    assert seen[-1] == Options(number=9)


def test_mains_answer_is_the_exit_code(command):
    assert command(lambda options: 143)[0] == 143


def test_help_shows_every_option(command):
    code, out, _ = command(None, "--help")
    assert code == 0
    assert "What to do." in out
    assert "  --number N              How often. [3]" in out
    assert "--debug" in out


@pytest.mark.parametrize(("words", "named"), [(["--numbre", "3"], "--numbre"), (["--number", "x"], "number")])
def test_words_that_are_no_options(command, words, named):
    code, _, err = command(None, *words)
    assert code == 2
    assert named in err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("--number 3 is odd"), 2, "--number 3 is odd"),
        (ValueError("two\n  lines"), 1, "two lines"),
        (FileNotFoundError("runs/a has no checkpoint"), 1, "runs/a has no checkpoint"),
        (FileNotFoundError(2, "No such file or directory", "a.png"), 1, "a.png: No such file or directory"),
        (ImportError("MXNet is not installed"), 1, "MXNet is not installed"),
        (
            ModuleNotFoundError("No", name="tyro"),
            1,
            "tyro is not installed: pip install -e '.[cpu]' brings all that is needed",
        ),
        (FloatingPointError("G_L1 is nan"), 1, "G_L1 is nan"),
        (RuntimeError("x" * 400), 1, f"RuntimeError: {'x' * 300} (--debug shows where)"),
        (KeyError("name"), 1, "KeyError: 'name' (--debug shows where)"),
    ],
)
def test_errors_are_one_line(command, error, code, line):
    assert command(raiser(error)) == (code, "", f"error: {line}\n")


def test_debug_shows_the_traceback(command):
    code, _, err = command(raiser(ValueError("wrong")), "--debug")
    assert code == 1
    assert err.startswith("Traceback (most recent call last):\n")
    assert "in main\n    raise error\n" in err
    assert err.endswith("\nerror: wrong\n")


def test_ctrl_c_is_no_error(command):
    assert command(raiser(KeyboardInterrupt())) == (130, "", "")


def test_a_reader_that_has_gone_is_no_error():
    """``python -m gluon_pix2pix data list | head -0``"""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    words = [sys.executable, "-m", "gluon_pix2pix", "data", "list"]
    for environment in (buffered, {**buffered, "PYTHONUNBUFFERED": "1"}):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 1


def test_names_do_not_command_the_terminal(command):
    """A file name may hold what clears a screen, turns a line round or writes over it; a progress bar may do that."""

    def main(options):
        print("a\x1b[2Jb\x07\u202ec", "\td\n")
        sys.stderr.writelines(["\rbar ", "x\ry\n", "z\r"])
        raise ValueError("no \x1b]0;title\x07 picture")

    code, out, err = command(main)
    assert out == "a\\x1b[2Jb\\x07\\u202ec \td\n\n"
    assert err == "\rbar x\\ry\nz\rerror: no \\x1b]0;title\\x07 picture\n"
    assert code == 1


def test_home_is_what_a_tilde_stands_for(command, monkeypatch):
    """Shells leave --name=~/x as it is; a launched command is expanded where it runs."""
    monkeypatch.setenv("HOME", "/home/me")
    words = ["--run-dir=~/x", "--input", "~/y", "~", "a~b", "--dataset=a~", "--", "~/z"]
    expected = ["--run-dir=/home/me/x", "--input", "/home/me/y", "/home/me", "a~b", "--dataset=a~", "--", "~/z"]
    assert cli.expand_home(words) == expected
    seen = []
    module = sys.modules["gluon_pix2pix.commands.fake"]
    monkeypatch.setattr(module, "Options", PathOptions)
    assert command(seen.append, "--folder=~/x")[0] == 0
    assert seen == [PathOptions(folder=Path("/home/me/x"))]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.run(name, ["--help"])
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert f"usage: python -m gluon_pix2pix {name} " in out
    assert "--debug" in out or name in ("data", "train")  # of its subcommands, and behind --help-all


def test_names_that_the_terminal_cannot_spell(tmp_path):
    """A file name of other bytes is printed, not the end of the command."""
    script = "from gluon_pix2pix.commands import cli; import sys, types\n"
    script += "from gluon_pix2pix.errors import CommonOptions\n"
    script += "module = types.ModuleType('m', 'x'); module.Options = CommonOptions\n"
    script += "module.main = lambda options: print('caf' + chr(0xdce9))\n"
    script += "sys.modules['gluon_pix2pix.commands.fake'] = module\n"
    script += "cli.run('fake', [])"
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "caf\\udce9\n", "")


def test_train_loads_what_its_options_need_and_no_more():
    """A newcomer's --help, and a word that is wrong, wait for no library: with MXNet alone it would take seconds."""
    script = "import sys; from gluon_pix2pix.commands import cli\ntry: cli.run('train', ['--help'])\n"
    script += "except SystemExit: print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = ran.stdout.splitlines()[-1].split()
    assert not {"mxnet", "cv2", "scipy", "skimage", "numpy", "numba", "tyro"} & set(loaded)
    ours = [name for name in loaded if name.startswith("gluon_pix2pix.")]
    assert len(ours) <= 40
    rooms = {name.split(".")[1] for name in ours}
    assert {"core_options", "pairs", "training"} <= rooms
    assert not rooms & {"datasets", "distributed", "handover", "serving", "diagnosis", "zoo"}
