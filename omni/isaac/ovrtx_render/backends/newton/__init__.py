"""Newton's ``SensorCamera`` as a backend."""
