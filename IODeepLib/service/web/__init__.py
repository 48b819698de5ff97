"""What others reach of the service by HTTP: its page, its REST API, and what it says of itself."""
