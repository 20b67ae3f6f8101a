"""The house: which room may import which, read off the source with `ast`; nothing is imported here."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "gluon_pix2pix"
# Arrows go down only, and never from one room to another of its rank.
RANKS = {
    "installing": -1,
    "errors": 0,
    "adam_loops": 0,
    "core_options": 0,
    "nvidia": 0,
    "numpy_names": 0,
    "reading": 0,
    "threads": 0,
    "wording": 0,
    "writing": 0,
    "runtime": 1,
    "params_file": 2,
    "pictures": 1,
    "core": 2,
    "pairs": 3,
    "runs": 4,
    "evaluation": 4,
}
RANKS |= {"zoo": 1, "translation": 5, "reports": 6, "training": 7, "datasets": 8, "distributed": 8, "handover": 8}
RANKS |= {"diagnosis": 9, "serving": 9, "commands": 10, "__main__": 11, "api": 11}
OPTIONAL = {"datasets", "distributed", "handover", "diagnosis", "serving"}  # imported by nothing of the main job


def read_modules() -> dict[str, ast.Module]:
    """Parse every file of the package: "training.losses" -> tree; a package goes by its own name."""
    modules = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        modules[".".join(parts)] = ast.parse(path.read_text())
    return modules


MODULES = read_modules()


def imports_of(module: str) -> set[str]:
    """List what a module imports, anywhere in its file: ours as "training.losses", others by their full names."""
    names = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports are not read here"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name[len(PACKAGE) + 1 :] for name in names if name.startswith(f"{PACKAGE}.")}
    return {name for name in ours if name in MODULES} | {n for n in names if n.split(".")[0] != PACKAGE}


OURS = {module: imports_of(module) & set(MODULES) - {""} for module in MODULES}


def reached_from(module: str, but: Collection[str] = ()) -> set[str]:
    """Follow a module's imports of ours to their end, but not through some; importing a.b also runs a."""
    seen, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in seen and name not in but:
            seen.add(name)
            waiting += [*OURS[name], *([name.rpartition(".")[0]] if "." in name else [])]
    return seen


def room(module: str) -> str:
    return module.split(".")[0]


def test_the_reader_reads():
    assert OURS["runs.lock"] == {"writing"}
    assert {"runtime", "runs.checkpoint_list", "core.step"} <= OURS["runs.checkpoint"]
    assert "mxnet" in imports_of("runtime")
    assert {"core.step", "runtime", "pictures"} <= reached_from("__main__") | reached_from("commands.train")
    assert {room(module) for module in MODULES if module} == set(RANKS)


def test_arrows_go_down_only():
    up = [(m, i) for m in MODULES if m for i in OURS[m] if room(i) != room(m) and RANKS[room(i)] >= RANKS[room(m)]]
    assert up == []


def test_the_main_job_needs_no_optional_room():
    """What `commands.train` itself loads is looked at where it runs: tests/commands/test_cli.py."""
    main = [m for m in MODULES if m and room(m) not in OPTIONAL | {"commands", "api", "__main__"}]
    assert [(m, i) for m in main for i in OURS[m] if room(i) in OPTIONAL] == []


def test_rooms_do_not_import_each_other_in_a_circle():
    doors = {(room(m), room(i)) for m in MODULES if m for i in OURS[m] if room(m) != room(i)}
    rooms = set(RANKS)
    while rooms:
        lowest = {r for r in rooms if not any(a == r and b in rooms for a, b in doors)}
        assert lowest, f"a circle among {rooms}"
        rooms -= lowest


@pytest.mark.parametrize(
    ("prefix", "allowed"),
    [
        ("runtime", {"installing", "nvidia", "numpy_names"}),
        ("installing", set()),
        ("nvidia", set()),
        ("numpy_names", set()),
        ("errors", {"installing"}),
        ("reading", set()),
        ("writing", set()),
        ("pictures", {"pictures", "errors", "reading", "threads", "wording", "writing"}),
        ("threads", set()),
        ("wording", set()),
        ("adam_loops", set()),
        ("core", {"core", "core_options", "runtime", "pictures", "adam_loops"}),
        ("evaluation.metrics", set()),
    ],
)
def test_modules_that_stand_alone(prefix, allowed):
    members = [module for module in MODULES if module == prefix or module.startswith(f"{prefix}.")]
    assert members
    assert {room(name) for member in members for name in OURS[member]} <= allowed


@pytest.mark.parametrize("name", sorted({room(module) for module in MODULES if "." in module}))
def test_tests_are_named_after_what_they_test(name):
    """tests/ROOM/test_MODULE.py, with more words behind; tests/benchmarks, fuzz and parity stand beside the rooms."""
    for path in (ROOT / "tests" / name).rglob("test_*.py"):
        folder = ROOT / PACKAGE / path.parent.relative_to(ROOT / "tests")
        modules = {one.stem for one in folder.glob("*") if one.suffix == ".py" or (one / "__init__.py").exists()}
        assert [m for m in modules if f"{path.stem}_".startswith(f"test_{m}_")], f"{path} is of no module in {folder}"


def test_only_runtime_imports_mxnet():
    importers = [m for m in MODULES if any(name.split(".")[0] == "mxnet" for name in imports_of(m))]
    assert importers == ["runtime"]


