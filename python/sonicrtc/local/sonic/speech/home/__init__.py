"""What the local speech brain understands of a smart home: text in, commands and questions out."""
