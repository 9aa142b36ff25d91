"""Running a recipe: nodes, the workspace they keep their outputs in, and the order they run in."""
