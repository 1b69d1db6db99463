"""Serve an autoencoder that was exported to ONNX: pictures in, anomaly scores out.

    python examples/serve.py MODEL.onnx --port 8000

answers a POST to /predict of {"pictures": [[784 numbers from 0 to 1], …]} by {"scores": […]};
GET /health says whether it is ready.  It needs no Keras, and computes by ONNX Runtime.
A larger request is refused by 413 before it is read as JSON, and one that finds --waiting others
under way by 503, with the seconds after which to try again.
"""

import argparse
import math
import multiprocessing
import signal
import sys
from pathlib import Path

import litserve
import numpy as np
import onnxruntime
from fastapi import HTTPException
from pydantic import BaseModel, StrictFloat
from starlette.responses import JSONResponse

# this checkout's aeutils, where none is installed
sys.path.append(str(Path(__file__).resolve().parent.parent))
from aeutils.anomalies import reconstruction_error
from aeutils.core.errors import AeutilsError
from aeutils.images import to_unit_range

MOST_PICTURES = 100
MOST_BYTES = 2_000_000  # of a request; a number of double precision takes up to 25
MOST_WAITING = 32  # requests; LitServe's own queue has no end


class Pictures(BaseModel):
    """What a request must hold; anything else is answered by 422 and the place of the fault."""

    pictures: list[list[StrictFloat]]  # no text that looks like a number, no true or false


class Scorer(litserve.LitAPI):
    """One worker: the network, and what it does with a request."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def setup(self, device):
        """Load the network, once in each worker process."""
        self.session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        self.input, output = self.session.get_inputs()[0], self.session.get_outputs()[0]
        if output.shape[1:] != self.input.shape[1:]:
            raise ValueError(
                f"{self.path} is no autoencoder: it takes {self.input.shape[1:]} "
                f"and gives {output.shape[1:]}."
            )

    def decode_request(self, request: Pictures):
        """Return the pictures as the network takes them, or refuse them."""
        n = len(request.pictures)
        if n > MOST_PICTURES:
            raise HTTPException(413, f"pictures must be at most {MOST_PICTURES}; got {n}.")
        shape = self.input.shape[1:]
        size = math.prod(shape)
        for index, picture in enumerate(request.pictures):
            # two halves must not become one picture
            if len(picture) != size:
                raise HTTPException(
                    400, f"pictures[{index}] must be {size} numbers; got {len(picture)}."
                )
        try:
            return to_unit_range(request.pictures).reshape(-1, *shape)
        except AeutilsError as error:
            raise HTTPException(400, str(error)) from error

    def predict(self, x):
        """Return the reconstruction error of each picture."""
        (reconstruction,) = self.session.run(None, {self.input.name: x})
        return reconstruction_error(x, np.clip(reconstruction, 0, 1))

    def encode_response(self, scores):
        """Return what becomes the answer's JSON."""
        return {"scores": scores.tolist()}


class AtMost:
    """Back pressure: refuses a request at once while as many as may be are under way."""

    def __init__(self, app, most):
        self.app, self.most, self.under_way = app, most, 0

    async def __call__(self, scope, receive, send):
        """Pass the request on, or answer 503; all other paths are free."""
        if scope["type"] != "http" or scope["path"] != "/predict":
            return await self.app(scope, receive, send)
        if self.under_way >= self.most:
            detail = f"{self.most} requests are under way; try again later."
            refusal = JSONResponse({"detail": detail}, 503, {"Retry-After": "1"})
            return await refusal(scope, receive, send)
        self.under_way += 1
        try:
            return await self.app(scope, receive, send)
        finally:
            self.under_way -= 1


def new_server(path, workers=1, waiting=MOST_WAITING):
    """Return a server of the network in a file; it counts bytes and requests under way."""
    return litserve.LitServer(
        Scorer(path),
        accelerator="cpu",
        workers_per_device=workers,
        max_payload_size=MOST_BYTES,
        middlewares=[(AtMost, {"most": waiting})],
    )


def stop(*_):
    """End all processes at SIGTERM, which ends a service; LitServe knows Ctrl-C alone."""
    if multiprocessing.parent_process():
        sys.exit(0)
    raise KeyboardInterrupt


def main():
    """Serve until stopped."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: reachable from outside")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help="processes that compute")
    parser.add_argument(
        "--waiting",
        type=int,
        default=MOST_WAITING,
        help=f"requests under way before others are refused (default {MOST_WAITING})",
    )
    arguments = parser.parse_args()
    if not arguments.model.is_file():
        parser.error(f"{arguments.model} is not there")
    if arguments.waiting < 1:
        parser.error("--waiting must be at least 1")
    signal.signal(signal.SIGTERM, stop)
    # one process takes all requests in, so that it can count them
    new_server(str(arguments.model), arguments.workers, arguments.waiting).run(
        host=arguments.host,
        port=arguments.port,
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
