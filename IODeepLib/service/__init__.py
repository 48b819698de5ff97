"""The service beside the PACS: a study comes, the models that fit it run, the result is stored."""
