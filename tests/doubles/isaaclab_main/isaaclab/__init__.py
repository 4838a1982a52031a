"""Contract double of a later Isaac Lab: the renderer interface of ``main`` after 3.0.0, as its documentation has it."""
