"""Models by prefix. This folder is the list: each module not starting with an underscore is one backend."""
