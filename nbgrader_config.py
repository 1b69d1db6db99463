"""nbgrader's panels in JupyterLab, for the course in assignments/; `make lab` reads this."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent / "tools"))

from classroom.cleaning import FILTERS
from nbgrader.preprocessors import NbGraderPreprocessor


class UseMakeGrade(NbGraderPreprocessor):
    """Stop the panel's own button *Autograde*, which runs code of students without a sandbox."""

    def preprocess(self, nb, resources):
        """Refuse."""
        raise RuntimeError("grade with `make grade`: it runs the code of students in a sandbox")


c = get_config()  # noqa: F821, from whoever loads this file
c.CourseDirectory.root = str(Path(__file__).resolve().parent / "assignments")
c.Autograde.sanitize_preprocessors = [UseMakeGrade]
# what students write may hold scripts: the formgrader shows them as text, and no link runs one
c.HTMLExporter.filters = FILTERS
c.HTMLExporter.preprocessors = ["nbconvert.preprocessors.sanitize.SanitizeHTML"]
c.SanitizeHTML.enabled = True
