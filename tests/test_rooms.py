"""The rooms of the package: what they share, what they import, what they promise by type."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import aeutils

PACKAGE = Path(aeutils.__file__).resolve().parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ["core", "data", "anomalies", "denoising", "documents", "audio", "sequences", "generative"]
ROOMS += ["codes"]
# besides the rooms' own names: what stands in a file of its own
MODULES = ["core.checks", "core.errors", "core.files", "core.layers", "core.progress"]
MODULES += ["images", "plots", "runtime", "shards"]


def name_of(path):
    return str(path.relative_to(PACKAGE))


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def imports_of(tree):
    """Yield module and name of what a file takes from the package, and what it is called here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level or module.split(".")[0] == "aeutils":
                for alias in node.names:
                    yield f"{module}.{alias.name}", alias.asname or alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "aeutils":
                    yield alias.name, alias.asname or alias.name.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_starts_with_an_underscore_is_used_in_its_own_file_only(path):
    tree = ast.parse(path.read_text())
    taken = dict(imports_of(tree))
    reached = {part for name in taken for part in name.split(".") if is_private(part)}
    here = set(taken.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in here:
                reached.add(ast.unparse(node))
    assert not reached


def public_names(module):
    """Return the names of a module for others: those of its stub, or those it lists."""
    stub = Path(module.__file__).with_suffix(".pyi")
    if stub.exists() and stub.name == "__init__.pyi":
        return [alias.asname for node in ast.parse(stub.read_text()).body for alias in node.names]
    return list(getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"])


def modules_with_names():
    for name in [*ROOMS, *MODULES]:
        module = importlib.import_module(f"aeutils.{name}")
        for attribute in public_names(module):
            yield module, attribute


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_gives_what_its_stub_names(room):
    module = importlib.import_module(f"aeutils.{room}")
    names = public_names(module)
    assert names == sorted(set(names), key=names.index)
    assert set(names) <= set(dir(module))
    for name in names:
        assert getattr(module, name) is not None


def test_the_package_gives_its_six_names():
    assert len(aeutils.__all__) == 6
    for name in aeutils.__all__:
        assert callable(getattr(aeutils, name))
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = aeutils.no_such_name


def test_every_file_can_be_imported():
    for module in pkgutil.walk_packages([str(PACKAGE)], "aeutils."):
        if module.name != "aeutils.__main__":
            assert isinstance(importlib.import_module(module.name), types.ModuleType)


HEAVY = {"keras", "tensorflow", "jax", "torch", "skimage", "sklearn", "scipy", "matplotlib"}
HEAVY |= {"pandas", "IPython", "soundfile", "distributed", "PIL"}


@pytest.mark.parametrize(
    "statement",
    [
        "import aeutils",
        "import aeutils.core.checks, aeutils.core.files, aeutils.core.progress",
        "import aeutils.images",
        "import aeutils.shards",
        "from aeutils.shards import denoise_shards, save_shards, score_shards",
        "from aeutils import score_shards",
        *(f"import aeutils.{room}" for room in ROOMS),
        "from aeutils.anomalies import detection_report, reconstruction_error, threshold_at",
    ],
)
def test_an_import_is_light(statement):
    script = (
        f"{statement}; import sys, time; "
        f"print(*{HEAVY} & set(sys.modules)); print(time.process_time())"
    )
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    heavy, seconds = done.stdout.split("\n")[:2]
    assert (heavy, done.stderr) == ("", "")
    # of the processor, most of them for NumPy; Keras would take many times longer
    assert float(seconds) < 1


def functions_of(value):
    """Yield the functions of a public name: itself, or a class's own public methods."""
    if inspect.isfunction(value):
        yield value
    elif inspect.isclass(value):
        for name, member in vars(value).items():
            if isinstance(member, property):
                member = member.fget
            member = getattr(member, "__func__", member)
            if inspect.isfunction(member) and (name == "__init__" or not name.startswith("_")):
                yield member


def test_every_public_name_has_complete_type_hints():
    bare, n_functions = [], 0
    for module, name in modules_with_names():
        value = getattr(module, name)
        if not getattr(value, "__module__", "").startswith("aeutils"):
            continue
        for function in functions_of(value):
            function = inspect.unwrap(function)
            if not function.__module__.startswith("aeutils"):
                continue  # made by namedtuple, a decorator or a base class
            parameters = list(inspect.signature(function).parameters.values())
            if parameters and parameters[0].name in ("self", "cls"):
                parameters = parameters[1:]
            n_functions += 1
            hinted = function.__annotations__
            missing = {p.name for p in parameters} - set(hinted)
            if missing or "return" not in hinted:
                bare.append(f"{module.__name__}.{function.__qualname__}: {sorted(missing)}")
    assert not bare
    assert n_functions > 80


def test_type_checkers_are_told_that_there_are_hints():
    assert (PACKAGE / "py.typed").exists()
