use crate::host::{log, Level};
use core::fmt::Write;

/// Text of at most the length of a log line.
struct Line {
    bytes: [u8; 1024],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        for &b in s.as_bytes().iter().take(self.bytes.len() - self.len) {
            self.bytes[self.len] = b;
            self.len += 1;
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut line = Line { bytes: [0; 1024], len: 0 };
    let _ = write!(line, "{}", info);
    log(Level::Error, &line.bytes[..line.len]);
    core::arch::wasm32::unreachable()
}
