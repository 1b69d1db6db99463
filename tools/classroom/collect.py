"""Put what Canvas or Moodle gives as an archive into the folders of students.

Students choose the names and contents of the files in it, so that nothing of an archive is
believed: no link, no path out of a student's folder, no size, no name of any kind.
"""

import collections
import contextlib
import dataclasses
import json
import os
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from pathlib import Path

from classroom import intake, tables
from classroom.course import CourseError, table, write

ENTRIES = 100_000  # of an archive
# lastnamefirst_LATE_USER_FILE_name-ATTEMPT.ipynb
CANVAS = re.compile(r"(?P<name>.*?)(?P<late>_LATE)?_(?P<user>\d+)_(?P<order>\d+)_(?P<file>.+)")
# First Last_PARTICIPANT_assignsubmission_file_/name.ipynb, or without folders _name.ipynb
MOODLE = re.compile(
    r"(?P<name>.+)_(?P<user>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?"
)
# other ways of packing ask for as much memory as they like
PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# what goes wrong with one file, whose own name can be no UTF-8 where the archive's list says it is
FAILURES = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)


@dataclasses.dataclass
class Entry:
    """One file of an archive, and what its name says."""

    info: zipfile.ZipInfo
    system: str
    name: str
    user: str
    late: bool | None
    order: tuple
    path: tuple


