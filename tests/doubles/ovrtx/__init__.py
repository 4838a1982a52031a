"""A double of NVIDIA OVRTX that renders: names, checks and life cycles of the real library, drawn by our own backend.

Every rule it keeps comes from public material about versions 0.3 to 0.5; none of it was compared with the library.
``double`` holds the switches of the double, all other names are those of the version that is played.
"""

from . import _settings as double
from ._attributes import AttributeBinding, AttributeMapping
from ._config import RendererConfig
from ._enums import (
    AftermathMode,
    AttributeFilterMode,
    BindingFlag,
    DataAccess,
    Device,
    DLDeviceType,
    EventStatus,
    FilterKind,
    MotionBvh,
    PrimMode,
    SelectionFillMode,
    Semantic,
    TextureStreamingMode,
)
from ._operations import Operation, OperationCounter, OperationStatus, PendingFetch
from ._outputs import (
    FrameOutput,
    MappedRenderVar,
    ProductOutput,
    RenderProductSetOutputs,
    RenderVarOutput,
    RenderVarParam,
    RenderVarTensor,
)
from ._renderer import AttributeInfo, Renderer
from ._settings import VERSION, __version__
from ._tensors import DLDataType, DLDevice

OVRTX_LIBRARY_PATH_HINT = None
OVRTX_RENDER_VAR_PICK_HIT = "ovrtx_pick_hit"
OVRTX_PICK_FLAG_GIZMO = 1
OVRTX_PICK_FLAG_INCLUDE_TRACKED_INFO = 2
OVRTX_PICK_HIT_MAGIC = 0x56505448
OVRTX_PICK_HIT_VERSION = 1


def register_schema_paths(binary_package_root=None):
    """Make the RTX schemas visible to pxr; the double has none."""


def usd_plugin_paths(binary_package_root=None):
    return ()


def usd_pluginpath_env_keys():
    return ("PXR_PLUGINPATH_NAME",)


__all__ = [
    "OVRTX_LIBRARY_PATH_HINT",
    "OVRTX_PICK_FLAG_GIZMO",
    "OVRTX_PICK_FLAG_INCLUDE_TRACKED_INFO",
    "OVRTX_PICK_HIT_MAGIC",
    "OVRTX_PICK_HIT_VERSION",
    "OVRTX_RENDER_VAR_PICK_HIT",
    "AftermathMode",
    "AttributeBinding",
    "AttributeFilterMode",
    "AttributeInfo",
    "AttributeMapping",
    "BindingFlag",
    "DLDataType",
    "DLDevice",
    "DLDeviceType",
    "DataAccess",
    "Device",
    "EventStatus",
    "FilterKind",
    "FrameOutput",
    "MappedRenderVar",
    "MotionBvh",
    "Operation",
    "OperationCounter",
    "OperationStatus",
    "PendingFetch",
    "PrimMode",
    "ProductOutput",
    "RenderProductSetOutputs",
    "RenderVarOutput",
    "RenderVarParam",
    "RenderVarTensor",
    "Renderer",
    "RendererConfig",
    "SelectionFillMode",
    "Semantic",
    "TextureStreamingMode",
    "__version__",
    "double",
    "register_schema_paths",
    "usd_plugin_paths",
    "usd_pluginpath_env_keys",
]

_SINCE = {
    "MotionBvh": (0, 4, 0),
    "TextureStreamingMode": (0, 4, 1),
    "usd_plugin_paths": (0, 5, 0),
    "DLDevice": (0, 5, 0),
    "DLDeviceType": (0, 5, 0),
    "AftermathMode": (0, 5, 0),
}
for _name, _version in _SINCE.items():
    if _version > VERSION:
        del globals()[_name]
        __all__.remove(_name)
