"""From the integer graph to a dataflow: layers become folded engines, tensors become streams of pixels."""
