//! Streaming statistics with stated false-alarm rates.
