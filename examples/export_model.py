"""Export a network for where no Keras is: as ONNX and as TensorFlow's SavedModel.

    python examples/export_model.py MODEL.keras FOLDER

writes FOLDER/model.onnx and FOLDER/saved_model, whichever backend trained the network.
"""

import argparse
import os
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
    import aeutils.denoising.layers
    import aeutils.generative.vae  # noqa: F401  so that Keras knows them
    from aeutils.core.files import atomic_path

    try:
        # how it was trained is of no use here
        model = keras.models.load_model(arguments.model, compile=False)
    except (TypeError, ValueError, OSError) as error:
        parser.error(
            f"{arguments.model} holds no network of Keras's layers and those of aeutils ({error})"
        )
    arguments.folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(arguments.folder) as partial:
        partial.mkdir()
        model.export(partial / "saved_model", verbose=False)
        model.export(partial / "model.onnx", format="onnx", verbose=False)


if __name__ == "__main__":
    main()