def main(course, archive, names):
    """Collect an archive; return the number of things in it that nobody got."""
    path = Path(archive)
    people = tables.roster(course)
    try:
        with zipfile.ZipFile(path) as packed, course.lock():
            entries, problems = read(packed)
            name = _assignment(course, names, entries)
            found, unknown = matched(entries, people)
            rows = []
            for student in sorted(found):
                try:
                    told, missed = _take(course, student, name, packed, found[student], path.name)
                except (OSError, intake.UnreadableError) as error:
                    told, missed = "not taken", [f"it could not be stored: {error}"]
                rows.append((student, name, told))
                problems += [f"{student}: {text}" for text in missed]
    except (OSError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CourseError(f"{path} cannot be read as a zip archive: {reason}") from None
    except UnicodeDecodeError:
        raise CourseError(
            f"{path} holds a name that says it is in UTF-8, and is not; unpack it by another "
            "program and pack it again. Nothing was collected."
        ) from None
    if rows:
        table([("student", "assignment", "result"), *rows])
    for text in problems:
        print(f"NOT TAKEN {text}")
    if unknown:
        print(
            f"{len(unknown)} people of the archive are nobody in {course.root / 'students.csv'}; "
            "their files are in the archive still. Add them, and give the same command again:"
        )
        for text in unknown:
            print(f"  {text}")
    return len(problems) + len(unknown)


def read(packed):
    """Return the files of an archive that could be a student's, and sentences about the others."""
    infos = packed.infolist()
    if len(infos) > ENTRIES:
        raise CourseError(f"more than {ENTRIES:,} files in one archive are not taken")
    known, problems = [], []
    for info in infos:
        name = decoded(info)
        parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
        mode = info.external_attr >> 16
        if name.endswith(("/", "\\")) or not parts or intake.PACKING & set(parts):
            continue
        problem = None
        if name[0] in "/\\" or re.match(r"[A-Za-z]:", name) or ".." in parts or "\0" in name:
            problem = "its path leads out of the archive"
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            problem = "it is a link, or no ordinary file"
        elif info.flag_bits & 1:
            problem = "it is encrypted"
        elif info.compress_type not in PACKED:
            problem = "it is packed in a way that is not taken"
        if problem:
            problems.append(f"{intake.readable(name)}: {problem}")
        else:
            known.append((info, parts))
    # packed again with the folder around it
    tops = {parts[0] if len(parts) > 1 else None for _, parts in known}
    if len(tops) == 1 and None not in tops and not MOODLE.fullmatch(*tops):
        known = [(info, parts[1:]) for info, parts in known]
    entries = []
    for info, parts in known:
        entry = _entry(info, parts)
        if isinstance(entry, str):
            problems.append(f"{intake.readable('/'.join(parts))}: {entry}")
        else:
            entries.append(entry)
    return entries, problems


def decoded(info):
    """Return a name as it was meant: many programs write UTF-8 without saying so."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name


def _entry(info, parts):
    """Return what a path says, or why it says nothing."""
    found = MOODLE.fullmatch(parts[0])
    if found:
        if found["kind"] != "file":
            return "no file that was handed in, but a text typed into Moodle"
        path = parts[1:] if len(parts) > 1 else [found["file"]]
        if not all(path):
            return "its name is not one of Moodle's"
        order = (info.date_time, info.header_offset)
        return Entry(info, "Moodle", found["name"], found["user"], None, order, tuple(path))
    found = CANVAS.fullmatch(parts[0]) if len(parts) == 1 else None
    if not found:
        return "its name is neither one of Canvas's nor of Moodle's"
    if found["name"] == "anon":
        return "it is anonymous: download it again when names are shown"
    order = (int(found["order"]), info.header_offset)
    late = found["late"] is not None
    return Entry(info, "Canvas", found["name"], found["user"], late, order, (found["file"],))


def _assignment(course, names, entries):
    """Return the assignment that an archive is about."""
    if len(names) == 1:
        return names[0]
    stems = {re.sub(r"(-\d+)?\.ipynb$", "", entry.path[-1]) for entry in entries}
    meant = [name for name in course.names if name in stems]
    if len(meant) != 1:
        raise CourseError(
            "which assignment is it? Say so: make collect FROM=... "
            f"ASSIGNMENTS={(meant or course.names)[0]}"
        )
    return meant[0]


def matched(entries, people):
    """Return the entries of each student, and a sentence about each person that is none."""
    groups, found, unknown = {}, collections.defaultdict(dict), []
    for entry in entries:
        groups.setdefault((entry.system, entry.name, entry.user), []).append(entry)
    for (system, name, user), group in sorted(groups.items()):
        student, why = _student(system, name, user, people)
        if student is None:
            unknown.append(f"{intake.readable(name)} (number {user} in {system}): {why}")
        else:
            found[student][name, user] = group
    for student, of in list(found.items()):
        if len(of) > 1:
            who = ", ".join(f"{intake.readable(name)} (number {user})" for name, user in of)
            unknown.append(f"{who}: all would be {student}; tell them apart in students.csv")
            del found[student]
    return {student: next(iter(of.values())) for student, of in found.items()}, unknown


def _student(system, name, user, people):
    """Return the folder's name of a person, or None and why."""
    if system == "Canvas":
        by_number = [s for s, person in people.items() if person["canvas_id"] == user]
        if by_number:
            return by_number[0], ""
        candidates = [
            student
            for student, person in people.items()
            # whose number is known is not somebody with another number
            if not person["canvas_id"]
            and _same(_letters(name), _letters(person["name"]), _letters(student))
        ]
    else:
        candidates = [
            student
            for student, person in people.items()
            if _same(_words(name), _words(person["moodle_name"] or person["name"]), _words(student))
        ]
    if len(candidates) > 1:
        return None, f"could be {' or '.join(candidates)}"
    hint = f"its canvas_id is {user}" if system == "Canvas" else f"its moodle_name is {name}"
    return (
        (candidates[0], "") if candidates else (None, f"no such student; {intake.readable(hint)}")
    )


def _plain(text):
    return unicodedata.normalize("NFKC", text).casefold()


def _same(name, *others):
    """Tell whether a name is one of these; of one with no letters nothing can be told."""
    return bool(name) and name in others


def _parts(text):
    """Return the letters and digits of a text, with the signs on them, cut at all others."""
    kept = (c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return "".join(kept).split()


def _letters(name):
    """Return a name as Canvas writes it: "Lovelace, Ada" is lovelaceada."""
    return "".join(_parts(_plain(name)))


def _words(name):
    """Return a name as its words, the first names first: "Lovelace, Ada" is ada lovelace."""
    last, comma, first = _plain(name).partition(",")
    return _parts(f"{first} {last}" if comma else last)


def _take(course, student, name, packed, entries, archive):
    """Put one submission into its folder; return what became of it, and what was left out."""
    target = course.root / "submitted" / student / name
    if target.parent.is_symlink():
        return "not taken", [f"submitted/{student} is a link, which is not followed"]
    partial = course.root / "submitted" / ".collect.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        chosen, notes = _chosen(entries)
        missed = _unpack(packed, chosen, partial)
        if not any(partial.iterdir()):
            return "not taken", [*missed, "nothing of it is left"]
        late = any(entry.late for entry in entries) if entries[0].late is not None else None
        source = "Canvas" if late is not None else "Moodle's archive, which tells no times"
        record = {"from": source, "late": late, "archive": archive}
        record |= {"order": max(entry.order for entry in entries)[0] if late is not None else 0}
        record |= {"contents": intake.contents(partial)}
        told = _place(course, student, name, partial, record)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if late:
        notes.append("late, says Canvas")
    return "; ".join([told, *notes]), missed


def _chosen(entries):
    """Return the entry for each path: of several attempts the newest, and what was left out."""
    chosen, notes = {}, []
    for entry in sorted(entries, key=lambda entry: entry.order):
        path = entry.path
        # Canvas numbers the names of later attempts
        again = re.fullmatch(r"(.+)-\d+(\.\w+)", path[-1]) if entry.system == "Canvas" else None
        if again and again[2] == ".ipynb":
            path = (*path[:-1], again[1] + again[2])
        if path in chosen:
            older = intake.readable(chosen[path].path[-1])
            notes.append(f"{older} is there more than once, the newest was taken")
        chosen[path] = entry
    for entry in list(chosen.values()):
        again = re.fullmatch(r"(.+)-\d+(\.\w+)", entry.path[-1])
        if again and entry.system == "Canvas" and again[2] != ".ipynb":
            # under the name that a notebook looks for as well
            chosen.setdefault((*entry.path[:-1], again[1] + again[2]), entry)
    return chosen, list(dict.fromkeys(notes))


def _unpack(packed, chosen, folder):
    """Write the chosen entries into a folder; return what could not be taken."""
    missed, made, left = [], set(), intake.BYTES
    # the notebook first, should there be more than is taken
    for path in sorted(chosen, key=lambda path: (not path[-1].endswith(".ipynb"), path)):
        shown, entry = intake.readable("/".join(path)), chosen[path]
        # the file, and the folders around it that are not there yet
        new = {path[:end] for end in range(1, min(len(path), intake.DEPTH) + 1)} - made
        many = len(made) + len(new) > intake.FILES
        if many or len(path) > intake.DEPTH or entry.info.file_size > left:
            missed.append(
                f"{shown}: of one student {intake.FILES:,} files and folders, "
                f"{intake.BYTES >> 20} MiB and {intake.DEPTH} folders in each other are taken"
            )
            continue
        made |= new
        place = folder.joinpath(*map(_short, path))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry.info) as source, open(place, "xb") as target:
                while chunk := source.read(2**20):
                    left -= len(chunk)
                    if left < 0:
                        raise zipfile.BadZipFile("it holds more than it says")
                    target.write(chunk)
        except FAILURES as error:
            reason = getattr(error, "strerror", None) or str(error)
            missed.append(f"{shown}: it cannot be unpacked ({intake.readable(reason)})")
            # a path that is too long cannot even be looked at
            with contextlib.suppress(OSError):
                place.unlink()
    return missed


def _short(part):
    """Return a name that the system takes."""
    return part if len(os.fsencode(part)) <= 255 else intake.readable(part).replace("/", "_")


def _place(course, student, name, partial, record):
    """Move a submission to its place; what was there is moved away, never lost."""
    target = course.root / "submitted" / student / name
    was = course.collected(student, name)
    if os.path.lexists(target):
        try:
            same = not target.is_symlink() and intake.contents(target) == record["contents"]
        except intake.UnreadableError:
            same = False
        if same:
            _record(course, student, name, record)
            return "as it was"
        if was.get("order", 0) > record["order"] > 0:
            return f"not taken: older than what is there, from {was['archive']}"
        away = course.root / "replaced" / student / name
        away.mkdir(parents=True, exist_ok=True)
        number = len(list(away.iterdir())) + 1
        while os.path.lexists(away / str(number)):
            number += 1
        os.rename(target, away / str(number))
        told = f"new, what was there is in replaced/{student}/{name}/{number}"
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        told = "new"
    os.rename(partial, target)
    _record(course, student, name, record)
    return told


def _record(course, student, name, record):
    write(course.collected_path(student, name), json.dumps(record, indent=1))
