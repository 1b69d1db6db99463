"""Run cells as they come on standard input; this is the program inside a sandbox.

    python -m classroom.worker student|checker

Each line in is a request in JSON, each line out an answer; values follow their line as cargo.  The
same program serves the student's cells and the checks, in two processes: only plain data pass
between them (values.py).
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

from classroom.values import NotPlainDataError, merge, pack, unpack

OUTPUT_LIMIT = 200_000  # characters of printed text that a cell keeps
PICTURE_LIMIT = 2_000_000  # characters of one picture, as base64
SHOWN_LIMIT = 4_000_000  # characters of all that a cell displays
SHOWN_ITEMS = 1000  # outputs that a cell displays
ERROR_LIMIT = 5000  # characters of an error's text, and of each line that leads to it
ERROR_LINES = 12
FILES = 256  # open at a time: what lies in sockets is no process's memory
UNDRAWN = "__import__('matplotlib.pyplot').pyplot.uninstall_repl_displayhook()"


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
        self.ask = ask  # sends a request and a value to the other process, returns its answers
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(user_ns={"__name__": "__main__"})
        self.shell.colors = "nocolor"
        self.shell.history_manager.enabled = False
        # errors are told in the answer, once: IPython would make pages of them, which takes long
        for shows in ("showtraceback", "showsyntaxerror", "showindentationerror"):
            setattr(self.shell, shows, lambda *arguments, **more: None)
        # IPython would keep all that is printed a second time, without a limit
        self.shell._tee = lambda channel: contextlib.nullcontext()
        self.own = set()  # the names that cells of this process have defined
        self.held = []  # models that the other process may ask

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
            rich = _shown(captured.outputs)
            failed = result.error_before_exec or result.error_in_exec
        except BaseException as caught:  # a student's code may raise anything, anywhere
            failed = caught
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        now = self.shell.user_ns
        self.own |= {name for name in now if now[name] is not known.get(name)}
        if failed is not None:
            error = _describe(failed, brief=fetch)
        told = {"stdout": _text(out), "stderr": _text(err), "rich": rich, "error": error}
        return told, None

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
            answer, value = self.ask({"do": "value", "name": name})
            if "function" in answer:
                fetched[name] = self._proxy(name)
            elif "value" in answer:
                fetched[name] = unpack(value, self._held_model)
            elif "refused" in answer:
                raise AssertionError(f"`{name}` cannot be checked: {answer['refused']}")
            else:
                self.shell.user_ns.pop(name, None)
        self.shell.user_ns.update(fetched)
        return fetched

    def _proxy(self, name):
        """Return a function that calls the student's; what that does to its arguments is seen."""

        def call(*args, **kwargs):
            request = {"do": "call", "name": name}
            result, changed = self._call(f"{name}()", request, args, kwargs)
            if changed is not None:
                merge([list(args), kwargs], changed)
            return result

        call.__name__ = name
        return call

    def _held_model(self, number):
        """Return what stands for a model of the student's that holds code of its own.

        It answers, and changes nothing: what it does to its input stays on the student's side.
        """
        request = {"do": "ask_model", "number": number}

        class Model:
            def __call__(_, *args, **kwargs):
                return self._call("the model", {**request, "method": "__call__"}, args, kwargs)[0]

            def predict(_, *args, **kwargs):
                return self._call("the model", {**request, "method": "predict"}, args, kwargs)[0]

            def __getattr__(_, name):
                raise AssertionError(
                    f"`{name}` of this model cannot be checked, since it holds code of your own: "
                    "build it from layers of Keras and aeutils"
                )

        return Model()

    def _call(self, what, request, args, kwargs):
        """Return the answer of the student's side, and its arguments if they were changed."""
        answer, value = self.ask(request, pack([list(args), kwargs]))
        if "error" in answer:
            raise RuntimeError(f"{what} raised an error: {answer['error']}")
        both = unpack(value, self._held_model)
        if not isinstance(both, list) or len(both) != 2:
            raise RuntimeError(f"{what} answered with something that is not an answer")
        return both

    def value(self, name, seconds):
        """Hand over a value by its name, or say that it is a function, or missing."""
        if name not in self.shell.user_ns or name.startswith("_"):
            return {"missing": True}, None
        found = self.shell.user_ns[name]
        try:
            with _time_limit(seconds):
                return {"value": True}, pack(found, self._hold)
        except BaseException as error:  # a student's object may raise anything when it is looked at
            if callable(found) and not isinstance(found, type):
                return {"function": True}, None
            return {"refused": _words(error)[:300]}, None

    def _hold(self, model):
        self.held.append(model)
        return len(self.held) - 1

    def call(self, name, seconds, value):
        """Call a function of the cells with values from the checks."""
        return self._answer(self.shell.user_ns.get(name), seconds, value)

    def ask_model(self, number, method, seconds, value):
        """Call a model that was not handed over; as `predict` does, whatever its own default."""

        def call(*args, **kwargs):
            if method == "__call__":
                kwargs.setdefault("training", False)
            return getattr(self.held[number], method)(*args, **kwargs)

        return self._answer(call, seconds, value)

    def _answer(self, function, seconds, value):
        try:
            with _time_limit(seconds), capture_output():
                args, kwargs = unpack(value)
                result = pack(function(*args, **kwargs), self._hold)
                now = pack([args, kwargs])
                return {"value": True}, {"list": [result, None if now == value else now]}
        except NotPlainDataError as error:
            return {"error": f"its result cannot be checked: {error}"}, None
        except BaseException as error:
            return {"error": f"{type(error).__name__}: {_words(error)}"[:1000]}, None


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
    name, text = str(type(error).__name__), _words(error)[:ERROR_LIMIT]
    lines = [f"{name}: {text}"]
    if not brief:
        with contextlib.suppress(Exception):  # an error of a student's own class may be odd
            lines = traceback.format_exception(error)[-ERROR_LINES:]
    return {"ename": name, "evalue": text, "traceback": [line[:ERROR_LIMIT] for line in lines]}


