/**
 * What Python's pickle and PyTorch's files made of it hold, read as data: nothing in a file is ever looked up or run.
 * Source of the formats: Python's Lib/pickletools.py, PyTorch's torch/serialization.py.
 */
package dev.headwater.engine.pickle;
