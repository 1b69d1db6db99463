"""Archives of Canvas and Moodle, honest and odd, on their way into the folders of students."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from classroom import collect, intake, late
from classroom.course import Course, CourseError
from nbformat import v4

ROOT = Path(__file__).resolve().parent.parent
NAME = "01_first"
ROSTER = """student,name,canvas_id,moodle_name
ada,"Lovelace, Ada",17,
emmy,"Noether, Emmy",18,
carl,"Gauß, Carl Friedrich",,
twin1,"Twin, Same",,
twin2,"Twin, Same",,
sofja,"Kowalewskaja, Sofja",,Sofia Kovalevskaya
"""


@pytest.fixture
def course(tmp_path):
    for name in (NAME, "02_second"):
        path = tmp_path / "course" / "source" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(v4.new_notebook(), path)
    course = Course(tmp_path / "course")
    (course.root / "students.csv").write_text(ROSTER)
    return course


def pack(path, *entries):
    """Write an archive of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries:
            packed.writestr(name, content)
    return path


def take(course, tmp_path, *entries, names=()):
    return collect.main(course, pack(tmp_path / "download.zip", *entries), list(names))


def submitted(course):
    """Return all files below ``submitted``, and their contents."""
    root = course.root / "submitted"
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.glob("**/*"))
        if path.is_file()
    }


def test_canvas(course, tmp_path, capsys):
    left = take(
        course,
        tmp_path,
        ("lovelaceada_LATE_17_901_01_first-2.ipynb", "ada"),
        ("lovelaceada_LATE_17_902_helper-1.py", "help"),
        ("someothername_18_903_My work.ipynb", "emmy"),
        ("gausscarlfriedrich_19_904_01_first.ipynb", "carl"),
    )
    assert left == 0
    assert submitted(course) == {
        f"ada/{NAME}/{NAME}.ipynb": "ada",
        f"ada/{NAME}/helper-1.py": "help",
        f"ada/{NAME}/helper.py": "help",
        f"carl/{NAME}/{NAME}.ipynb": "carl",
        f"emmy/{NAME}/My work.ipynb": "emmy",
    }
    out = capsys.readouterr().out
    assert "late, says Canvas" in out
    (course.root / late.SETTINGS).write_text(f"[due]\n{NAME} = 2000-01-01T12:00:00Z\n")
    told = late.Rules(course)
    assert told.of("ada")[NAME].days is None
    assert told.of("emmy")[NAME].days == 0, "the time of the download says nothing"
    # what was changed by hand has a time of its own
    (course.root / "submitted" / "emmy" / NAME / "My work.ipynb").write_text("other")
    assert late.Rules(course).of("emmy")[NAME].days > 1000


def test_a_look_at_what_was_collected_does_not_make_it_late(course, tmp_path):
    (course.root / late.SETTINGS).write_text(f"[due]\n{NAME} = 2000-01-01T12:00:00Z\n")
    take(course, tmp_path, ("lovelaceada_17_901_01_first.ipynb", "ada"))
    folder = course.root / "submitted" / "ada" / NAME
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / f"{NAME}-checkpoint.ipynb").write_text("ada")
    (folder / ".DS_Store").write_text("a window of this size")
    (folder / "Thumbs.db").write_text("small")
    assert late.Rules(course).of("ada")[NAME].days == 0
    assert course.collected("ada", NAME)["late"] is False
    (folder / "more.py").write_text("x = 1")
    assert late.Rules(course).of("ada")[NAME].days > 1000


def test_what_a_look_leaves_counts_among_the_files(course, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "FILES", 20)
    (tmp_path / "one" / ".ipynb_checkpoints").mkdir(parents=True)
    for number in range(30):
        (tmp_path / "one" / ".ipynb_checkpoints" / f"{number}").touch()
    with pytest.raises(intake.UnreadableError, match="more than 20 files"):
        intake.contents(tmp_path / "one")


