"""ME-MHACL: self-supervised group-meiosis contrastive learning with multi-head attention."""
