"""Three sites with a PACS each learn together: `make federated`."""
