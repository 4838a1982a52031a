"""A double of ``omni.ui`` that keeps its contract: names, arguments, types, arity of callbacks, threads, lifetimes.

What the real library answers with a crash, a frozen picture or silence raises here: an unknown argument, a widget
outside of a container, a second child of a frame, the use of something after it was destroyed, a provider or model that
nobody keeps, a call from another thread. Layout follows the library's rules as far as the window needs them, so that
boxes can be computed and drawn.
"""

from __future__ import annotations

from .containers import (
    CollapsableFrame,
    Frame,
    HStack,
    Placer,
    ScrollingFrame,
    VGrid,
    VStack,
    ZStack,
)
from .enums import (
    Alignment,
    CircleSizePolicy,
    DockPolicy,
    DockPosition,
    DockPreference,
    IwpFillPolicy,
    RasterPolicy,
    ScrollBarPolicy,
    TextureFormat,
    Type,
)
from .images import ByteImageProvider, ImageProvider, ImageWithProvider
from .lengths import Fraction, Length, Percent, Pixel
from .models import (
    AbstractItem,
    AbstractItemDelegate,
    AbstractItemModel,
    AbstractValueModel,
    SimpleBoolModel,
    SimpleFloatModel,
    SimpleIntModel,
    SimpleStringModel,
)
from .tree import TreeView
from .widgets import (
    Button,
    CheckBox,
    Circle,
    ComboBox,
    FloatField,
    FloatSlider,
    IntField,
    IntSlider,
    Label,
    Plot,
    ProgressBar,
    Rectangle,
    Separator,
    Spacer,
    StringField,
    Widget,
)
from .windows import WINDOW_FLAGS_NO_SCROLLBAR, Window, WindowHandle, Workspace

__all__ = [
    "WINDOW_FLAGS_NO_SCROLLBAR",
    "AbstractItem",
    "AbstractItemDelegate",
    "AbstractItemModel",
    "AbstractValueModel",
    "Alignment",
    "Button",
    "ByteImageProvider",
    "CheckBox",
    "Circle",
    "CircleSizePolicy",
    "CollapsableFrame",
    "ComboBox",
    "DockPolicy",
    "DockPosition",
    "DockPreference",
    "FloatField",
    "FloatSlider",
    "Fraction",
    "Frame",
    "HStack",
    "ImageProvider",
    "ImageWithProvider",
    "IntField",
    "IntSlider",
    "IwpFillPolicy",
    "Label",
    "Length",
    "Percent",
    "Pixel",
    "Placer",
    "Plot",
    "ProgressBar",
    "RasterPolicy",
    "Rectangle",
    "ScrollBarPolicy",
    "ScrollingFrame",
    "Separator",
    "SimpleBoolModel",
    "SimpleFloatModel",
    "SimpleIntModel",
    "SimpleStringModel",
    "Spacer",
    "StringField",
    "TextureFormat",
    "TreeView",
    "Type",
    "VGrid",
    "VStack",
    "Widget",
    "Window",
    "WindowHandle",
    "Workspace",
    "ZStack",
]
