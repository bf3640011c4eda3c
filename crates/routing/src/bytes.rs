//! Little-endian numbers in a file of weights.

/// Appends.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f32(&mut self, value: f32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f32s(&mut self, values: &[f32]) {
        self.u32(values.len() as u32);
        for value in values {
            self.f32(*value);
        }
    }

    pub(crate) fn bytes(&mut self, values: impl ExactSizeIterator<Item = u8>) {
        self.u32(values.len() as u32);
        self.0.extend(values);
    }
}

/// Takes from the front; `None` when nothing is left.
#[derive(Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// Only numbers that one can calculate with.
    pub(crate) fn f32(&mut self) -> Option<f32> {
        self.take(4)?.try_into().ok().map(f32::from_le_bytes).filter(|value| value.is_finite())
    }

    /// How many items of `size` bytes follow, if so many bytes are left.
    pub(crate) fn length(&mut self, size: usize) -> Option<usize> {
        let count = self.u32()? as usize;
        (count <= self.0.len() / size).then_some(count)
    }

    pub(crate) fn f32s(&mut self) -> Option<Vec<f32>> {
        let count = self.length(4)?;
        (0..count).map(|_| self.f32()).collect()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.length(1)?;
        self.take(count)
    }
}
