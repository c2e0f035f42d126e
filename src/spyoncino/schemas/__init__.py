"""Payloads of the bus: frozen, versioned Pydantic models; ``topics`` lists every topic."""
