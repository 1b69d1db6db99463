"""When something was handed in, how late that is, and what it costs."""

import dataclasses
import datetime
import functools
import math
import zoneinfo

from classroom import intake, tables
from classroom.tables import SETTINGS

DAY = datetime.timedelta(days=1)
TIMES = "times.csv"
UNKNOWN = "no time of its file is known"
STRANGER = "no student of this course: neither in students.csv nor below submitted/"


@dataclasses.dataclass(frozen=True)
class Lateness:
    """What is known of one submission's time.

    ``days`` is None where it was late, or may have been, and nobody knows by how much;
    ``percent`` is what is taken off.
    """

    time: datetime.datetime | None = None
    source: str = ""
    days: int | None = 0
    grace: int = 0
    percent: float = 0.0

    def final(self, score):
        """Return the mark after the penalty; None where it cannot be told yet."""
        # of nothing, nothing is taken off
        if score is None or (score and self.days is None):
            return None
        return round(score * (1 - self.percent / 100), 2)

    def told(self):
        """Return it in words; empty where it was in time."""
        if self.source == UNKNOWN and self.days is None:
            return "at a time that is not known"
        if self.days is None:
            return f"late, its time is not known ({self.source})"
        if not self.days:
            return ""
        text = f"{self.days} day{'s' if self.days > 1 else ''} late"
        text += f", {self.grace} of them free" if self.grace else ""
        return text + f", {self.percent:g} % less"