@pytest.mark.parametrize("shape", ["{}_assignsubmission_file_/{}", "{}_assignsubmission_file_{}"])
def test_moodle_with_and_without_folders(course, tmp_path, shape):
    left = take(
        course,
        tmp_path,
        (shape.format("Ada Lovelace_123", f"{NAME}.ipynb"), "ada"),
        (shape.format("EMMY  NOETHER_124", f"{NAME}.ipynb"), "emmy"),
        (shape.format("Sofia Kovalevskaya_125", f"{NAME}.ipynb"), "sofja"),
        (shape.format("Carl Friedrich Gauß_126", f"{NAME}.ipynb"), "carl"),
    )
    assert left == 0
    students = ("ada", "carl", "emmy", "sofja")
    assert submitted(course) == {f"{s}/{NAME}/{NAME}.ipynb": s for s in students}
    assert "tells no times" in course.collected("ada", NAME)["from"]


def test_folders_within_a_submission_and_around_all_of_them(course, tmp_path):
    folder = "download/Ada Lovelace_123_assignsubmission_file"
    take(
        course,
        tmp_path,
        (f"{folder}/{NAME}.ipynb", "ada"),
        (f"{folder}/data/a.csv", "1"),
        ("__MACOSX/download/._x", "litter"),
        names=[NAME],
    )
    assert submitted(course) == {f"ada/{NAME}/{NAME}.ipynb": "ada", f"ada/{NAME}/data/a.csv": "1"}


def test_who_is_not_known_is_listed_and_the_others_are_collected(course, tmp_path, capsys):
    left = take(
        course,
        tmp_path,
        ("lovelaceada_17_1_01_first.ipynb", "ada"),
        ("lovelaceada_99_2_01_first.ipynb", "another Ada"),
        ("twinsame_5_3_01_first.ipynb", "one of two"),
        ("anon_12345_4_01_first.ipynb", "?"),
        ("holiday.jpg", "sun"),
        ("hilbertdavid_20_5_01_first.ipynb", "david"),
    )
    assert submitted(course) == {f"ada/{NAME}/{NAME}.ipynb": "ada"}
    out = capsys.readouterr().out
    assert "lovelaceada (number 99 in Canvas): no such student; its canvas_id is 99" in out
    assert "could be twin1 or twin2" in out
    assert "anonymous" in out
    assert "holiday.jpg: its name is neither" in out
    assert "hilbertdavid" in out
    assert left == 5
    # once they are in the table, the same command brings them
    with open(course.root / "students.csv", "a") as file:
        file.write("david,Hilbert,20,\n")
    assert take(course, tmp_path, ("hilbertdavid_20_5_01_first.ipynb", "david")) == 0


@pytest.mark.parametrize(
    "entry", ["_17_901_01_first.ipynb", "- -_17_assignsubmission_file_/01_first.ipynb"]
)
def test_a_name_without_letters_is_not_that_of_who_has_none(course, tmp_path, entry, capsys):
    (course.root / "students.csv").write_text("student,name\nada,\n--,\n")
    assert take(course, tmp_path, (entry, "whose?")) == 1
    assert submitted(course) == {}
    assert "no such student" in capsys.readouterr().out


@pytest.mark.parametrize("entry", ["{}_17_901_01_first.ipynb", "{}_17_assignsubmission_file_/a"])
def test_the_signs_on_letters_tell_names_apart(course, tmp_path, entry):
    # for a regular expression of Python such vowels are no letters
    (course.root / "students.csv").write_text("student,name\none,\u0930\u093e\u092e\n")
    stranger, known = "\u0930\u092e\u093e", "\u0930\u093e\u092e"
    assert take(course, tmp_path, (entry.format(stranger), "x"), names=[NAME]) == 1
    assert submitted(course) == {}
    assert take(course, tmp_path, (entry.format(known), "x"), names=[NAME]) == 0


def test_two_people_of_one_name_are_told_apart(course, tmp_path, capsys):
    left = take(
        course,
        tmp_path,
        (f"Ada Lovelace_1_assignsubmission_file_/{NAME}.ipynb", "one"),
        (f"Ada Lovelace_2_assignsubmission_file_/{NAME}.ipynb", "two"),
    )
    assert left == 1
    assert submitted(course) == {}
    assert "all would be ada" in capsys.readouterr().out


