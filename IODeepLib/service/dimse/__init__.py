"""The service as an application entity: images that are sent to it, and procedure steps."""
