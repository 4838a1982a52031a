"""Which Kit the doubles stand for; set by :mod:`kit_process` before any of them is imported."""

PROFILE = "kit110"
"""``kit106`` (older events only), ``kit107`` (Isaac Sim 5.x) or ``kit110`` (Isaac Sim 6.x)."""
