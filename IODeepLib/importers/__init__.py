"""Networks that others trained, with their pipelines: made into IODeep instances."""
