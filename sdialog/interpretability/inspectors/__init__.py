"""What scenario files may attach to agents, by name: each file registers one recipe."""
