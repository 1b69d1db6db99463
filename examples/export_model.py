"""Export a network for where no Keras is: as ONNX and as TensorFlow's SavedModel.

    python examples/export_model.py MODEL.keras FOLDER

writes FOLDER/model.onnx and FOLDER/saved_model, whichever backend trained the network.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

# of Keras's backends, the one that writes both with what requirements.txt brings; it loads what any
# other has saved
os.environ["KERAS_BACKEND"] = "tensorflow"
# this checkout's aeutils, where none is installed
sys.path.append(str(Path(__file__).resolve().parent.parent))


def main():
    """Export the network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, metavar="MODEL.keras")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if not arguments.model.is_file():
        parser.error(f"{arguments.model} is not there")
    if arguments.folder.exists():
        parser.error(f"{arguments.folder} is there already; name a new one")

    from aeutils import runtime

    runtime.quiet_logs()
    import keras

    import aeutils.core.layers
    import aeutils.denoising.layers  # noqa: F401  so that Keras knows them

    try:
        # how it was trained is of no use here
        model = keras.models.load_model(arguments.model, compile=False)
    except (TypeError, ValueError, OSError) as error:
        parser.error(
            f"{arguments.model} holds no network of Keras's layers and those of aeutils ({error})"
        )
    partial = arguments.folder.with_name(f"{arguments.folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    model.export(partial / "saved_model", verbose=False)
    model.export(partial / "model.onnx", format="onnx", verbose=False)
    os.replace(partial, arguments.folder)


if __name__ == "__main__":
    main()