def test_of_several_attempts_the_newest_is_taken_and_said(course, tmp_path, capsys):
    take(
        course,
        tmp_path,
        ("lovelaceada_17_30_01_first-1.ipynb", "newest"),
        ("lovelaceada_17_20_01_first.ipynb", "first"),
    )
    assert submitted(course) == {f"ada/{NAME}/{NAME}.ipynb": "newest"}
    assert "more than once, the newest was taken" in capsys.readouterr().out
    # an older download changes nothing
    take(course, tmp_path, ("lovelaceada_17_25_01_first.ipynb", "between"))
    assert submitted(course) == {f"ada/{NAME}/{NAME}.ipynb": "newest"}
    assert "older than what is there" in capsys.readouterr().out


def test_nothing_is_overwritten_silently(course, tmp_path, capsys):
    place = course.root / "submitted" / "ada" / NAME
    place.mkdir(parents=True)
    (place / f"{NAME}.ipynb").write_text("by e-mail")
    for content in ("by Canvas", "by Canvas", "by Canvas again"):
        number = {"by Canvas": 1, "by Canvas again": 2}[content]
        take(course, tmp_path, (f"lovelaceada_17_{number}_01_first.ipynb", content))
    kept = course.root / "replaced" / "ada" / NAME
    assert (kept / "1" / f"{NAME}.ipynb").read_text() == "by e-mail"
    assert (kept / "2" / f"{NAME}.ipynb").read_text() == "by Canvas"
    assert "as it was" in (out := capsys.readouterr().out)
    assert f"what was there is in replaced/ada/{NAME}/1" in out


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "name",
    [
        "lovelaceada_17_1_/../../../../outside.ipynb",
        "Ada Lovelace_1_assignsubmission_file_/../../outside.ipynb",
        "Ada Lovelace_1_assignsubmission_file_\\..\\..\\outside.ipynb",
        "/outside.ipynb",
        "C:\\outside.ipynb",
        "\\\\server\\outside.ipynb",
        link("Ada Lovelace_1_assignsubmission_file_/outside.ipynb"),
    ],
)
def test_nothing_leads_out_of_a_students_folder(course, tmp_path, name, capsys):
    before = {path for path in tmp_path.rglob("*") if path.name != "download.zip"}
    left = take(course, tmp_path, (name, "/etc/passwd"), names=[NAME])
    assert left == 1
    assert submitted(course) == {}
    new = {path for path in tmp_path.rglob("*") if path.name not in ("download.zip", ".lock")}
    assert new == before
    assert "NOT TAKEN" in capsys.readouterr().out


