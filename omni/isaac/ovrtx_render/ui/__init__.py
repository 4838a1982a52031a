"""The tile viewer and material debugger: a view-model without any Kit import, and the skins that show it."""