class Rules:
    """The due dates and penalties in ``course.toml``; without that file nothing is late.

    Parameters
    ----------
    course : Course
        The course; all its assignments count, since they share the days of grace.

    Raises
    ------
    CourseError
        If a table is odd; the text says in which line and column.
    """

    def __init__(self, course):
        self.course = course
        self.due, self.due_for, self.grace_for = {}, {}, {}
        self.percent, self.cap, self.grace, self.zone = 0.0, 100.0, 0, None
        self.columns = {}
        self._told = {}
        self.settings = tables.settings(course)
        if self.settings:
            self._read(self.settings)
        self.times = self._times()

    def _read(self, settings):
        zone = settings.values.get("zone")
        if zone is not None:
            try:
                self.zone = zoneinfo.ZoneInfo(zone)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
                raise settings.error(
                    ["zone"], f"{zone!r} is no time zone; write one such as 'Europe/Berlin'"
                ) from None
        late = self._table(["late"])
        for key in late.keys() - {"percent_per_day", "at_most", "grace_days", "grace_of"}:
            raise settings.error(["late", key], "not known here")
        self.percent = self._number(["late", "percent_per_day"], late, 0, 100)
        self.cap = self._number(["late", "at_most"], late, 100, 100)
        self.grace = self._number(["late", "grace_days"], late, 0, math.inf, whole=True)
        for student in (own := self._table(["late", "grace_of"])):
            keys = ["late", "grace_of", student]
            self.grace_for[student] = self._number(keys, own, 0, math.inf, whole=True)
            self._student(student, settings.error(keys, STRANGER))
        self.due = self._dates(["due"])
        for student in self._table(["due_for"]):
            self.due_for[student] = self._dates(["due_for", student])
            self._student(student, settings.error(["due_for", student], STRANGER))
        for name, header in self._table(["canvas"]).items():
            self._assignment(["canvas", name])
            if not isinstance(header, str):
                raise settings.error(["canvas", name], "the head of the column, as a text")
            self.columns[name] = header

    def _table(self, keys):
        found = self.settings.values
        for depth, key in enumerate(keys, 1):
            found = found.get(key, {})
            if not isinstance(found, dict):
                raise self.settings.error(keys[:depth], f"it has to be a table, [{'.'.join(keys)}]")
        return found

    def _number(self, keys, table, default, largest, whole=False):
        value = table.get(keys[-1], default)
        right = type(value) is int or (type(value) is float and not whole)
        if not right or not 0 <= value <= largest:
            kind = "a whole number" if whole else "a number"
            kind += " from 0 on" if largest == math.inf else f" from 0 to {largest}"
            raise self.settings.error(keys, f"it has to be {kind}; found {value!r}")
        return value

    def _student(self, student, error):
        """Refuse who is no student; where no list says who is one, tell about it alone."""
        if student in self._people or student in self.course.students():
            return
        if self._people:
            raise error
        print(error)

    @functools.cached_property
    def _people(self):
        return tables.roster(self.course)

    def _assignment(self, keys):
        if keys[-1] not in self.course.names:
            names = ", ".join(self.course.names)
            raise self.settings.error(keys, f"no assignment of this course; there are {names}")

    def _dates(self, keys):
        dates = {}
        for name, value in self._table(keys).items():
            self._assignment([*keys, name])
            try:
                dates[name] = self.moment(value)
            except ValueError as error:
                raise self.settings.error([*keys, name], str(error)) from None
        return dates

    def moment(self, value):
        """Return a time with its zone; a text or a time without one is in the zone of the course.

        Raises
        ------
        ValueError
            If it is no time, has no zone, or the clocks show it twice or never.
        """
        if isinstance(value, str):
            try:
                text = value.strip()
                value = datetime.datetime.fromisoformat(text)
            except ValueError:
                raise ValueError(
                    f"{value!r} is no time; write one such as 2026-11-02 23:59 or "
                    "2026-11-02T23:59:00+01:00"
                ) from None
            if ":" not in text and "T" not in text:
                raise ValueError(f"{text!r} has no hour; write it, such as {text} 23:59")
        if not isinstance(value, datetime.datetime):
            raise ValueError(f"{value} has no hour; write it, such as 2026-11-02 23:59:00")
        value = self._in_zone(value)
        try:
            value.astimezone(datetime.UTC)
        except OverflowError:
            raise ValueError(f"{value} is too far away") from None
        return value

    def _in_zone(self, value):
        if value.tzinfo is not None:
            return value
        if self.zone is None:
            raise ValueError(
                f"{value} has no time zone; write zone = 'Europe/Berlin' at the top of "
                f"{SETTINGS}, or its distance, such as {value.isoformat()}+01:00"
            )
        both = [value.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1)]
        if both[0].utcoffset() != both[1].utcoffset():
            raise ValueError(
                f"{value}: the clocks of {self.zone} are changed then, so that it comes twice "
                "or never; write its distance, such as +01:00"
            )
        return both[0]

    def _times(self):
        """Return the times in the table, by student and assignment."""
        path = self.course.root / TIMES
        if not path.exists():
            return {}
        columns = ["student", "assignment", "time"]
        table, times = tables.Table(path, columns, columns), {}
        for line, row in table.rows:
            key = row["student"], row["assignment"]
            if row["assignment"] not in self.course.names:
                raise table.error(line, "assignment", "no assignment of this course")
            if key in times:
                raise table.error(line, "student", "stands twice for this assignment")
            try:
                times[key] = self.moment(row["time"])
            except ValueError as error:
                raise table.error(line, "time", str(error)) from None
            self._student(row["student"], table.error(line, "student", STRANGER))
        return times

    def of(self, student):
        """Return the lateness of all submissions of a student, by assignment.

        Days of grace go to the assignments in the order in which they are due.
        """
        if student not in self._told:
            self._told[student] = self._of(student)
        return self._told[student]

    def _of(self, student):
        folders = self._folders.get(student, {})
        left = self.grace_for.get(student, self.grace)
        told = {}
        due = self.due | self.due_for.get(student, {})
        for name in sorted(folders, key=lambda name: (name not in due, due.get(name), name)):
            time, source, flag = self._time(student, name, folders[name])
            if name not in due:
                told[name] = Lateness(time, source)
                continue
            if time is None:
                # it may be late, or a system that knows its own due date has said that it is
                told[name] = Lateness(None, source, None if flag else 0)
                continue
            # in one zone two times differ by what the clocks show, whenever they are changed
            over = time.astimezone(datetime.UTC) - due[name].astimezone(datetime.UTC)
            days = max(0, math.ceil(over / DAY))
            free = min(days, left)
            left -= free
            percent = min(self.cap, (days - free) * self.percent)
            told[name] = Lateness(time, source, days, free, percent)
        return told

    @functools.cached_property
    def _folders(self):
        """Return what was handed in: by student, then by assignment."""
        found = {}
        for student, name, folder in self.course.submissions(self.course.names):
            found.setdefault(student, {})[name] = folder
        return found

    def _time(self, student, name, folder):
        """Return when it was handed in, where that is known from, and whether it may be late."""
        if (student, name) in self.times:
            return self.times[student, name], TIMES, None
        record = self.course.collected(student, name)
        if record:
            return None, record["from"], record["late"]
        stamp = intake.changed(folder, name, lambda: self.course.handed_out(name))
        if stamp is None:
            return None, UNKNOWN, True
        try:
            time = datetime.datetime.fromtimestamp(stamp, self.zone or datetime.UTC)
        except (OverflowError, ValueError, OSError):  # whoever owns a file can set any time
            return None, UNKNOWN, True
        return time, "time stamp of the notebook", None
