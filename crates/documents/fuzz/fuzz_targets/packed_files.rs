#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millwright_documents::fuzz::packed_files(bytes));
