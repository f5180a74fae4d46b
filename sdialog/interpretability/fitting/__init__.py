"""How directions and probes are fitted and tested on dialogs that they have not seen."""
