"""HTTP and WebSocket: what browsers, scripts and monitors see. No bus inside."""
