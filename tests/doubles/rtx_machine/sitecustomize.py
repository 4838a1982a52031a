"""Put on the path of another process, this gives it the OVRTX double and an RTX GPU to run on.

``OVRTX_DOUBLE_VERSION`` says which version, ``OVRTX_DOUBLE_RENDERER`` is JSON of what the double draws with, and
``OVRTX_DOUBLE_DEVICE`` where.
"""

import json
import os

import ovrtx

from omni.isaac.ovrtx_render.backends.ovrtx import hardware

hardware.gpus = lambda: [hardware.Gpu("NVIDIA RTX 6000", 89)]
hardware.driver_version = lambda: (580, 95, 5)
ovrtx.double.OPTIONS.renderer.update(json.loads(os.environ.get("OVRTX_DOUBLE_RENDERER", "{}")))
ovrtx.double.OPTIONS.device = os.environ.get("OVRTX_DOUBLE_DEVICE", "cpu")
