"""Run cells as they come on standard input; this is the program inside a sandbox.

    python -m classroom.worker student|checker

Each line in is a request in JSON, each line out an answer.  The same program serves the
student's cells and the checks, in two processes: only plain data pass between them (values.py).
"""

import ast
import builtins
import contextlib
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import traceback
import warnings

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from classroom.values import NotPlainDataError, pack, unpack

OUTPUT_LIMIT = 200_000  # characters of printed text that a cell keeps
PICTURE_LIMIT = 2_000_000  # characters of one picture, as base64


class CellTimeoutError(BaseException):
    """A cell ran past its time; not an ``Exception``, so that few programs swallow it."""


class Printed(io.StringIO):
    """Keep the first part of what is printed and count the rest."""

    dropped = 0

    def write(self, text):
        """Keep the text as long as there is room."""
        room = OUTPUT_LIMIT - self.tell()
        self.dropped += max(0, len(text) - max(0, room))
        super().write(text[: max(0, room)])
        return len(text)


class Worker:
    """The cells' namespace, and what may be asked of it."""

    def __init__(self, ask):
        self.ask = ask  # sends a request to the other process and returns its answer
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(user_ns={"__name__": "__main__"})
        self.shell.colors = "nocolor"
        self.shell.history_manager.enabled = False
        # errors are told in the answer, once
        self.shell._showtraceback = lambda *arguments: None
        # IPython would keep all that is printed a second time, without a limit
        self.shell._tee = lambda channel: contextlib.nullcontext()
        self.own = set()  # the names that cells of this process have defined

    def run(self, source, seconds, fetch=False):
        """Run one cell; with ``fetch``, get the names that it lacks from the student's side."""
        error, failed = None, None
        known = dict(self.shell.user_ns)
        out, err = Printed(), Printed()
        rich = []
        try:
            with _time_limit(seconds):
                if fetch:
                    known.update(self._fetch(source))
                with capture_output(stdout=False, stderr=False) as captured:
                    sys.stdout, sys.stderr = out, err
                    result = self.shell.run_cell(source, store_history=False)
            rich = captured.outputs
            failed = result.error_before_exec or result.error_in_exec
        except BaseException as caught:  # a student's code may raise anything, anywhere
            failed = caught
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        now = self.shell.user_ns
        self.own |= {name for name in now if now[name] is not known.get(name)}
        if failed is not None:
            error = _describe(failed, brief=fetch)
        return {
            "stdout": _text(out),
            "stderr": _text(err),
            "rich": [_small(item.data) for item in rich],
            "error": error,
        }

    def _fetch(self, source):
        """Define the student's names that a check uses and this side does not know; return them.

        A name that the check itself gives to something is never the student's.
        """
        used, bound = set(), set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
            elif isinstance(node, ast.alias):
                bound.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                bound.add(node.name)
        fetched = {}
        for name in sorted(used - bound - self.own - set(dir(builtins))):
            answer = self.ask({"do": "value", "name": name})
            if "function" in answer:
                fetched[name] = self._proxy(name)
            elif "value" in answer:
                fetched[name] = unpack(answer["value"])
            elif "refused" in answer:
                raise AssertionError(f"`{name}` cannot be checked: {answer['refused']}")
            else:
                self.shell.user_ns.pop(name, None)
        self.shell.user_ns.update(fetched)
        return fetched

    def _proxy(self, name):
        def call(*args, **kwargs):
            sent = {"args": pack(list(args)), "kwargs": pack(kwargs)}
            answer = self.ask({"do": "call", "name": name, **sent})
            if "error" in answer:
                raise RuntimeError(f"{name}() raised an error: {answer['error']}")
            return unpack(answer["value"])

        call.__name__ = name
        return call

    def value(self, name):
        """Hand over a value by its name, or say that it is a function, or missing."""
        if name not in self.shell.user_ns or name.startswith("_"):
            return {"missing": True}
        found = self.shell.user_ns[name]
        try:
            return {"value": pack(found)}
        except Exception as error:
            if callable(found) and not isinstance(found, type):
                return {"function": True}
            return {"refused": str(error)[:300]}

    def call(self, name, args, kwargs, seconds):
        """Call a function of the cells with values from the checks."""
        try:
            with _time_limit(seconds), capture_output():
                result = self.shell.user_ns[name](*unpack(args), **unpack(kwargs))
                return {"value": pack(result)}
        except NotPlainDataError as error:
            return {"error": f"its result cannot be checked: {error}"}
        except BaseException as error:
            return {"error": f"{type(error).__name__}: {error}"[:1000]}


@contextlib.contextmanager
def _time_limit(seconds):
    """Raise :class:`CellTimeoutError` in what runs longer."""
    previous = signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _raise_timeout(signum, frame):
    raise CellTimeoutError("it ran past its time limit; is there a loop that never ends?")


def _describe(error, brief):
    """Return the error as a notebook stores it; brief for a check, whose code stays hidden."""
    name, text = type(error).__name__, str(error)[:5000]
    lines = [f"{name}: {text}"]
    if not brief:
        lines = traceback.format_exception(error)[-12:]
    return {"ename": name, "evalue": text, "traceback": [line[:5000] for line in lines]}


def _text(printed):
    note = f"\n[{printed.dropped:,} more characters were not kept]" if printed.dropped else ""
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed.getvalue())
    return text + note


def _small(data):
    """Keep the kinds of output that cannot carry a script into the feedback page."""
    kept = {kind: data[kind] for kind in ("text/plain", "image/png") if kind in data}
    kept["text/plain"] = str(kept.get("text/plain", ""))[:OUTPUT_LIMIT]
    if len(kept.get("image/png", "")) > PICTURE_LIMIT:
        del kept["image/png"]
    return kept


def main(role):
    """Serve requests until the input ends."""
    if role == "student":
        # whoever watches the limits must not have to wait for a thousand processes of a student
        os.nice(10)
        if "TASKS" in os.environ:
            tasks = int(os.environ["TASKS"])
            resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
    # the channel is moved away, so that neither print nor os.write(1, …) gets into it
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    warnings.simplefilter("ignore")

    def send(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def ask(message):
        send({"ask": message})
        return json.loads(requests.readline())

    if os.environ.get("SUBMISSION"):
        # the student's own copy; links stay links, and what is no file is left behind
        with contextlib.suppress(OSError):
            shutil.copytree(
                os.environ["SUBMISSION"], os.getcwd(), symlinks=True, dirs_exist_ok=True
            )
    worker = Worker(ask)
    worker.shell.run_cell("%matplotlib inline", store_history=False)
    send({"ready": role})
    for line in requests:
        request = json.loads(line)
        do = request.pop("do")
        send({"done": getattr(worker, do)(**request)})


if __name__ == "__main__":
    main(sys.argv[1])