def _words(error):
    """Return what an error says, which may be an error."""
    try:
        return str(error)
    except Exception:
        return "an error that does not say what it is"


def _text(printed):
    note = f"\n[{printed.dropped:,} more characters were not kept]" if printed.dropped else ""
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed.getvalue())
    return text + note


def _shown(items):
    """Keep the kinds of output that cannot carry a script into a page, as far as there is room."""
    # the grader looks again, and what says that something is left out is to fit as well
    return fitting(items, _parts, SHOWN_ITEMS - 1, SHOWN_LIMIT - 200)


def _parts(item):
    one = {"text/plain": str(item.data.get("text/plain", ""))[:OUTPUT_LIMIT]}
    picture = item.data.get("image/png")
    if isinstance(picture, str) and len(picture) <= PICTURE_LIMIT:
        one["image/png"] = picture
    return one


def fitting(items, form, most=SHOWN_ITEMS, room=SHOWN_LIMIT):
    """Return what ``form`` makes of the first items; the last says how many there was no room for.

    Parameters
    ----------
    items : list
        What a cell displays.
    form : callable
        Turns an item into a dict of texts.
    most, room : int
        How many outputs, and how many characters, with 100 for each output, are kept.

    Returns
    -------
    kept : list of dict
    """
    kept = []
    for number, item in enumerate(items):
        one = form(item)
        room -= sum(map(len, one.values())) + 100
        if room < 0 or number == most:
            left = len(items) - number
            return [*kept, {"text/plain": f"[{left:,} more displayed outputs were not kept]"}]
        kept.append(one)
    return kept


def main(role):
    """Serve requests until the input ends."""
    if role == "student":
        # whoever watches the limits must not have to wait for a thousand processes of a student
        os.nice(10)
        most = min(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        if "TASKS" in os.environ:
            tasks = int(os.environ["TASKS"])
            resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
    # the channel is moved away, so that neither print nor os.write(1, …) gets into it
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    warnings.simplefilter("ignore")

    def send(message, value=None):
        # a value of its own line, which only the other side's process opens
        cargo = b"" if value is None else json.dumps(value).encode()
        answers.write(json.dumps({**message, "bytes": len(cargo)}).encode() + b"\n" + cargo)
        answers.flush()

    def take():
        message = json.loads(requests.readline() or sys.exit())
        cargo = requests.read(message.pop("bytes"))
        try:
            return message, json.loads(cargo) if cargo else None
        except (ValueError, RecursionError):  # the other side can send anything
            return message, {"what is no JSON": None}

    def ask(message, value=None):
        send({"ask": message}, value)
        return take()

    if os.environ.get("SUBMISSION"):
        # the student's own copy; links stay links, and what is no file is left behind
        with contextlib.suppress(OSError):
            shutil.copytree(
                os.environ["SUBMISSION"], os.getcwd(), symlinks=True, dirs_exist_ok=True
            )
    worker = Worker(ask)
    if role == "student":  # what the checks draw is shown to nobody
        worker.shell.run_cell("%matplotlib inline", store_history=False)
        # a figure is drawn where it is shown, and not once more after each cell
        worker.shell.run_cell(UNDRAWN, store_history=False)
    send({"ready": role})
    while True:
        request, value = take()
        do = request.pop("do")
        given = {} if value is None else {"value": value}
        done, result = getattr(worker, do)(**request, **given)
        send({"done": done}, result)


if __name__ == "__main__":
    main(sys.argv[1])
