"""What the model can call: any typed Python function."""
