"""The local Nova Sonic service."""
