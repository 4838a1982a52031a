"""Enumerations and constants, with the values of the real ones."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag

__all__ = [
    "AftermathMode",
    "AttributeFilterMode",
    "BindingFlag",
    "DLDataTypeCode",
    "DLDeviceType",
    "DataAccess",
    "Device",
    "EventStatus",
    "FilterKind",
    "MotionBvh",
    "PrimMode",
    "SelectionFillMode",
    "Semantic",
    "TextureStreamingMode",
]


class Device(IntEnum):
    DEFAULT = 0
    CPU = 1
    CUDA = 2
    CUDA_ARRAY = 3


class Semantic(IntEnum):
    NONE = 0
    XFORM_MAT4x4 = 1
    PATH_STRING = 4
    TOKEN_STRING = 5
    TOKEN_ID = 6
    PATH_ID = 7
    TAG = 8


class PrimMode(Enum):
    EXISTING_ONLY = 0
    MUST_EXIST = 1
    CREATE_NEW = 2


class BindingFlag(IntFlag):
    NONE = 0
    OPTIMIZE = 1


class DataAccess(Enum):
    ASYNC = 0
    SYNC = 1


class EventStatus(Enum):
    PENDING = 0
    COMPLETED = 1
    FAILURE = 2


class FilterKind(Enum):
    PRIM_TYPE = 0
    HAS_ATTRIBUTE = 1


class AttributeFilterMode(Enum):
    NONE = 0
    ALL = 1
    SPECIFIC = 2


class SelectionFillMode(IntEnum):
    EDGE_ONLY = 0
    GLOBAL = 1
    GROUP_OUTLINE_COLOR = 2
    GROUP_FILL_COLOR = 3


class MotionBvh(IntEnum):
    DISABLE = 0
    ENABLE = 1
    AUTO = 2


class TextureStreamingMode(IntEnum):
    DISABLE = 0
    SYNCHRONOUS = 1
    ASYNCHRONOUS = 2


class AftermathMode(IntEnum):
    DISABLE = 0
    ENABLE = 1
    AUTO = 2


class DLDeviceType(IntEnum):
    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLCUDAManaged = 13


class DLDataTypeCode(IntEnum):
    Int = 0
    UInt = 1
    Float = 2
    OpaqueHandle = 3
    Bfloat = 4
    Complex = 5
    Bool = 6


STRINGS = (Semantic.PATH_STRING, Semantic.TOKEN_STRING)