def test_a_link_in_the_place_of_a_students_folder_is_not_followed(course, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (course.root / "submitted").mkdir()
    (course.root / "submitted" / "ada").symlink_to(elsewhere)
    assert take(course, tmp_path, ("lovelaceada_17_1_01_first.ipynb", "ada")) == 1
    assert list(elsewhere.iterdir()) == []
    # one in the place of the submission is moved away as it is
    (course.root / "submitted" / "emmy").mkdir()
    (course.root / "submitted" / "emmy" / NAME).symlink_to(elsewhere)
    assert take(course, tmp_path, ("noetheremmy_18_1_01_first.ipynb", "emmy")) == 0
    assert list(elsewhere.iterdir()) == []
    assert (course.root / "replaced" / "emmy" / NAME / "1").is_symlink()


def test_what_cannot_be_stored_stops_nobody_else(course, tmp_path, capsys):
    (course.root / "submitted").mkdir()
    (course.root / "submitted" / "ada").write_text("a file in the place of a folder")
    left = take(
        course,
        tmp_path,
        ("lovelaceada_17_1_01_first.ipynb", "ada"),
        ("noetheremmy_18_3_01_first.ipynb", "emmy"),
    )
    assert left == 1
    assert submitted(course)[f"emmy/{NAME}/{NAME}.ipynb"] == "emmy"
    assert "ada: it could not be stored" in capsys.readouterr().out


def test_a_bomb_leaves_the_notebook_and_stops_nobody(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(intake, "BYTES", 10**6)
    monkeypatch.setattr(intake, "FILES", 20)
    many = [(f"lovelaceada_17_{i}_{i}.txt", "x") for i in range(100, 130)]
    left = take(
        course,
        tmp_path,
        ("lovelaceada_17_1_a bomb.bin", bytes(5 * 10**6)),
        ("lovelaceada_17_2_01_first.ipynb", "ada"),
        *many,
        ("noetheremmy_18_3_01_first.ipynb", "emmy"),
    )
    assert left > 1
    kept = submitted(course)
    assert kept[f"ada/{NAME}/{NAME}.ipynb"] == "ada"
    assert kept[f"emmy/{NAME}/{NAME}.ipynb"] == "emmy"
    assert f"ada/{NAME}/a bomb.bin" not in kept
    assert sum(path.startswith("ada/") for path in kept) < 21
    assert "a bomb.bin: of one student" in capsys.readouterr().out


def test_many_folders_stop_nobody_and_leave_the_notebook(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(intake, "FILES", 20)
    folder = "Ada Lovelace_1_assignsubmission_file_"
    left = take(
        course,
        tmp_path,
        *[(f"{folder}/node_modules/{i}/index.js", "x") for i in range(12)],
        (f"{folder}/{NAME}.ipynb", "ada"),
        (f"Emmy Noether_2_assignsubmission_file_/{NAME}.ipynb", "emmy"),
    )
    kept = submitted(course)
    assert kept[f"ada/{NAME}/{NAME}.ipynb"] == "ada"
    assert kept[f"emmy/{NAME}/{NAME}.ipynb"] == "emmy"
    # the notebook, node_modules, and nine times a folder and its file
    assert len(kept) == 11
    assert left == 3
    assert "index.js: of one student 20 files and folders" in capsys.readouterr().out
    assert course.collected("ada", NAME)


def test_a_folder_that_is_refused_once_it_is_unpacked_stops_nobody(
    course, tmp_path, monkeypatch, capsys
):
    contents = intake.contents

    def refused(folder):
        if (folder / "odd").exists():
            raise intake.UnreadableError("its folder is odd")
        return contents(folder)

    monkeypatch.setattr(intake, "contents", refused)
    left = take(
        course,
        tmp_path,
        ("lovelaceada_17_1_01_first.ipynb", "ada"),
        ("lovelaceada_17_2_odd", "odd"),
        ("noetheremmy_18_3_01_first.ipynb", "emmy"),
    )
    assert left == 1
    assert submitted(course) == {f"emmy/{NAME}/{NAME}.ipynb": "emmy"}
    assert "ada: it could not be stored: its folder is odd" in capsys.readouterr().out


def test_a_path_that_is_too_long_costs_that_file_alone(course, tmp_path, capsys):
    folder = "Ada Lovelace_1_assignsubmission_file_"
    left = take(
        course,
        tmp_path,
        (f"{folder}/{'/'.join(['d' * 250] * 17)}/a.txt", "far away"),
        (f"{folder}/{NAME}.ipynb", "ada"),
    )
    assert left == 1
    assert submitted(course) == {f"ada/{NAME}/{NAME}.ipynb": "ada"}
    assert "it cannot be unpacked (File name too long)" in capsys.readouterr().out


def test_a_file_that_says_less_than_it_holds(course, tmp_path, capsys):
    path = pack(
        tmp_path / "download.zip",
        ("lovelaceada_17_2_01_first.ipynb", "x" * 10**5),
        ("noetheremmy_18_3_01_first.ipynb", "emmy"),
    )
    content = path.read_bytes()
    path.write_bytes(content.replace((10**5).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert collect.main(course, path, []) == 2
    assert submitted(course) == {f"emmy/{NAME}/{NAME}.ipynb": "emmy"}
    assert "cannot be unpacked" in capsys.readouterr().out


def test_odd_names(course, tmp_path, capsys):
    folder = "Ada Lovelace_1_assignsubmission_file_"
    # UTF-8 without saying so, and an old code page
    plain = {f"{folder}/Lösung.txt": "utf", f"{folder}/{'x' * 300}.txt": "long"}
    path = pack(
        tmp_path / "download.zip",
        *[(name.replace("ö", "@@"), content) for name, content in plain.items()],
        (f"{folder}/old@.txt", "old"),
        (f"{folder}/{NAME}.ipynb", "ada"),
        (f"{folder}/a", "file"),
        (f"{folder}/a/b", "in a file"),
    )
    path.write_bytes(path.read_bytes().replace(b"@@", "ö".encode()).replace(b"d@.", b"d\xff."))
    assert collect.main(course, path, []) == 1
    names = {name.split("/", 2)[2]: content for name, content in submitted(course).items()}
    assert names["Lösung.txt"] == "utf"
    assert names[f"{NAME}.ipynb"] == "ada"
    assert "old" in names.values()
    assert "long" in names.values()
    assert "a/b: it cannot be unpacked" in capsys.readouterr().out


def test_the_same_name_twice(course, tmp_path, capsys):
    name = f"Ada Lovelace_1_assignsubmission_file_/{NAME}.ipynb"
    with pytest.warns(UserWarning, match="Duplicate"):
        take(course, tmp_path, (name, "one"), (name, "two"))
    assert submitted(course) == {f"ada/{NAME}/{NAME}.ipynb": "two"}
    assert "more than once" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_what_is_no_archive_is_refused(course, tmp_path, content):
    path = tmp_path / "download.zip"
    path.write_bytes(content)
    with pytest.raises(CourseError, match="cannot be read as a zip archive"):
        collect.main(course, path, [])
    with pytest.raises(CourseError, match="cannot be read"):
        collect.main(course, tmp_path / "none.zip", [])


def test_a_name_that_is_not_what_it_says(course, tmp_path):
    path = pack(tmp_path / "download.zip", ("lovelaceada_17_1_ö.ipynb", "x"))
    path.write_bytes(path.read_bytes().replace("ö".encode(), b"\xff\xff"))
    with pytest.raises(CourseError, match="UTF-8"):
        collect.main(course, path, [NAME])


def test_a_file_that_is_named_otherwise_than_in_the_list_stops_nobody(course, tmp_path, capsys):
    path = pack(
        tmp_path / "download.zip",
        ("lovelaceada_17_1_ö.ipynb", "x"),
        ("noetheremmy_18_3_01_first.ipynb", "emmy"),
    )
    path.write_bytes(path.read_bytes().replace("ö".encode(), b"\xff\xff", 1))
    assert collect.main(course, path, [NAME]) == 2
    assert submitted(course) == {f"emmy/{NAME}/{NAME}.ipynb": "emmy"}
    assert "ö.ipynb: it cannot be unpacked" in capsys.readouterr().out


def test_the_assignment_is_found_or_asked_for(course, tmp_path):
    with pytest.raises(CourseError, match="which assignment"):
        take(course, tmp_path, ("lovelaceada_17_1_work.ipynb", "x"))
    assert take(course, tmp_path, ("lovelaceada_17_1_work.ipynb", "x"), names=["02_second"]) == 0
    assert list(submitted(course)) == ["ada/02_second/work.ipynb"]
    record = json.loads(course.collected_path("ada", "02_second").read_text())
    assert record["archive"] == "download.zip"


def test_without_a_roster_everybody_is_listed(course, tmp_path, capsys):
    (course.root / "students.csv").unlink()
    assert take(course, tmp_path, ("lovelaceada_17_1_01_first.ipynb", "x")) == 1
    assert "lovelaceada (number 17 in Canvas)" in capsys.readouterr().out


@pytest.mark.parametrize("student", ["../x", ".hidden", "a/b"])
def test_a_roster_cannot_lead_out_of_the_course(course, tmp_path, student):
    (course.root / "students.csv").write_text(f"student,canvas_id\n{student},17\n")
    with pytest.raises(CourseError, match="cannot be the name of a folder"):
        take(course, tmp_path, ("lovelaceada_17_1_01_first.ipynb", "x"))


def test_the_command_says_how_many_were_left(course, tmp_path):
    path = pack(
        tmp_path / "my download.zip",
        ("lovelaceada_17_1_01_first.ipynb", "ada"),
        ("hilbertdavid_20_5_01_first.ipynb", "david"),
    )
    command = [sys.executable, "-m", "classroom", "collect", "--course", str(course.root)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools") + os.pathsep + str(ROOT)}

    def run(*more):
        return subprocess.run([*command, *more], env=environment, capture_output=True, text=True)

    done = run("--from", str(path))
    assert done.returncode == 1
    assert "ada      01_first    new" in done.stdout
    assert "1 were not collected" in done.stderr
    assert "make collect FROM=" in run().stderr
    shown = ["make", "-n", "collect", f"FROM={path}", "ASSIGNMENTS=01_first"]
    made = subprocess.run(shown, cwd=ROOT, capture_output=True, text=True).stdout
    assert f'collect --from "{path}" 01_first' in made
