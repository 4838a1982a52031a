"""Isaac Sim's own tiled render product as a backend; inside Kit only."""
