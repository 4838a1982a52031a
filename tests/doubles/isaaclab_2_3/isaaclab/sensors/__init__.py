"""Contract double of ``isaaclab.sensors``."""

from .camera import Camera, CameraCfg, CameraData, TiledCamera, TiledCameraCfg
from .sensor_base import SensorBase

__all__ = ["Camera", "CameraCfg", "CameraData", "SensorBase", "TiledCamera", "TiledCameraCfg"]
