"""Files of formats that several sources share, whatever state they are in."""
