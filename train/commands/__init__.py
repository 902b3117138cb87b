"""The subcommands of memhacl-train and their settings on the command line."""