@pytest.mark.parametrize(
    "module", ["evaluation.metrics", "evaluation.score", "pictures.arithmetic", "commands.evaluate", "commands.compare"]
)
def test_scoring_works_without_mxnet(module):
    """The segmenter, which `evaluate` imports inside of a function, is the exception."""
    assert "runtime" not in reached_from(module, but={"commands.evaluate_segmenter"})


@pytest.mark.parametrize("module", [module for module in MODULES if module])
def test_no_module_imports_itself_by_a_detour(module):
    assert not {name for name in OURS[module] - {module} if module in reached_from(name)}


def test_of_translating_only_what_loads_mxnet_models_needs_mxnet():
    """These import the modules below inside of functions; tests/translation/test_loading_without_mxnet.py runs it."""
    doors = {
        "translation.loading": {"translation.gluon_network"},
        "translation.translator": {"translation.gluon_network"},
    }
    seen, waiting = set(), ["translation.translator"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += OURS[name] - doors.get(name, set())
    assert {"translation.onnx_network", "translation.tiling", "pairs.coding"} <= seen
    assert "runtime" not in seen


# Of what hangs on np.random and mx.random, these keep no hidden state; mx.random.seed is looked at below.
SEEDED = {"np.random.default_rng", "np.random.SeedSequence", "np.random.Generator", "mx.random.seed"}


def is_for_commands(node: ast.AST) -> bool:
    """Whether only a command may do this: print, read the command line, exit, use a library's global random state."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "print"
    if isinstance(node, ast.Attribute):
        name = ast.unparse(node)
        return name in ("sys.argv", "sys.exit") or (ast.unparse(node.value).endswith(".random") and name not in SEEDED)
    return isinstance(node, (ast.Import, ast.ImportFrom)) and "random" in ast.unparse(node).split()


def for_commands_in(tree: ast.Module) -> list[str]:
    """List what only a command may do; what is under `if __name__ == "__main__"` is a command, if a small one."""
    parts = [part for part in tree.body if ast.unparse(part).partition(":")[0] != "if __name__ == '__main__'"]
    return [ast.unparse(node) for part in parts for node in ast.walk(part) if is_for_commands(node)]


@pytest.mark.parametrize("module", [m for m in MODULES if m and RANKS[room(m)] < RANKS["commands"]])
def test_below_commands_nothing_prints_or_reads_the_command_line_or_draws_unseeded(module):
    assert for_commands_in(MODULES[module]) == []


@pytest.mark.parametrize(
    "line",
    [
        "print('x')",
        "a = sys.argv[1]",
        "sys.exit(1)",
        "np.random.seed(1)",
        "x = np.random.rand(3)",
        "mx.nd.random.uniform(0, 1)",
        "import random",
        "from numpy import random",
        "def f():\n    print('x')",
    ],
)
def test_the_rule_sees(line):
    assert for_commands_in(ast.parse(line)) != []


def test_mxnets_seed_is_set_where_dropout_is_and_nowhere_else():
    setters = [module for module, tree in MODULES.items() if "mx.random.seed(" in ast.unparse(tree)]
    assert setters == ["core.step", "translation.gluon_network"]


def imported_on_loading(module: str) -> set[str]:
    """Follow what of ours a module imports when it is loaded, which leaves out what its functions import."""
    seen, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in MODULES[name].body:
            if isinstance(node, ast.ImportFrom) and node.module.startswith(f"{PACKAGE}."):
                parts = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                waiting += {part[len(PACKAGE) + 1 :] for part in parts} & set(MODULES)
    return seen


@pytest.mark.parametrize("command", ["train", "translate", "evaluate"])
def test_data_sets_are_not_listed_got_or_drawn_by_what_finds_them_on_disk(command):
    assert not {name for name in imported_on_loading(f"commands.{command}") if room(name) == "datasets"}


CHANGERS = ("umask", "filterwarnings", "simplefilter", "setLevel", "setLogLevel", "setdefault", "putenv")


def effects_of_loading(tree: ast.Module) -> list[str]:
    """List the statements at a module's top that do something to the process, by what they look like."""
    found = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) or ast.unparse(node).startswith("if __name__ =="):
            continue
        calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
        changes = any(getattr(call.func, "attr", "") in CHANGERS for call in calls)
        alone = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
        targets = getattr(node, "targets", [])
        elsewhere = any(isinstance(one, ast.Attribute) or "environ" in ast.unparse(one) for one in targets)
        if changes or alone or elsewhere or isinstance(node, ast.Delete):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("module", [module for module in MODULES if module != "runtime"])
def test_loading_a_module_does_nothing_else(module):
    """`runtime` alone has to: what comes before MXNet's import. The commands' door does the rest when it is called."""
    assert effects_of_loading(MODULES[module]) == []


@pytest.mark.parametrize(
    "line",
    [
        "a = os.umask(2)",
        "warnings.filterwarnings('ignore')",
        "(a or b)(0)",
        "os.environ['A'] = 'b'",
        "cv2.x = 1",
    ],
)
def test_effects_are_seen(line):
    assert effects_of_loading(ast.parse(line)) == [line]


@pytest.mark.parametrize("script", ["train_pix2pix.py", "eval_psnr.py"])
def test_scripts_are_doors(script):
    tree = ast.parse((ROOT / script).read_text())
    imports = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imports == [f"{PACKAGE}.commands.cli"]
    assert len(tree.body) == 3  # docstring, import, call
