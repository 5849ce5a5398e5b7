"""How others lay out bytes: protobuf's wire format, TensorFlow's and LevelDB's records, YAML without code."""
