"""From a trained run to one self-describing ONNX file."""
