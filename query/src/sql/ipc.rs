//! Rows out of an Arrow IPC stream that comes in pieces.

use std::io;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;

/// Reads rows as their bytes come.
pub(super) struct IpcReader {
    decoder: StreamDecoder,
    undecoded: Buffer,
}

impl IpcReader {
    pub(super) fn new() -> Self {
        Self { decoder: StreamDecoder::new(), undecoded: Buffer::default() }
    }

    /// Takes in some more bytes. Whatever came before was read.
    pub(super) fn push(&mut self, bytes: Vec<u8>) {
        self.undecoded = Buffer::from(bytes);
    }

    /// The next rows; none where more bytes are needed first.
    pub(super) fn next(&mut self) -> io::Result<Option<RecordBatch>> {
        self.decoder.decode(&mut self.undecoded).map_err(io::Error::other)
    }

    /// The columns, once they are known.
    pub(super) fn schema(&self) -> Option<SchemaRef> {
        self.decoder.schema()
    }

    /// Whether the stream ended where it should.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.decoder.finish().map_err(io::Error::other)
    }
}
