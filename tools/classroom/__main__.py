"""The commands of a course: release, collect, grade, feedback, grades, likeness."""

import argparse
import os
import sys

import psutil

from classroom import collect, feedback, grade, grades, likeness, sandbox, vary
from classroom.course import Course, CourseError

COMMANDS = ["release", "collect", "grade", "feedback", "grades", "likeness"]
# bytes of memory that a submission's processes are counted with; most take less than half of it
EACH = 4 * 2**30


def at_a_time():
    """Return how many submissions to grade at a time: one for each core, if there is memory."""
    return max(1, min(os.cpu_count() or 1, psutil.virtual_memory().total // EACH))


def main():
    """Run the command that is named."""
    parser = argparse.ArgumentParser(prog="classroom", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("names", nargs="*", help="assignments; all where none is named")
    parser.add_argument("--course", default="assignments", help="folder of the course")
    parser.add_argument("--jobs", type=int, default=at_a_time())
    parser.add_argument("--student", help="grade this student's submissions alone, and anew")
    parser.add_argument("--from", dest="archive", help="what `collect` takes")
    parser.add_argument("--separator", choices=[",", ";"], default=",", help="of grades.csv")
    parser.add_argument("--unsafe", action="store_true", help="grade without a sandbox")
    given = parser.parse_args()
    if given.jobs < 1:
        parser.error("JOBS has to be 1 or more")
    try:
        course = Course(given.course)
        names = course.chosen(given.names)
        if given.command == "release":
            with course.lock():
                for name in names:
                    print(course.release(name), flush=True)
                    if each := vary.hand_out(course, name):
                        print(f"  and for each person in students.csv: {each}/STUDENT/{name}")
        elif given.command == "grade":
            for name in sandbox.THREADS:
                # the cores are shared out, where nobody has said otherwise
                os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // given.jobs)))
            failed = grade.main(course, names, given.jobs, given.unsafe, given.student)
            if failed:
                sys.exit(f"{failed} could not be graded; the lines above say why")
        elif given.command == "collect":
            if not given.archive:
                raise CourseError("collect what? make collect FROM=path/to/download.zip")
            left = collect.main(course, given.archive, given.names)
            if left:
                sys.exit(f"{left} were not collected; the lines above say why")
        elif given.command == "feedback":
            pages = feedback.main(course, names)
            print(f"{len(pages)} pages in {course.root / 'feedback'}")
        elif given.command == "likeness":
            print(likeness.main(course, names))
        else:
            for path in grades.main(course, names, given.separator):
                print(path)
    except CourseError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; what was graded is kept, and the same command goes on from there")


if __name__ == "__main__":
    main()
